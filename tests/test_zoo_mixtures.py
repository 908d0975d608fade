"""Posteriors that are mixtures: densities, gradients of the weights, and the bound they exist for."""

import math

import pytest
import torch
from parts import LinearGaussian, model, rows
from torch import distributions as D

from vaekit.distributions import (
    NormalMixture,
    common_draws,
    covariance,
    has_density,
    strata,
)
from vaekit.evaluation.aggregate import aggregate
from vaekit.families import DiagonalNormal
from vaekit.families import NormalMixture as Family
from vaekit.models.drawing import from_posterior, stratified
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae, miselbo
from vaekit.recipes import RECIPES, recipe
from vaekit.recipes.recipe import call

AXIS = torch.linspace(-12, 12, 4001, dtype=torch.float64)


def some_mixture(dim=2, components=3, seed=0):
    """One row's, in double precision, with its parameters."""
    torch.manual_seed(seed)
    logits = torch.randn(1, components, dtype=torch.float64)
    loc = torch.randn(1, components, dim, dtype=torch.float64)
    scale = 0.3 + torch.rand(1, components, dim, dtype=torch.float64)
    each = [t.requires_grad_() for t in (logits, loc, scale)]
    return NormalMixture(*each), each


def test_a_mixture_sums_to_one_and_draws_are_like_it():
    q, _ = some_mixture()
    line = AXIS[::20]
    z = torch.cartesian_prod(line, line)
    with torch.no_grad():
        total = q.log_prob(z[:, None]).exp().sum() * (line[1] - line[0]) ** 2
        assert total.item() == pytest.approx(1.0, abs=1e-6)
        for drawn in (q.sample((100_000,)), common_draws(q, 100_000)):
            assert torch.allclose(drawn.mean(0), q.mean, atol=0.02)
            assert torch.allclose(torch.cov(drawn[:, 0].T), covariance(q)[0], atol=0.03)
        assert torch.allclose(covariance(q).diagonal(dim1=-2, dim2=-1), q.variance)


def moments(q):
    """E[z1^2 + z1 z2 + z2], exactly."""
    (first, second), (wide, _) = q.normals.loc.unbind(-1), q.normals.scale.unbind(-1)
    each = first**2 + wide**2 + first * second + second
    return (q.mixture_distribution.probs * each).sum()


def test_gradients_of_draws_are_those_of_expectations_the_weights_too():
    q, parameters = some_mixture()
    exact = torch.autograd.grad(moments(q), parameters, retain_graph=True)
    first, second = q.rsample((100_000,)).unbind(-1)
    mean = (first**2 + first * second + second).mean()
    found = torch.autograd.grad(mean, parameters, retain_graph=True)
    z, beyond = strata(q, 150_000)
    first, second = z.unbind(-1)
    total = (beyond.exp() * (first**2 + first * second + second)).mean()
    by_turns = torch.autograd.grad(total, parameters)
    for a, b, c in zip(exact, found, by_turns, strict=True):
        assert torch.allclose(a, b, atol=0.04)
        assert torch.allclose(a, c, atol=0.04)


def kl_on_a_line(q):
    """KL(q || N(0, 1)) of one number, by quadrature."""
    log_q = q.log_prob(AXIS[:, None, None])[:, 0]
    log_p = D.Normal(0.0, 1.0).log_prob(AXIS)
    return torch.trapezoid(log_q.exp() * (log_q - log_p), AXIS)


def test_the_kl_and_its_gradient_are_those_of_quadrature():
    """The entropy's gradient with it: weights, means and scales."""
    q, parameters = some_mixture(dim=1)
    exact = kl_on_a_line(q)
    slopes = torch.autograd.grad(exact, parameters, retain_graph=True)
    latent = stratified(
        D.Independent(D.Normal(torch.zeros(1).double(), 1.0), 1), q, torch.Size([150_000, 1])
    )
    found = (latent.log_weight.exp() * latent.kl).mean()
    assert found.item() == pytest.approx(exact.item(), abs=0.01)
    again = torch.autograd.grad(found, parameters)
    for a, b in zip(slopes, again, strict=True):
        assert torch.allclose(a, b, atol=0.02)


