"""Codes on a sphere: densities and divergences against closed forms, draws, ways, and what is refused."""

import math

import numpy as np
import pytest
import scipy.special
import torch
from test_zoo import factors

import vaekit
from vaekit.conditionals import Sphere
from vaekit.distributions import (
    PowerSpherical,
    UniformOnSphere,
    VonMisesFisher,
    common_draws,
    exact_kl,
)
from vaekit.distributions.spheres import log_area
from vaekit.families import Direction
from vaekit.system.checks import BadInput

KINDS = {"power spherical": PowerSpherical, "von mises fisher": VonMisesFisher}
KAPPAS = torch.tensor([0.05, 1.0, 30.0, 2000.0], dtype=torch.float64)


def about(make, dim, kappas=KAPPAS):
    """About random axes."""
    torch.manual_seed(0)
    loc = torch.nn.functional.normalize(torch.randn(len(kappas), dim, dtype=torch.float64), dim=-1)
    return make(loc, kappas)


def log_bessel(order, x):
    """log I_order(x), by scipy."""
    return np.log(scipy.special.ive(order, x)) + x


def closed_form(make, dim, kappa):
    """log of the normaliser with f = 1 at the axis, and the entropy, in closed form."""
    if make is VonMisesFisher:
        order = dim / 2 - 1
        log_z = dim / 2 * math.log(2 * math.pi) - order * np.log(kappa) + log_bessel(order, kappa)
        mean = np.exp(log_bessel(order + 1, kappa) - log_bessel(order, kappa))
        return log_z - kappa, log_z - kappa * mean
    b = (dim - 1) / 2
    a = b + kappa
    log_z = b * math.log(4 * math.pi) + scipy.special.gammaln(a) - scipy.special.gammaln(a + b)
    return log_z, log_z - kappa * (scipy.special.psi(a) - scipy.special.psi(a + b))


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("dim", [2, 3, 8, 40])
def test_normaliser_entropy_and_kl_are_those_in_closed_form(make, dim):
    q = about(make, dim)
    log_z, entropy = (torch.from_numpy(v) for v in closed_form(make, dim, KAPPAS.numpy()))
    close = 1e-5 if dim == 2 else 1e-8  # there log f may have no end at the other side
    assert torch.allclose(q.log_normalizer, log_z, rtol=1e-8, atol=close)
    assert torch.allclose(q.entropy(), entropy, rtol=1e-8, atol=close)
    kl = exact_kl(q, UniformOnSphere(torch.zeros(dim).double()))
    assert torch.allclose(kl, log_area(dim) - entropy, atol=close)
    assert (kl > -close).all()
    assert kl[0] < 0.01 < kl[-1]
    assert exact_kl(q, torch.distributions.Normal(0.0, 1.0)) is None


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_densities_integrate_to_one_over_the_sphere(make):
    """By quadrature in two angles; the surface is 4 pi."""
    q = about(make, 3)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    height, turn = torch.from_numpy(nodes)[:, None], torch.arange(400) * (2 * math.pi / 400)
    flat = (1 - height**2).sqrt()
    z = torch.stack(torch.broadcast_tensors(flat * turn.cos(), flat * turn.sin(), height), -1)
    each = q.log_prob(z[..., None, :]).exp().mean(1) * 2 * math.pi
    total = (torch.from_numpy(weights)[:, None] * each).sum(0)
    assert torch.allclose(total, torch.ones(4).double(), atol=1e-6)
    assert math.exp(log_area(3)) == pytest.approx(4 * math.pi)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("dim", [2, 3, 10])
def test_draws_lie_on_the_sphere_and_are_as_dense_as_is_said(make, dim):
    """- E[log q] of draws is the entropy; so is it of draws by common noise."""
    q = about(make, dim)
    for z in (q.rsample((20_000,)), common_draws(q, 20_000)):
        assert torch.allclose(z.norm(dim=-1), torch.ones(20_000, 4).double(), atol=1e-9)
        said = -q.log_prob(z)
        error = said.std(0) / math.sqrt(len(z))
        assert ((said.mean(0) - q.entropy()).abs() < 4 * error + 2e-4).all()
        apart = (z - q.mean).square().mean(0)
        assert torch.allclose(apart, q.variance, rtol=0.1, atol=0.01)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_draws_have_the_gradients_of_expectations(make):
    """E[mu' z] = A(kappa) mu' mu, of which A is known."""
    kappa = torch.tensor([7.0], dtype=torch.float64, requires_grad=True)
    q = make(about(make, 5, kappa).loc, kappa)
    z = q.rsample((40_000,))
    (found,) = torch.autograd.grad((z * q.loc).sum(-1).mean(), kappa)
    k, b = np.array([7.0 - 1e-4, 7.0 + 1e-4]), 2.0
    if make is VonMisesFisher:
        mean = np.exp(log_bessel(2.5, k) - log_bessel(1.5, k))
    else:
        mean = k / (k + 2 * b)
    assert found.item() == pytest.approx((mean[1] - mean[0]) / 2e-4, rel=0.03)


