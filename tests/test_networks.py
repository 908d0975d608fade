"""Networks: shapes for any size, the tutorial's numbers exactly, TensorFlow's padding."""

import doctest

import numpy as np
import pytest
import torch
from torch import nn

import vaekit.networks.keras
import vaekit.networks.layers
from vaekit.data_init import data_init
from vaekit.networks import (
    Heads,
    Rescale,
    Standardize,
    conv_decoder,
    conv_encoder,
    dense,
    glorot,
    residual_decoder,
    residual_encoder,
    tutorial_decoder,
    tutorial_encoder,
)
from vaekit.networks.keras import SameConv, SameConvTranspose, same_padding
from vaekit.networks.layers import depth_for, halvings
from vaekit.system.checks import BadInput

SIZES = [(1, 28, 28), (3, 33, 17), (4, 64, 65), (1, 1, 1), (2, 8, 9), (5, 7, 31)]
PAIRS = {"conv": (conv_encoder, conv_decoder), "residual": (residual_encoder, residual_decoder)}


def count(net):
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", PAIRS)
def test_any_image_size_comes_back(size, kind):
    encoder, decoder = PAIRS[kind]
    x = torch.rand(2, *size)
    z = encoder(size, (4,))(x)
    assert z.shape == (2, 4)
    assert decoder(4, (6, *size[1:]))(z).shape == (2, 6, *size[1:])


@pytest.mark.parametrize("kind", PAIRS)
def test_every_weight_gets_a_gradient(kind):
    encoder, decoder = PAIRS[kind]
    net = nn.Sequential(encoder((2, 9, 7), (4,)), decoder(4, (2, 9, 7)))
    net(torch.rand(3, 2, 9, 7)).square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, name


def test_dense():
    net = dense((2, 3, 4), (5, 6), [7, 8], "tanh")
    assert net(torch.rand(3, 2, 3, 4)).shape == (3, 5, 6)
    assert count(net) == 24 * 7 + 7 + 7 * 8 + 8 + 8 * 30 + 30
    assert count(dense((4,), (2,), [])) == 10


def test_a_fresh_residual_block_changes_nothing():
    from vaekit.networks.residual import Residual

    x = torch.rand(2, 12, 5, 5)
    assert torch.equal(Residual(12)(x), x)


def test_unknown_activation():
    with pytest.raises(BadInput, match="did you mean 'relu'"):
        dense((2,), (2,), [3], "rellu")


def test_the_founding_model_has_exactly_the_published_parameters():
    encoder, decoder = tutorial_encoder((1, 28, 28), 2), tutorial_decoder(2, (1, 28, 28))
    assert count(encoder) == 69_076
    assert count(decoder) == 65_089


def test_the_founding_model_has_exactly_the_published_shapes():
    shapes = {}
    for part, net, x in (
        ("encoder", tutorial_encoder((1, 28, 28), 2), torch.rand(1, 1, 28, 28)),
        ("decoder", tutorial_decoder(2, (1, 28, 28)), torch.rand(1, 2)),
    ):
        for name, layer in net.named_children():
            x = layer(x)
            shapes[f"{part}.{name}"] = (
                tuple(x.shape[1:]),
                sum(p.numel() for p in layer.parameters()),
            )
    assert {k: v for k, v in shapes.items() if v[1]} == {
        "encoder.conv1": ((32, 14, 14), 320),
        "encoder.conv2": ((64, 7, 7), 18_496),
        "encoder.dense": ((16,), 50_192),
        "encoder.heads": ((4,), 68),
        "decoder.dense": ((3136,), 9_408),
        "decoder.deconv1": ((64, 14, 14), 36_928),
        "decoder.deconv2": ((32, 28, 28), 18_464),
        "decoder.deconv3": ((1, 28, 28), 289),
    }


