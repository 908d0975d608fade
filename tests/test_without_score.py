"""The sampled KL's gradient along paths: log q without the score."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions import NormalMixture, PowerSpherical, exact_kl, weighs_any_value
from vaekit.models.drawing import from_posterior, replayed, without_score
from vaekit.recipes.parts import POSTERIORS, posterior_family

DIM, ROWS = 3, 5
DENSE = ("diagonal", "low_rank", "full", "householder", "mixture", "even_mixture")


def normal(loc: Tensor, scale: Tensor) -> D.Distribution:
    return D.Independent(D.Normal(loc, scale), 1)


def one_normal(dim: int) -> NormalMixture:
    """N(0, I) as a mixture, so that no closed form of a KL from it is known."""
    return NormalMixture(torch.zeros(1), torch.zeros(1, dim), torch.ones(1, dim))


@pytest.mark.parametrize("name", DENSE)
def test_the_density_is_the_same_and_parameters_are_constants(name: str) -> None:
    family = posterior_family(name, DIM)
    raw = torch.randn(ROWS, *family.raw_shape, requires_grad=True)
    q, still = family(raw), family(raw.detach())
    assert weighs_any_value(q)
    z = q.rsample()
    found = without_score(q, z[None], q.log_prob(z)[None])[0]
    torch.testing.assert_close(found, q.log_prob(z))
    (along,) = torch.autograd.grad(still.log_prob(z).sum(), raw, retain_graph=True)
    (own,) = torch.autograd.grad(found.sum(), raw, retain_graph=True)
    torch.testing.assert_close(own, along, atol=1e-4, rtol=1e-4)
    (whole,) = torch.autograd.grad(q.log_prob(z).sum(), raw, retain_graph=True)
    assert not torch.allclose(whole, along, atol=1e-2)
    fixed = z.detach()
    (none,) = torch.autograd.grad(without_score(q, fixed[None], q.log_prob(fixed)[None]).sum(), raw)
    torch.testing.assert_close(none, torch.zeros_like(none), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", [name for name in POSTERIORS if name not in (*DENSE, "point")])
def test_what_weighs_its_own_draws_alone_stays_as_it_is(name: str) -> None:
    family = posterior_family(name, DIM)
    q = family(torch.randn(ROWS, *family.raw_shape, requires_grad=True))
    assert not weighs_any_value(q)
    latent = from_posterior(one_normal(DIM), q, torch.Size([1, ROWS]))
    assert torch.equal(latent.kl, latent.log_q - latent.log_p)


def test_directions_are_without_a_score_too() -> None:
    loc = torch.nn.functional.normalize(torch.randn(ROWS, 4), dim=1)
    concentration = torch.ones(ROWS, requires_grad=True)
    q = PowerSpherical(loc, concentration)
    found = without_score(q, loc[None], q.log_prob(loc)[None])
    (none,) = torch.autograd.grad(found.sum(), concentration)
    torch.testing.assert_close(none, torch.zeros_like(none), atol=1e-5, rtol=0)


def test_where_both_are_one_the_sampled_kl_has_no_noise() -> None:
    parts = [torch.randn(2), torch.randn(2, DIM), torch.rand(2, DIM) + 0.5]
    own = [t.expand(ROWS, *t.shape).clone().requires_grad_() for t in parts]
    q, p = NormalMixture(*own), NormalMixture(*parts)
    assert exact_kl(q, p) is None
    latent = from_posterior(p, q, torch.Size([1, ROWS]))
    torch.testing.assert_close(latent.kl, torch.zeros(1, ROWS), atol=1e-5, rtol=0)
    for gradient in torch.autograd.grad(latent.kl.sum(), own, retain_graph=True):
        torch.testing.assert_close(gradient, torch.zeros_like(gradient), atol=2e-5, rtol=0)
    with_score = (latent.log_q - latent.log_p).sum()
    assert torch.autograd.grad(with_score, own[1])[0].abs().max() > 0.1


def test_on_average_the_gradient_is_that_of_the_exact_kl() -> None:
    loc = torch.tensor([[0.5, -1.0]], dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([[0.7, 1.5]], dtype=torch.float64, requires_grad=True)
    known = exact_kl(normal(loc, scale), normal(torch.zeros(2), torch.ones(2)))
    assert known is not None
    right = torch.autograd.grad(known.sum(), (loc, scale))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        latent = from_posterior(one_normal(2), normal(loc, scale), torch.Size([200_000, 1]))
    assert latent.kl.mean().item() == pytest.approx(known.item(), abs=0.01)
    found = torch.autograd.grad(latent.kl.mean(), (loc, scale))
    for own, other in zip(found, right, strict=True):
        torch.testing.assert_close(own, other, atol=0.02, rtol=0)


def test_values_without_a_path_keep_the_whole_gradient() -> None:
    loc = torch.zeros(ROWS, DIM, requires_grad=True)
    q = normal(loc, torch.ones(ROWS, DIM))
    rule = replayed(torch.ones(1, ROWS, DIM))
    latent = rule(one_normal(DIM), q, torch.Size([1, ROWS]))
    (gradient,) = torch.autograd.grad(latent.kl.sum(), loc)
    torch.testing.assert_close(gradient, torch.ones(ROWS, DIM))
