"""On a linear-Gaussian model everything is known, so every bound must say what it should."""

import pytest
import torch
from parts import LinearGaussian
from torch import nn

from vaekit.conditionals import Conditional, StandardNormal
from vaekit.evaluation import elbo_per_row, log_likelihood, log_likelihood_per_row
from vaekit.families import DiagonalNormal
from vaekit.models import VAE
from vaekit.models.drawing import with_common_noise
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae, path_elbo, reconstruction

EXACT = LinearGaussian()
WRONG = LinearGaussian(shift=0.15, stretch=1.3, full=False)


@pytest.mark.parametrize("bound", [path_elbo, iwae], ids=["elbo", "iwae"])
def test_bounds_through_the_exact_posterior_are_log_p(bound):
    """Every particle's weight is log p(x): no noise is left at all."""
    t = trace(EXACT.model, EXACT.x, samples=7)
    assert torch.allclose(t.log_ratio, EXACT.log_px.expand(7, 5), atol=1e-5)
    assert torch.allclose(bound(t), EXACT.log_px, atol=1e-5)


def test_elbo_with_exact_kl_is_log_p_on_average():
    t = trace(EXACT.model, EXACT.x, samples=20_000)
    noise = t.log_px.std(0) / 20_000**0.5
    assert ((elbo(t) - EXACT.log_px).abs() < 4 * noise).all()


def test_a_wrong_posterior_orders_the_bounds():
    """ELBO < IWAE-5 < IWAE-50 < log p(x) for every row."""
    t = trace(WRONG.model, WRONG.x, samples=50 * 4000)
    ratio = t.log_ratio.unflatten(0, (4000, 50))

    def bound(k):
        groups = ratio.flatten(0, 1).unflatten(0, (-1, k))
        return (torch.logsumexp(groups, 1) - torch.tensor(float(k)).log()).mean(0)

    assert (bound(1) < bound(5)).all()
    assert (bound(5) < bound(50)).all()
    assert (bound(50) < WRONG.log_px).all()
    assert torch.allclose(bound(1), elbo(t), atol=0.02)


def test_one_particle_iwae_is_the_sampled_elbo():
    t = trace(WRONG.model, WRONG.x)
    assert torch.allclose(iwae(t), t.log_ratio[0])
    assert torch.allclose(path_elbo(t), iwae(t))


def test_the_value_is_the_bound_itself():
    """log of the mean weight, not a weighted mean of log weights."""
    t = trace(WRONG.model, WRONG.x, samples=64)
    by_hand = t.log_ratio.exp().mean(0).log()
    assert torch.allclose(iwae(t), by_hand, atol=1e-8)


def test_reconstruction_is_the_first_term():
    t = trace(WRONG.model, WRONG.x, samples=9)
    assert torch.allclose(elbo(t), reconstruction(t) - t.kl.mean(0))


def test_importance_sampling_finds_log_p_and_its_own_error():
    found = log_likelihood(WRONG.model, WRONG.x, samples=50_000)
    error = (found.value - WRONG.log_px).abs()
    assert (error < 5 * found.standard_error + 1e-6).all()
    assert (found.standard_error < 0.05).all()
    assert ((found.effective > 1) & (found.effective <= 50_000)).all()


def test_importance_sampling_draws_and_divides_by_the_same_number():
    """Any number of samples, whatever the pieces: with the exact posterior the answer is exact."""
    for samples in (1, 7, 999, 20_001):
        found = log_likelihood(EXACT.model, EXACT.x, samples=samples)
        assert torch.allclose(found.value.double(), EXACT.log_px, atol=1e-4), samples
        assert torch.allclose(found.effective, torch.full((5,), float(samples)), rtol=1e-3)


def test_standard_errors_are_honest():
    """The spread of repeated estimates is what each estimate says of itself."""
    runs = [log_likelihood(WRONG.model, WRONG.x, samples=400, seed=s) for s in range(200)]
    spread = torch.stack([r.value for r in runs]).std(0)
    claimed = torch.stack([r.standard_error for r in runs]).mean(0)
    assert torch.allclose(spread, claimed, rtol=0.3)


def test_common_noise_scores_depend_on_their_row_alone():
    model, x = WRONG.model, WRONG.x
    whole = elbo_per_row(model, x, samples=4)
    assert torch.allclose(
        whole, torch.cat([elbo_per_row(model, row[None], samples=4) for row in x])
    )
    assert torch.allclose(whole.flip(0), elbo_per_row(model, x.flip(0), samples=4))


def test_log_p_of_rows_apart_is_log_p():
    """Exact with the exact posterior, near with a wrong one; over several pieces of particles."""
    found = log_likelihood_per_row(EXACT.model, EXACT.x, samples=120)
    assert torch.allclose(found, EXACT.log_px, atol=1e-5)
    found = log_likelihood_per_row(WRONG.model, WRONG.x, samples=20_000)
    assert torch.allclose(found, WRONG.log_px, atol=0.05)
    assert not torch.equal(
        found, log_likelihood_per_row(WRONG.model, WRONG.x, samples=20_000, seed=1)
    )


def test_log_p_of_a_row_is_its_own_affair():
    whole = log_likelihood_per_row(WRONG.model, WRONG.x, samples=70)
    apart = [log_likelihood_per_row(WRONG.model, row[None], samples=70) for row in WRONG.x]
    assert torch.allclose(whole, torch.cat(apart), atol=1e-10)
    many = WRONG.x.repeat(200, 1)
    assert torch.allclose(log_likelihood_per_row(WRONG.model, many, samples=70)[-5:], whole)


def test_common_noise_is_unbiased():
    shared = trace(WRONG.model, WRONG.x, samples=100_000, rule=with_common_noise)
    plain = trace(WRONG.model, WRONG.x, samples=100_000)
    noise = (shared.log_px.var(0) + plain.log_px.var(0)).sqrt() / 100_000**0.5
    assert ((elbo(shared) - elbo(plain)).abs() < 4 * noise).all()


def gradients(bound, samples, repeats):
    """Mean gradient of the bound with respect to q's parameters, and its standard error."""
    net = nn.Linear(6, 6).double()
    with torch.no_grad():
        net.weight.mul_(0.3)
    model = VAE(
        StandardNormal(3).double(), Conditional(net, DiagonalNormal(3)), EXACT.model.likelihood
    )
    found = []
    for _ in range(repeats):
        net.zero_grad()
        bound(trace(model, EXACT.x, samples=samples)).mean().backward()
        found.append(net.weight.grad.flatten().clone())
    stacked = torch.stack(found)
    return stacked.mean(0), stacked.std(0) / repeats**0.5


def test_path_gradient_is_unbiased():
    torch.manual_seed(0)
    plain, plain_error = gradients(elbo, 50, 300)
    torch.manual_seed(0)
    path, path_error = gradients(path_elbo, 50, 300)
    error = (plain_error**2 + path_error**2).sqrt()
    assert ((plain - path).abs() < 4.5 * error).all()


def test_path_gradient_has_no_noise_at_the_exact_posterior():
    """The plain gradient of the sampled ELBO has noise there; the path derivative has none."""
    scale = nn.Parameter(torch.zeros(3, dtype=torch.float64))

    class Shifted(nn.Module):
        def forward(self, x):
            q = EXACT.model.posterior(x)
            return torch.distributions.MultivariateNormal(q.mean + scale, scale_tril=q.scale_tril)

    model = VAE(EXACT.model.prior, Shifted(), EXACT.model.likelihood)
    path_elbo(trace(model, EXACT.x)).sum().backward()
    assert scale.grad.abs().max() < 1e-9