def tensorflow_conv(x, weight, bias, stride):
    """A convolution with "same" padding, by the definition, one output at a time."""
    rows, columns = x.shape[1:]
    out_rows, out_columns = -(-rows // stride), -(-columns // stride)
    pads = [max((o - 1) * stride + 3 - n, 0) for o, n in ((out_rows, rows), (out_columns, columns))]
    padded = np.pad(x, ((0, 0), *((p // 2, p - p // 2) for p in pads)))
    out = np.zeros((weight.shape[0], out_rows, out_columns))
    for i in range(out_rows):
        for j in range(out_columns):
            patch = padded[:, i * stride : i * stride + 3, j * stride : j * stride + 3]
            out[:, i, j] = (weight * patch).sum((1, 2, 3)) + bias
    return out


@pytest.mark.parametrize("size", [(28, 28), (7, 10), (5, 5)])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_is_tensorflows(size, stride):
    layer = SameConv(2, 3, size, stride).double()
    x = torch.rand(1, 2, *size, dtype=torch.float64)
    expected = tensorflow_conv(
        x[0].numpy(), layer.weight.detach().numpy(), layer.bias.detach().numpy(), stride
    )
    assert np.allclose(layer(x)[0].detach().numpy(), expected)


@pytest.mark.parametrize("size", [(28, 28), (7, 10), (5, 5)])
@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolution_is_the_transpose(size, stride):
    """TensorFlow defines it so: <conv(x), y> = <x, transpose(y)> for the same weights."""
    forward = SameConv(2, 3, size, stride).double()
    back = SameConvTranspose(3, 2, size, stride).double()
    nn.init.zeros_(forward.bias)
    nn.init.zeros_(back.bias)
    with torch.no_grad():
        back.weight.copy_(forward.weight)
    x = torch.rand(1, 2, *size, dtype=torch.float64)
    small = forward(x)
    y = torch.rand_like(small)
    assert back(y).shape == x.shape
    assert torch.allclose((small * y).sum(), (x * back(y)).sum())


@pytest.mark.parametrize(("size", "stride"), [((15, 7), 2), ((1, 5), 2), ((4, 9), 1)])
def test_where_both_ends_are_cut_alike_the_layer_is_torchs_own(size, stride):
    """Its padding is what torch cuts off, so that torch's layer needs no turning there."""
    layer = SameConvTranspose(3, 2, size, stride).double()
    x = torch.randn(2, 3, *(-(-n // stride) for n in size), dtype=torch.float64)
    theirs = nn.ConvTranspose2d.forward(layer, x)
    assert theirs.shape == (2, 2, *size)
    assert torch.allclose(layer(x), theirs)


@pytest.mark.parametrize("size", [(28, 28), (30, 28), (7, 10), (5, 5)])
def test_turning_once_is_turning_at_each_layer(size):
    """Sizes that are even at one layer and odd at the next turn at some layers only."""
    together = tutorial_decoder(2, (1, *size)).double()
    apart = nn.Sequential(*together)
    z = torch.randn(3, 2, dtype=torch.float64)
    assert together(z).shape == (3, 1, *size)
    assert torch.allclose(together(z), apart(z))


def test_glorot():
    net = glorot(nn.Sequential(nn.Linear(100, 300), nn.Conv2d(3, 5, 3, bias=False)))
    limit = (6 / 400) ** 0.5
    assert net[0].weight.abs().max() <= limit
    assert net[0].weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.05)
    assert net[0].bias.eq(0).all()


def test_heads_sit_side_by_side():
    heads = Heads(4, mean=2, scale=3)
    x = torch.rand(5, 4)
    assert torch.equal(heads(x)[:, :2], heads.mean(x))
    assert torch.equal(heads(x)[:, 2:], heads.scale(x))


def test_inputs_are_brought_to_size():
    assert Rescale(256)(torch.tensor([0.0, 255.0])).tolist() == [-1.0, 1.0]
    x = torch.randn(1000, 3) * torch.tensor([1.0, 50.0, 0.01]) + 9
    layer = Standardize((3,))
    data_init(layer, x)
    assert torch.allclose(layer(x).mean(0), torch.zeros(3), atol=1e-3)
    assert torch.allclose(layer(x).std(0), torch.ones(3), atol=1e-2)
    counts = Standardize((1,), log=True)
    data_init(counts, torch.tensor([[0.0], [1000.0]]))
    assert counts(torch.tensor([[1000.0]])).item() == pytest.approx(1.0)


def test_sizes():
    assert halvings((28, 15), 2) == [(28, 15), (14, 8), (7, 4)]
    assert [depth_for((n, n)) for n in (3, 4, 8, 28, 64)] == [0, 0, 1, 2, 4]
    assert same_padding(28, 2) == (0, 1)


@pytest.mark.parametrize("module", [vaekit.networks.layers, vaekit.networks.keras])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