def gap(family, rule, updates=200):
    """log p(x) - ELBO of the best q found, for z ~ N(0, 1) and x | z ~ N(z^2, 0.5^2) at x = 2: two
    peaks. log p(x) is by quadrature."""
    x, noise = 2.0, 0.5

    prior = D.Independent(D.Normal(torch.zeros(1), 1.0), 1)

    def log_px(z):
        return D.Normal(z**2, noise).log_prob(torch.tensor(x))

    torch.manual_seed(0)
    raw = torch.nn.Parameter(0.1 * torch.randn(1, *family.raw_shape))
    optimizer = torch.optim.Adam([raw, *getattr(family, "parameters", list)()], 3e-2)

    def bound(draws):
        latent = rule(prior, family(raw), torch.Size([draws, 1]))
        return (latent.log_weight.exp() * (log_px(latent.value[..., 0]) - latent.kl)).mean()

    for _ in range(updates):
        optimizer.zero_grad()
        (-bound(32)).backward()
        optimizer.step()
    with torch.no_grad():
        joint = D.Normal(0.0, 1.0).log_prob(AXIS) + log_px(AXIS)
        return torch.trapezoid(joint.exp(), AXIS).log().item() - bound(20_000).item()


def test_two_peaks_are_fitted_by_a_mixture_and_not_by_a_normal():
    """A normal takes one of two equal peaks, which costs log 2."""
    assert gap(DiagonalNormal(1), from_posterior) > 0.9 * math.log(2)
    assert gap(Family(1, 2), stratified) < 0.1
    assert gap(Family(1, 2, even=True), stratified) < 0.1


def test_components_weigh_alike_but_for_models_that_are_older_or_told_to_learn():
    how = {"shape": (5,), "likelihood": "gaussian", "latent": 3, "posterior_components": 2}
    raw = torch.randn(4, 14)
    even = call(recipe("misvae"), how | {"component_weights": "even"}).model.posterior.family
    assert even.raw_shape == (12,)
    assert (even(raw[:, :12]).mixture_distribution.probs == 0.5).all()
    for told in ({}, {"component_weights": "learned"}):
        learned = call(recipe("misvae"), how | told, stored=True).model.posterior.family
        assert learned.raw_shape == (14,)
        found = learned(raw).mixture_distribution.probs
        torch.testing.assert_close(found, raw[:, :2].softmax(-1))
    assert RECIPES["misvae"](**how).model.posterior.family.raw_shape == (12,)


def mixed_up(samples, components=3):
    """A trace of a linear model whose exact posterior is known, q a mixture around it."""
    torch.manual_seed(0)
    known = LinearGaussian(shift=0.1, stretch=1.2)
    exact = known.model.posterior

    def q(x):
        base = exact(x)
        moves = 0.3 * torch.randn(components, 3, generator=torch.Generator().manual_seed(1))
        loc = base.mean[:, None] + moves
        logits = torch.arange(float(components), dtype=torch.float64).expand(len(x), components)
        return NormalMixture(logits, loc, base.stddev[:, None].expand_as(loc))

    known.model.posterior = torch.nn.Module()
    known.model.posterior.forward = q
    t = trace(known.model, known.x, samples=samples, named={"z": stratified})
    return t, known.log_px


def test_the_bound_of_one_particle_each_is_the_elbo_and_more_come_closer():
    t, log_px = mixed_up(3)
    assert torch.allclose(t.log_weight.exp().sum(0), torch.ones(5).double())
    assert torch.allclose(miselbo(3)(t), elbo(t))
    with torch.no_grad():
        t, _ = mixed_up(3 * 400)
        one, many = miselbo(3)(t).mean(), iwae(t).mean()
        plain, _ = mixed_up(3 * 4000)
        base = elbo(plain).mean()
    assert base < one <= many < log_px.mean() + 0.01
    assert one > log_px.mean() - 0.3


def test_components_are_drawn_in_full_rounds():
    t, _ = mixed_up(6)
    with pytest.raises(ValueError, match="not so many of each component"):
        miselbo(4)(t)
    with pytest.raises(TypeError, match="has no components"):
        strata(DiagonalNormal(2)(torch.zeros(1, 4)), 4)


def test_a_mixture_of_one_says_of_all_codes_what_its_normal_says():
    found = []
    for family, cut in ((DiagonalNormal(3), slice(None)), (Family(3, 1), slice(1, None))):
        m = model(family)
        torch.manual_seed(0)
        x = rows(m.likelihood.family, 60)
        weight, bias = m.posterior.net[-2].weight, m.posterior.net[-2].bias
        for parameter in m.parameters():
            torch.nn.init.normal_(parameter, generator=torch.Generator().manual_seed(3))
        shared = torch.randn(6, 17, generator=torch.Generator().manual_seed(4))
        with torch.no_grad():
            weight[cut], bias[cut] = shared[:, :16], shared[:, 16]
        found.append(aggregate(m, x))
        assert has_density(m.posterior(x))
    one, other = found
    assert one.mutual_information == pytest.approx(other.mutual_information, abs=0.3)
    assert one.marginal_kl == pytest.approx(other.marginal_kl, rel=0.3)
