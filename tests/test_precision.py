"""bfloat16 stays inside the networks."""

import numpy as np
import pytest
import torch
from torch import nn

import vaekit
from vaekit.data import open_source
from vaekit.networks import (
    conv_decoder,
    conv_encoder,
    residual_decoder,
    residual_encoder,
    tutorial_decoder,
    tutorial_encoder,
)
from vaekit.networks.fast import ConvTranspose2d
from vaekit.networks.ladder import residual_ladder
from vaekit.networks.maps import ToCode
from vaekit.networks.narrow import Conv1d, Conv2d, ConvTranspose1d
from vaekit.networks.series import SeriesDecoder, SeriesEncoder, SeriesShape
from vaekit.runs.job import prepare
from vaekit.system.checks import BadInput
from vaekit.system.precision import dtype_for, has_bfloat16, in_precision, networks_in

CPU = torch.device("cpu")


class Asking(nn.Linear):
    """A layer that remembers the type of what it gave."""

    given = None

    def forward(self, x):
        self.given = super().forward(x)
        return self.given


def test_networks_compute_in_it_and_give_float32():
    net, x = Asking(4, 3), torch.rand(5, 4)
    with networks_in(torch.bfloat16):
        assert in_precision(net, x).dtype == torch.float32
        assert net.given.dtype == torch.bfloat16
    assert torch.equal(in_precision(net, x), net(x))
    assert net.given.dtype == torch.float32


@pytest.mark.parametrize("recipe", ["vae", "full_covariance_vae", "iwae", "dreg", "beta_tcvae"])
def test_losses_and_gradients_are_float32(recipe):
    job = prepare(open_source("digits"), recipe, latent=3, width=16, epochs=1)
    batch = job.rows("train")[:32]
    losses = {}
    for dtype in (torch.float32, torch.bfloat16):
        torch.manual_seed(0)
        with networks_in(dtype):
            loss = job.built.objective(job.built.model, batch, 0)
        loss.total.backward()
        losses[dtype] = loss.total.item()
        assert loss.total.dtype == torch.float32
        assert all(p.grad.dtype == torch.float32 for p in job.built.model.parameters())
    a, b = losses.values()
    assert a != b
    assert a == pytest.approx(b, rel=5e-3)


def test_a_model_trained_in_bfloat16_is_evaluated_in_float32():
    """Same seed, same noise: the test ELBO differs by little, and is computed in float32."""
    found = []
    for precision in ("fp32", "bf16"):
        model = vaekit.fit("digits", latent=4, width=64, epochs=30, precision=precision)
        found.append(model.evaluate(samples=1).elbo)
        assert all(p.dtype == torch.float32 for p in model.model.parameters())
        assert model.config.plan.precision == precision
    assert found[0] != found[1]
    assert found[0] == pytest.approx(found[1], abs=1.0)


def test_what_auto_means(monkeypatch):
    monkeypatch.setattr("vaekit.system.precision.cpu_capabilities", lambda: {"avx512_bf16": True})
    assert dtype_for("auto", CPU) == torch.bfloat16
    assert dtype_for("fp32", CPU) == torch.float32
    monkeypatch.setattr("vaekit.system.precision.cpu_capabilities", lambda: {"avx512_f": True})
    assert not has_bfloat16(CPU)
    assert dtype_for("auto", CPU) == torch.float32
    assert dtype_for("bf16", CPU) == torch.bfloat16
    with pytest.raises(BadInput, match="unknown precision 'fp16'; did you mean"):
        prepare(open_source("digits"), latent=2, precision="fp16")


HIGH, FLAT, POINT = (2, 8, 2), (2, 2, 8), (2, 1, 1)
STRIDED = {
    "conv encoder": (lambda image: conv_encoder(image, (3,), (16, 16)), True),
    "conv decoder": (lambda image: conv_decoder(3, image, (16, 16)), False),
    "residual encoder": (lambda image: residual_encoder(image, (3,), (16, 16)), True),
    "residual decoder": (lambda image: residual_decoder(3, image, (16, 16)), False),
    "Keras's encoder": (lambda image: tutorial_encoder(image, 3), True),
    "Keras's decoder": (lambda image: tutorial_decoder(3, image), False),
    "maps": (lambda image: ToCode(image, 2, (16, 16, 16), 1), True),
    "ladder": (lambda image: nn.Sequential(*residual_ladder(image, image, 3).stages), True),
    "series encoder": (lambda image: SeriesEncoder(SeriesShape(2, 8), 16, (3,), 8, 3), True),
    "series decoder": (lambda image: SeriesDecoder(SeriesShape(2, 8), 3, (16,), 8, 3), False),
}


