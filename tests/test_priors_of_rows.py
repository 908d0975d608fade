"""Priors of accepted draws, and around training rows: known answers."""

import math

import pytest
import torch
from torch import distributions as D

import vaekit
from vaekit.conditionals import StandardNormal
from vaekit.conditionals.accepted import Accepted
from vaekit.conditionals.exemplars import Exemplar
from vaekit.data_init import data_init
from vaekit.distributions.exemplars import Exemplars, keys_of, without
from vaekit.distributions.resampled import Resampled
from vaekit.system.checks import BadInput


def log_accept(z):
    """a(z) = exp(-z^2 / 2): half of the variance is left, and Z = 1 / sqrt(2)."""
    return -z.square().sum(-1) / 2


def test_accepted_draws_of_a_normal_are_a_narrower_one():
    p = Resampled(StandardNormal(1)(), log_accept, torch.tensor(-math.log(2) / 2), 60)
    known = D.Normal(0.0, math.sqrt(0.5))
    z = torch.linspace(-2, 2, 9)[:, None]
    assert torch.allclose(p.log_prob(z), known.log_prob(z[:, 0]), atol=1e-4)
    assert p.sample((40_000,)).std().item() == pytest.approx(math.sqrt(0.5), rel=0.02)


@pytest.mark.parametrize("tries", [1, 2, 5])
def test_the_last_try_is_kept(tries):
    p = Resampled(StandardNormal(1)(), log_accept, torch.tensor(-math.log(2) / 2), tries)
    grid = torch.linspace(-9, 9, 2001)[:, None]
    mass = p.log_prob(grid).exp() * 18 / 2000
    assert mass.sum().item() == pytest.approx(1, abs=1e-4)
    variance = (mass * grid[:, 0].square()).sum().item()
    assert p.sample((40_000,)).square().mean().item() == pytest.approx(variance, rel=0.04)


def test_the_accepted_share_is_estimated():
    prior = Accepted(StandardNormal(2), width=8)
    z = torch.randn(7, 2)
    assert torch.allclose(prior.eval()().log_prob(z), StandardNormal(2)().log_prob(z), atol=0.05)
    with torch.no_grad():
        for weights in prior.parameters():
            weights.copy_(torch.randn_like(weights))
    grid = torch.linspace(-6, 6, 161)
    with torch.no_grad():
        mass = prior().log_prob(torch.cartesian_prod(grid, grid)).exp() * (grid[1] - grid[0]) ** 2
    assert mass.sum().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(prior().log_prob(z), prior().log_prob(z))


def test_a_row_is_left_out_of_its_own_prior():
    x, means = torch.randn(3, 4), torch.tensor([[0.0], [2.0], [5.0]])
    p = Exemplars(means, torch.tensor(0.5), keys_of(x))
    z = torch.randn(2, 2, 1)
    new = torch.randn(1, 4)
    found = without(p, torch.cat([x[1:2], new])).log_prob(z)
    each = D.Normal(means[:, 0], 0.5).log_prob(z)
    others = each[:, 0, [0, 2]].logsumexp(-1) - math.log(2)
    assert torch.allclose(found[:, 0], others, atol=1e-5)
    assert torch.allclose(found[:, 1], each[:, 1].logsumexp(-1) - math.log(3), atol=1e-5)
    assert torch.allclose(p.log_prob(z), each.logsumexp(-1) - math.log(3), atol=1e-5)
    same = Exemplars(means, torch.tensor(0.5), keys_of(x[:1].expand(3, 4)))
    assert torch.isfinite(without(same, x[:1]).log_prob(z)).all()
    normal = D.Normal(0.0, 1.0)
    assert without(normal, x) is normal


def test_equal_rows_have_equal_keys_and_others_have_others():
    x = torch.randint(0, 2, (3000, 30)).float().unique(dim=0)
    assert len(keys_of(x).unique()) == len(x)
    assert torch.equal(keys_of(x[5:9]), keys_of(x)[5:9])
    assert torch.equal(keys_of(torch.tensor([[-0.0]])), keys_of(torch.tensor([[0.0]])))
    one, other = torch.eye(2)
    assert keys_of(one[None]) != keys_of(other[None])


def test_exemplars_are_training_rows():
    posterior = torch.nn.Module()
    posterior.forward = lambda x: D.Independent(D.Normal(x[:, :2], 1.0), 1)
    prior = Exemplar(posterior, (4,), 2, 5)
    x = torch.randn(50, 4)
    data_init(prior, x)
    assert all((x == row).all(1).any() for row in prior.rows)
    z = torch.randn(6, 2)
    scale = math.log(2) + 1e-3
    each = D.Normal(prior.rows[:, None, :2], scale).log_prob(z).sum(-1)
    assert torch.allclose(prior.eval()().log_prob(z), each.logsumexp(0) - math.log(5), atol=1e-5)


def test_it_is_not_fitted_afterwards():
    model = vaekit.fit("digits", latent=2, width=8, epochs=1, batch=500)
    with pytest.raises(BadInput, match="the exemplar prior leaves each row out of its own"):
        model.refit_prior("exemplar")
    with pytest.raises(BadInput, match="without anything given"):
        vaekit.fit(
            vaekit.open_source("digits", given=("label",)), "conditional_vae", prior="exemplar"
        )
