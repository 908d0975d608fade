"""q moved for each row before it counts: a true bound, and nearer to log p(x)."""

import itertools
import math

import pytest
import torch
from graphs import ladder
from parts import VECTOR, LinearGaussian, model, rows
from torch import nn

import vaekit
from vaekit.conditionals import Conditional, StandardNormal
from vaekit.families import DiagonalNormal, FullNormal
from vaekit.models import VAE
from vaekit.models.drawing import at_mean
from vaekit.models.trace import trace
from vaekit.objectives import Objective
from vaekit.objectives.amortised import semi_amortised
from vaekit.objectives.bounds import elbo
from vaekit.recipes import recipe
from vaekit.recipes.recipe import call
from vaekit.rows import Rows
from vaekit.system.checks import BadInput
from vaekit.system.precision import networks_in

TRUTH = LinearGaussian(noise=1.0)


class Made(nn.Module):
    """A network by a function."""

    def __init__(self, of):
        super().__init__()
        self.of = of

    def forward(self, x):
        return self.of(x)


class Likelihood(nn.Module):
    """x = z / 2 + 1 + e / 2: the posterior of a row has the mean x - 1 and the variance 1/2."""

    def forward(self, z):
        return torch.distributions.Independent(torch.distributions.Normal(z / 2 + 1, 0.5), 1)


def off():
    """An encoder that says too little of a row, and of a full covariance nothing."""
    family = FullNormal(3)
    net = Made(lambda x: torch.zeros(len(x), *family.raw_shape, dtype=x.dtype))
    return VAE(TRUTH.model.prior, Conditional(net, family), TRUTH.model.likelihood)


def exact():
    """An encoder that gives the posterior itself."""
    free = math.log(math.expm1(0.5**0.5))
    net = Made(lambda x: torch.cat([x - 1, torch.full_like(x, free)], 1))
    return VAE(StandardNormal(2), Conditional(net, DiagonalNormal(2)), Likelihood())


def mean(bound, of, x, times=2000, samples=1):
    """The mean of a bound of each row, and its standard error."""
    torch.manual_seed(0)
    with torch.no_grad():
        each = bound(trace(of, x.repeat_interleave(times, 0), samples=samples))
    each = each.unflatten(0, (len(x), times))
    return each.mean(1), each.std(1) / math.sqrt(times)


def test_it_lies_between_the_encoders_elbo_and_the_likelihood_and_nears_it():
    of, x = off(), TRUTH.x
    found = [mean(elbo, of, x)[0]]
    found += [mean(semi_amortised(k, s), of, x, 200, 8)[0] for k, s in ((3, 0.1), (200, 0.3))]
    for below, above in itertools.pairwise(found):
        assert (above > below + 0.5).all()
    assert torch.allclose(found[-1], TRUTH.log_px, atol=0.12)


@pytest.mark.parametrize("samples", [1, 4])
def test_of_an_exact_q_the_steps_can_only_lose(samples):
    """A bound by the draws that chose the steps would lie above log p(x)."""
    x = torch.tensor([[3.0, 0.0], [2.0, -1.0], [0.0, 1.5]])
    log_px = torch.distributions.Normal(1.0, 0.5**0.5).log_prob(x).sum(1)
    found, error = mean(semi_amortised(2, 0.3), exact(), x, 10_000, samples)
    assert (found < log_px - 2 * error).all()
    assert (found > log_px - 0.4).all()


@pytest.mark.parametrize(("refinements", "stride"), [(0, 0.1), (3, 0.0)])
def test_without_steps_it_is_the_elbo(refinements, stride):
    m = model()
    t = trace(m, rows(m.likelihood.family), samples=3, rule=at_mean)
    bound = semi_amortised(refinements, stride, rule=at_mean)
    assert torch.allclose(bound(t), elbo(t), atol=1e-6)


