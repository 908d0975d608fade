"""Codes in hyperbolic space: densities by quadrature, draws, divergences, ways, and what is refused."""

import math

import numpy as np
import pytest
import torch
from test_zoo import factors

import vaekit
from vaekit.conditionals import Ball
from vaekit.conditionals.balls import FromBall
from vaekit.distributions import RiemannianNormal, WrappedNormal, common_draws
from vaekit.distributions.balls import EDGE, exp0, log0, log_spread, moved
from vaekit.families.balls import Riemannian, Wrapped
from vaekit.system.checks import BadInput

POINTS = torch.tensor([[0.0, 0.0], [0.5, -0.2], [0.1, 0.9]], dtype=torch.float64)
KINDS = {
    "wrapped": lambda: WrappedNormal(
        POINTS, torch.tensor([[1.0, 0.4], [0.3, 0.9], [0.5, 0.5]]).double()
    ),
    "riemannian": lambda: RiemannianNormal(POINTS, torch.tensor([1.0, 0.3, 0.8]).double()),
}


def distance(a, b):
    """By the usual formula, arcosh(1 + 2 |a - b|^2 / ((1 - |a|^2) (1 - |b|^2)))."""
    apart, rooms = (a - b).square().sum(-1), [1 - x.square().sum(-1) for x in (a, b)]
    return torch.acosh(1 + 2 * apart / (rooms[0] * rooms[1]))


def disc(nodes=400, turns=400, far=9.0):
    """Points of the disc about 0 and their hyperbolic areas, sinh r dr dt."""
    places, weights = (torch.from_numpy(v) for v in np.polynomial.legendre.leggauss(nodes))
    r, turn = far * (places + 1) / 2, torch.arange(turns) * (2 * math.pi / turns)
    z = torch.stack(
        torch.broadcast_tensors(
            *((r / 2).tanh()[:, None] * f(turn) for f in (torch.cos, torch.sin))
        ),
        -1,
    )
    area = (weights * far / 2 * r.sinh() * 2 * math.pi / turns)[:, None].expand(nodes, turns)
    return z, area


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_densities_integrate_to_one_over_the_disc(make):
    z, area = disc()
    total = (area[..., None] * make().log_prob(z[..., None, :]).exp()).sum((0, 1))
    assert torch.allclose(total, torch.ones(3).double(), atol=2e-4)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_divergences_of_draws_are_those_by_quadrature(make):
    """KL from the prior, by 40,000 draws and over the disc."""
    torch.manual_seed(0)
    q, p, (z, area) = make(), Ball(2).double()(), disc()
    ratio = q.log_prob(z[..., None, :]) - p.log_prob(z[..., None, :])
    exact = (area[..., None] * q.log_prob(z[..., None, :]).exp() * ratio).sum((0, 1))
    for draws in (q.rsample((20_000,)), common_draws(q, 20_000)):
        each = q.log_prob(draws) - p.log_prob(draws)
        assert ((each.mean(0) - exact).abs() < 5 * each.std(0) / math.sqrt(20_000) + 1e-3).all()
        apart = (draws - q.mean).square().mean(0)
        assert torch.allclose(q.variance, apart, rtol=0.3, atol=0.01)


def test_moving_is_an_isometry_and_lines_are_as_long_as_they_say():
    torch.manual_seed(0)
    a, b, c = (exp0(torch.randn(50, 4).double()) for _ in range(3))
    assert torch.allclose(distance(moved(a, c), moved(b, c)), distance(a, b), atol=1e-6)
    assert torch.allclose(moved(moved(a, c), -c), a, atol=1e-9)
    v = torch.randn(50, 4).double()
    assert torch.allclose(log0(exp0(v)), v, atol=1e-8)
    assert torch.allclose(distance(exp0(v), torch.zeros(4).double()), v.norm(dim=-1), atol=1e-6)
    way = Ball(4).path(a, b, torch.linspace(0, 1, 5).double())
    steps = distance(way[:, 1:], way[:, :-1])
    assert torch.allclose(steps, distance(a, b)[:, None].expand(50, 4) / 4, atol=1e-5)
    assert torch.allclose(FromBall()(exp0(v)), v, atol=1e-4)


def test_spheres_grow_as_they_do():
    r = torch.tensor([1e-6, 1e-3, 0.5, 20.0]).double().requires_grad_()
    found = log_spread(r)
    expected = torch.tensor(
        [0, 1e-6 / 6, math.log(math.sinh(0.5) / 0.5), math.log(math.sinh(20) / 20)]
    )
    assert torch.allclose(found, expected.double(), atol=1e-9)
    found.sum().backward()
    assert torch.isfinite(r.grad).all()


@pytest.mark.parametrize("family", [Wrapped(3), Riemannian(3)], ids=["wrapped", "riemannian"])
@pytest.mark.parametrize("size", [0.0, 1.0, 100.0])
def test_gradients_are_finite_in_the_middle_and_at_the_edge(family, size):
    torch.manual_seed(0)
    raw = (size * torch.randn(40, family.raw_shape[0])).requires_grad_()
    q = family(raw)
    z = q.rsample()
    assert (z.norm(dim=-1) <= EDGE + 1e-6).all()
    assert torch.isfinite(q.variance).all()
    (q.log_prob(z) - Ball(3)().log_prob(z)).sum().backward()
    assert torch.isfinite(raw.grad).all()


def test_codes_that_were_made_up_come_into_the_ball():
    made = torch.tensor([[0.3, 0.1, 0.0], [0.6, 3.0, 4.0], [5.0, 1.0, 1.0]])
    found = Ball(3).fitting(made, [0])
    assert torch.equal(found[0], made[0])
    assert found[1].tolist() == pytest.approx([0.6, 0.48, 0.64], abs=1e-4)
    assert found[2].tolist() == pytest.approx([EDGE, 0, 0], abs=1e-2)
    assert (found.norm(dim=-1) < 1).all()


@pytest.mark.parametrize("posterior", ["wrapped", "riemannian"])
def test_a_model_in_the_ball_answers_what_it_can(tmp_path, posterior):
    x = factors(80)
    how = {"width": 8, "epochs": 2, "likelihood": "gaussian", "quiet": True, "posterior": posterior}
    model = vaekit.fit(x, "poincare_vae", out=tmp_path / "m", **how)
    codes = model.encode(x)
    assert (np.linalg.norm(codes, axis=1) < 1).all()
    assert model.evaluate(x, samples=3).kl > 0
    with pytest.raises(BadInput, match="no density over all vectors can take the place"):
        model.refit_prior("mixture")
    with pytest.raises(BadInput, match="lie in a ball, which steps would leave: no annealing"):
        model.evaluate(x, samples=3, annealed_rows=2)


def test_what_numbers_cannot_tell_apart_is_refused():
    with pytest.raises(BadInput, match="at most 8, so take less of either"):
        Ball(100)
