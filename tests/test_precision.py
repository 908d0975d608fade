"""bfloat16 stays inside the networks."""

import pytest
import torch
from torch import nn

import vaekit
from vaekit.data import open_source
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