def gradients(net, x, dtype):
    """Of all weights, under a loss whose own gradient is the same whatever the type."""
    net.zero_grad()
    with networks_in(dtype):
        y = in_precision(net, x)
    (y * torch.linspace(-1, 1, y.numel()).view(y.shape)).sum().backward()
    return {
        name: weight.grad.clone()
        for name, weight in net.named_parameters()
        if weight.grad is not None
    }


@pytest.mark.parametrize("image", [HIGH, FLAT, POINT], ids=str)
@pytest.mark.parametrize("name", STRIDED)
def test_gradients_in_bfloat16_are_near_those_in_float32_where_images_are_narrow(name, image):
    """torch's own are memory that nobody wrote to, some of it not finite."""
    make, encodes = STRIDED[name]
    torch.manual_seed(0)
    net = make(image)
    size = (16,) if name.startswith("series") else image
    x = torch.rand(32, *size) if encodes else torch.randn(32, 3)
    exact, half = (gradients(net, x, dtype) for dtype in (torch.float32, torch.bfloat16))
    whole = torch.cat([g.flatten() for g in exact.values()]).norm()
    for weight, gradient in exact.items():
        assert (half[weight] - gradient).norm() <= 0.25 * whole, weight


KINDS = [
    (nn.Conv1d, Conv1d, (), {}),
    (nn.Conv2d, Conv2d, (4,), {}),
    (nn.ConvTranspose1d, ConvTranspose1d, (), {}),
    (nn.ConvTranspose2d, ConvTranspose2d, (4,), {"bias": False}),  # which is added apart
]


def convolved(layer, x):
    """What comes out in bfloat16, and the gradients of the weights."""
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    y.float().square().sum().backward()
    return [y.detach(), *(weight.grad for weight in layer.parameters())]


@pytest.mark.parametrize("wide", [1, 2, 5])
@pytest.mark.parametrize(("theirs", "ours", "high", "more"), KINDS)
def test_what_is_not_narrow_is_torchs_to_the_last_bit(theirs, ours, high, more, wide):
    """What is narrow is computed in float32, and comes in the same type."""
    torch.manual_seed(0)
    one, other = (kind(16, 8, 3, stride=2, padding=1, **more) for kind in (theirs, ours))
    other.load_state_dict(one.state_dict())
    x = torch.rand(6, 16, *high, wide)
    expected, found = convolved(one, x), convolved(other, x)
    assert found[0].dtype == torch.bfloat16
    if wide > 1:
        assert all(map(torch.equal, expected, found))
        return
    assert torch.allclose(expected[0].float(), found[0].float(), atol=0.02)
    assert (found[1][..., [0, 2]] == 0).all(), "beside the image there is nothing"
    assert not torch.equal(found[1], found[1].bfloat16().float())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_without_half_precision_narrow_images_are_convolved_as_torch_does(dtype):
    layer = Conv2d(3, 4, 3, stride=2, padding=1).to(dtype)
    x = torch.rand(5, 3, 4, 1, dtype=dtype)
    assert torch.equal(layer(x), nn.Conv2d.forward(layer, x))
    assert torch.equal(layer(x), nn.functional.conv2d(x, layer.weight, layer.bias, 2, 1))


def test_a_narrow_layer_can_be_exported_and_mapped_over_weights():
    net = nn.Sequential(Conv2d(2, 4, 3, stride=2, padding=1), ConvTranspose2d(4, 2, 3, 2, 1))
    x = torch.rand(5, 2, 4, 1)
    assert torch.allclose(torch.export.export(net, (x,)).module()(x), net(x))
    weights = {name: torch.stack([w, 2 * w]) for name, w in net.state_dict().items()}
    with torch.autocast("cpu", torch.bfloat16):
        each = torch.func.vmap(lambda w: torch.func.functional_call(net, w, (x,)))(weights)
        assert torch.allclose(each[0], net(x), atol=0.02)


@pytest.mark.parametrize(("recipe", "depth"), [("conv_vae", 4), ("residual_vae", 4)])
def test_deep_networks_train_in_bfloat16(recipe, depth):
    model = vaekit.fit(
        "digits", recipe, depth=depth, epochs=1, batch=512, precision="bf16", quiet=True
    )
    assert np.isfinite(model.sample(2)).all()


@pytest.mark.parametrize("name", STRIDED)
def test_no_strided_convolution_is_torchs_own(name):
    for layer in STRIDED[name][0](HIGH).modules():
        if max(getattr(layer, "stride", (1,))) > 1:
            assert type(layer).__module__.startswith("vaekit."), layer
