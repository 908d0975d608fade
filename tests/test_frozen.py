"""Distributions whose parameters are constants, and the sampled KL's gradient along paths."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions import NormalMixture, PowerSpherical, exact_kl, frozen
from vaekit.models.drawing import from_posterior, replayed
from vaekit.recipes.parts import POSTERIORS, posterior_family

DIM, ROWS = 3, 5
DENSE = ("diagonal", "low_rank", "full", "householder", "mixture")


def normal(loc: Tensor, scale: Tensor) -> D.Distribution:
    return D.Independent(D.Normal(loc, scale), 1)


def one_normal(dim: int) -> NormalMixture:
    """N(0, I) as a mixture, so that no closed form of a KL from it is known."""
    return NormalMixture(torch.zeros(1), torch.zeros(1, dim), torch.ones(1, dim))


@pytest.mark.parametrize("name", DENSE)
def test_the_density_is_the_same_and_parameters_are_constants(name: str) -> None:
    family = posterior_family(name, DIM)
    raw = torch.randn(ROWS, *family.raw_shape, requires_grad=True)
    q = family(raw)
    still = frozen(q)
    assert still is not None
    z = torch.randn(ROWS, DIM)
    torch.testing.assert_close(still.log_prob(z), q.log_prob(z))
    assert not still.log_prob(z).requires_grad
    assert q.log_prob(z).requires_grad
    assert still.log_prob(q.rsample()).requires_grad


@pytest.mark.parametrize("name", [name for name in POSTERIORS if name not in (*DENSE, "point")])
def test_what_is_made_of_more_than_parameters_stays_as_it_is(name: str) -> None:
    family = posterior_family(name, DIM)
    raw = torch.randn(ROWS, *family.raw_shape)
    assert frozen(family(raw)) is None


def test_directions_freeze_too() -> None:
    loc = torch.nn.functional.normalize(torch.randn(ROWS, 4), dim=1)
    q = PowerSpherical(loc, torch.ones(ROWS, requires_grad=True))
    still = frozen(q)
    assert still is not None
    assert not still.log_prob(loc).requires_grad


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