def test_the_prior_is_even_and_its_quantiles_are_those_of_draws():
    prior = Sphere(5)
    z = prior().sample((40_000,))
    assert torch.allclose(z.norm(dim=-1), torch.ones(len(z)), atol=1e-5)
    assert torch.allclose(torch.cov(z.T), torch.eye(5) / 5, atol=0.01)
    assert prior().log_prob(z[:3]).tolist() == pytest.approx([-math.log(8 / 3 * math.pi**2)] * 3)
    shares = torch.tensor([0.1, 0.5, 0.9])
    assert torch.allclose(
        (z[:, None] < prior.quantiles(shares)).float().mean(0)[:, 0], shares, atol=0.01
    )
    assert Sphere(2).quantiles(torch.tensor([0.75]))[0, 0].item() == pytest.approx(
        math.sqrt(0.5), abs=1e-4
    )


def test_ways_are_great_circles_at_a_steady_pace():
    a, b = (
        torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0]]),
        torch.tensor([[0, 2.0, 0], [-1, 0, 0], [0, 1, 0]]),
    )
    way = Sphere(3).path(a, b, torch.linspace(0, 1, 5))
    assert torch.allclose(way.norm(dim=-1), torch.ones(3, 5), atol=1e-6)
    assert torch.allclose(way[:, 0], a)
    assert torch.allclose(way[:, -1], torch.nn.functional.normalize(b, dim=-1), atol=1e-6)
    steps = (way[:, 1:] * way[:, :-1]).sum(-1).acos()
    expected = torch.tensor([math.pi / 8, math.pi / 4, 0])[:, None].expand(3, 4)
    assert torch.allclose(steps, expected, atol=1e-3)


def test_codes_that_were_made_up_come_to_the_sphere():
    made = torch.tensor([[0.6, 0.0, 0.0], [0.6, 3.0, 4.0], [5.0, 1.0, 1.0]])
    found = Sphere(3).fitting(made, [0])
    assert torch.allclose(found.norm(dim=-1), torch.ones(3))
    assert torch.allclose(found[:2, 0], torch.tensor([0.6, 0.6]))
    assert torch.allclose(found[1, 1:], torch.tensor([0.48, 0.64]))
    assert found[2].tolist() == [1, 0, 0]


def test_a_model_of_directions_answers_what_it_can(tmp_path):
    x = factors(80)
    how = {"latent": 3, "width": 8, "epochs": 2, "likelihood": "gaussian", "quiet": True}
    model = vaekit.fit(x, "sphere_vae", posterior="von_mises_fisher", out=tmp_path / "m", **how)
    codes = model.encode(x)
    assert np.allclose(np.linalg.norm(codes, axis=1), 1, atol=1e-5)
    assert np.allclose(model.decode(codes), model.decode(7 * codes), atol=1e-5)
    assert model.evaluate(x, samples=3).kl > 0
    with pytest.raises(BadInput, match="no density over all vectors can take the place"):
        model.refit_prior("mixture")
    with pytest.raises(BadInput, match="lie on a sphere, which steps would leave: no annealing"):
        model.evaluate(x, samples=3, annealed_rows=2)
    with pytest.raises(BadInput, match="latent must be at least 2"):
        vaekit.fit(x, "sphere_vae", **{**how, "latent": 1})
    with pytest.raises(BadInput, match="codes on a sphere need latent of at least 2"):
        Sphere(1)


def test_the_spread_is_that_of_even_draws_at_one():
    q = Direction(50)(torch.tensor([[*[1.0] * 50, math.log(math.expm1(0.99))]]))
    assert q.concentration.item() == pytest.approx(50, rel=1e-3)
