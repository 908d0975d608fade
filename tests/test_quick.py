"""Layers that are faster than torch's give what torch's give."""

import pytest
import torch
from torch import nn

from vaekit.networks import fast as quick
from vaekit.networks.fast import ConvTranspose2d, Linear

AMD = {"cpu_name": "AMD EPYC", "avx512_f": True}


@pytest.fixture(params=["AMD EPYC", "Intel(R) Xeon(R)"])
def on(request, monkeypatch):
    """Either kind of processor, whatever this one is."""
    monkeypatch.setattr(quick, "cpu_capabilities", lambda: {**AMD, "cpu_name": request.param})
    quick._onednn_linear.cache_clear()
    yield request.param
    quick._onednn_linear.cache_clear()


def both(ours, theirs, *shape):
    """What two layers of the same weights give for x, and all gradients."""
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(*shape)
    found = []
    for layer in (ours, theirs):
        here = x.clone().requires_grad_()
        y = layer(here)
        y.square().sum().backward()
        found.append([y.detach(), here.grad, *(p.grad for p in layer.parameters())])
    return found


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, 40, 300])
def test_linear_is_torchs(on, rows, bias):
    for one, other in zip(
        *both(Linear(300, 200, bias), nn.Linear(300, 200, bias), rows, 300), strict=True
    ):
        assert one.shape == other.shape
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())


def test_another_product_is_used_only_where_it_pays(on):
    large, small = torch.randn(300, 300), torch.randn(3, 300)
    weight = torch.randn(200, 300)
    if on.startswith("AMD") and quick._onednn_linear() is None:
        pytest.skip("this torch was built without oneDNN")
    assert quick._is_for_onednn(large, weight) == on.startswith("AMD")
    assert not quick._is_for_onednn(small, weight)
    assert not quick._is_for_onednn(large.double(), weight.double())
    assert not quick._is_for_onednn(large[None], weight)
    with torch.autocast("cpu", torch.bfloat16):
        assert not quick._is_for_onednn(large, weight)


def test_processors_that_say_nothing_are_left_alone(monkeypatch):
    for said in ({}, {"cpu_name": "AMD EPYC"}, {"avx512_f": True}):
        monkeypatch.setattr(quick, "cpu_capabilities", lambda said=said: said)
        quick._onednn_linear.cache_clear()
        assert quick._onednn_linear() is None
    quick._onednn_linear.cache_clear()


def test_gradients_of_gradients_are_torchs(on):
    """Penalties on gradients differentiate twice."""
    ours, theirs = Linear(300, 200), nn.Linear(300, 200)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(100, 300)
    found = []
    for layer in (ours, theirs):
        here = x.clone().requires_grad_()
        first = torch.autograd.grad(layer(here).pow(3).sum(), here, create_graph=True)[0]
        first.square().sum().backward()
        found.append([here.grad, layer.weight.grad])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * other.abs().max().item())


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolution_is_torchs(stride, bias):
    arguments = {"stride": stride, "padding": 1, "output_padding": stride - 1, "bias": bias}
    ours, theirs = (kind(6, 4, 3, **arguments) for kind in (ConvTranspose2d, nn.ConvTranspose2d))
    for one, other in zip(*both(ours, theirs, 5, 6, 7, 8), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)


def test_the_layers_of_networks_are_these():
    from vaekit.networks.convolutional import conv_decoder
    from vaekit.networks.dense import dense

    assert any(isinstance(layer, Linear) for layer in dense((4,), (2,), [3]))
    decoder = conv_decoder(2, (1, 8, 8))
    assert not any(type(layer) in (nn.Linear, nn.ConvTranspose2d) for layer in decoder)


def test_where_there_is_another_product_it_is_used_for_float32_alone(monkeypatch):
    monkeypatch.setattr(quick, "_onednn_linear", lambda: torch.nn.functional.linear)
    x, weight = torch.randn(300, 300), torch.randn(200, 300)
    assert quick._is_for_onednn(x, weight)
    for one, other in ((x.double(), weight), (x, weight.double()), (x.double(), weight.double())):
        assert not quick._is_for_onednn(one, other)