@pytest.mark.parametrize("kl_weight", [1.0, 0.3])
@pytest.mark.parametrize("part", ["posterior", "likelihood"])
def test_its_gradient_is_that_of_finite_differences(part, kl_weight):
    torch.manual_seed(3)
    m = model().double()
    x = rows(m.likelihood.family).double()
    weights = [*getattr(m, part).parameters()]
    way = [torch.randn_like(w) for w in weights]

    def loss(gradient="whole", step=0.0):
        bound = semi_amortised(3, 0.5, gradient)
        with torch.no_grad():
            for weight, towards in zip(weights, way, strict=True):
                weight += step * towards
        torch.manual_seed(5)
        objective = Objective(bound, samples=2, kl_weight=kl_weight)
        return objective(m, x).total

    def slope(gradient):
        found = torch.autograd.grad(loss(gradient), weights)
        return sum((g * w).sum() for g, w in zip(found, way, strict=True)).item()

    step = 1e-5
    ahead = loss(step=step).item()
    behind = loss(step=-2 * step).item()
    loss(step=step)
    found = (ahead - behind) / (2 * step)
    assert slope("whole") == pytest.approx(found, rel=1e-5)
    assert slope("straight") != pytest.approx(found, rel=1e-3)


def test_the_encoder_sees_rows_once_more_however_many_steps_there_are():
    m, calls = model(), []
    m.posterior.net.register_forward_hook(lambda *_: calls.append(1))
    t = trace(m, rows(m.likelihood.family))
    calls.clear()
    semi_amortised(6, 0.1)(t)
    assert len(calls) == 1
    assert len(m.posterior.net._forward_hooks) == 1


def test_the_noise_of_layers_stays_the_same():
    """Noise on what the encoder sees, and labels that are withheld now and then."""
    how = {"shape": (1, 8, 8), "likelihood": "bernoulli", "noise": 0.5, "drop": 0.5, "latent": 2}
    m = call(recipe("conditional_vae"), {**how, "given": {"label": 3}, "width": 8}).model.train()
    told = Rows(torch.rand(9, 1, 8, 8).round(), {"label": torch.eye(3).repeat(3, 1)})
    torch.manual_seed(0)
    t = trace(m, told, samples=3, rule=at_mean)
    assert torch.allclose(semi_amortised(0, 0.1, rule=at_mean)(t), elbo(t), atol=1e-5)


def test_in_bfloat16_steps_are_taken_in_float32():
    m = model()
    x = rows(m.likelihood.family)
    with networks_in(torch.bfloat16):
        found = semi_amortised(3, 0.1, rule=at_mean)(trace(m, x, rule=at_mean))
        found.sum().backward()
    whole = semi_amortised(3, 0.1, rule=at_mean)(trace(m, x, rule=at_mean))
    assert found.dtype == torch.float32
    assert torch.allclose(found, whole, atol=0.1)
    assert all(torch.isfinite(p.grad).all() for p in m.parameters())


def test_validation_says_the_same_without_gradients():
    m = model()
    x, bound = rows(m.likelihood.family), semi_amortised(3, 0.2, rule=at_mean)
    with torch.no_grad():
        found = bound(trace(m, x, rule=at_mean))
    assert not found.requires_grad
    assert torch.allclose(found, bound(trace(m, x, rule=at_mean)), atol=1e-6)


def test_a_trained_model_has_a_tighter_bound():
    torch.manual_seed(0)
    x = (2 * torch.randn(400, 4) @ torch.randn(4, 12)).tanh() + 0.1 * torch.randn(400, 12)
    how = {"latent": 4, "width": 32, "epochs": 10, "batch": 20, "trim": 5.0, "quiet": True}
    of = vaekit.fit(x, "sa_vae", likelihood="gaussian", lr=5e-3, **how).model.eval()
    plain, _ = mean(elbo, of, x[:50], 10, 8)
    moved, _ = mean(semi_amortised(5, 0.05), of, x[:50], 10, 8)
    assert moved.mean() > plain.mean() + 0.1


def test_models_of_several_latents_are_refused():
    with pytest.raises(BadInput, match=r"cannot be trained so: q of 2 latents cannot be refined"):
        Objective(semi_amortised(2, 0.1)).check(ladder(), Rows(torch.rand(4, *VECTOR).round()))


def test_steps_that_go_to_infinity_are_called_too_long_and_no_fault_of_the_data():
    with pytest.raises(
        BadInput, match=r"loss of the first rows is not finite: .*shorter stride \(--stride"
    ):
        vaekit.fit(torch.randn(40, 3), "sa_vae", latent=2, stride=1e30, epochs=1, quiet=True)
