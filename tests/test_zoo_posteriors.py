"""Posteriors that are more than normal: densities, moments, and what they are for."""

import pytest
import torch
from parts import model, rows
from torch import distributions as D

from vaekit.distributions import Flowed, common_draws, draw_with_density
from vaekit.families import AutoregressiveFlow, CouplingFlow, DiagonalNormal
from vaekit.models.trace import trace
from vaekit.objectives.bounds import dreg, path_elbo


def flow(dim=3, rows=5, seed=0, kind=AutoregressiveFlow):
    """Moved normals, one for each of some rows."""
    torch.manual_seed(seed)
    family = kind(dim)
    return family(torch.randn(rows, *family.raw_shape))


@pytest.mark.parametrize("kind", [AutoregressiveFlow, CouplingFlow])
def test_a_draws_density_is_the_density_of_the_draw(kind):
    q = flow(kind=kind)
    z, log_q = draw_with_density(q, torch.Size([7]))
    assert z.shape == (7, 5, 3)
    assert torch.allclose(q.log_prob(z), log_q, atol=1e-4)


@pytest.mark.parametrize("kind", [AutoregressiveFlow, CouplingFlow])
def test_a_moved_density_sums_to_one(kind):
    """On a lattice of two numbers, that of each row."""
    q = flow(dim=2, rows=2, kind=kind)
    axis = torch.linspace(-9, 9, 241)
    z = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        total = q.log_prob(z[:, None]).exp().sum(0) * (axis[1] - axis[0]) ** 2
    assert torch.allclose(total, torch.ones(2), atol=1e-3)


def test_moments_by_sigma_points_are_near_those_of_draws():
    q = flow()
    with torch.no_grad():
        z = q.rsample((200_000,))
    assert torch.allclose(q.mean, z.mean(0), atol=0.15)
    assert torch.allclose(q.stddev, z.std(0), rtol=0.2)


class Linear:
    """u to A u + b."""

    def __init__(self):
        self.a, self.b = torch.randn(3, 3), torch.randn(3)

    def call_and_ladj(self, u):
        return u @ self.a.T + self.b, u.new_zeros(u.shape[:-1])


def test_moments_by_sigma_points_are_exact_where_maps_are_linear():
    base, by = flow().base, Linear()
    q = Flowed(base, [by])
    assert torch.allclose(q.mean, base.mean @ by.a.T + by.b, atol=1e-5)
    assert torch.allclose(q.variance, base.variance @ (by.a**2).T, rtol=1e-4)


def test_a_rows_draws_from_common_noise_are_its_own():
    base, by, found = flow().base, Linear(), []
    for part in (slice(0, 5), slice(2, 3)):
        some = D.Independent(D.Normal(base.mean[part], base.stddev[part]), 1)
        torch.manual_seed(3)
        found.append(common_draws(Flowed(some, [by]), 4))
    assert torch.allclose(found[0][:, 2:3], found[1], atol=1e-6)


def bent(z):
    """The log density of a bent p: z1 ~ N(0, 1), z2 ~ N(z1^2, 0.3^2)."""
    first, second = z.unbind(-1)
    return D.Normal(0.0, 1.0).log_prob(first) + D.Normal(first**2, 0.3).log_prob(second)


def apart(family, updates=400, lr=1e-2, log_p=bent):
    """The least KL(q || p) found."""
    torch.manual_seed(0)
    raw = torch.nn.Parameter(0.1 * torch.randn(1, *family.raw_shape))
    weights = list(family.parameters()) if isinstance(family, torch.nn.Module) else []
    optimizer = torch.optim.Adam([raw, *weights], lr)

    def kl(draws):
        z, log_q = draw_with_density(family(raw), torch.Size([draws]))
        return (log_q - log_p(z)).mean()

    for _ in range(updates):
        optimizer.zero_grad()
        kl(64).backward()
        optimizer.step()
    with torch.no_grad():
        return kl(20_000).item()


def test_a_flow_bends_where_a_normal_cannot():
    """It holds this p exactly, so that its KL can be 0."""
    assert apart(DiagonalNormal(2)) > 0.6
    assert apart(AutoregressiveFlow(2)) < 0.1
    assert apart(CouplingFlow(2)) < 0.1


@pytest.mark.parametrize("bound", [path_elbo, dreg], ids=["path_elbo", "dreg"])
def test_bounds_that_replay_go_through_the_inverse(bound):
    m = model(AutoregressiveFlow(3))
    t = trace(m, rows(m.likelihood.family), samples=2)
    bound(t).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in m.parameters())
