"""Normals moved through planar, radial and Sylvester steps, and turned by reflections."""

import pytest
import torch
from parts import model, rows
from test_zoo_posteriors import apart
from torch import distributions as D

from vaekit.distributions import common_draws, draw_with_density
from vaekit.distributions.bends import Planar, Radial, Sylvester, reflected
from vaekit.families import HouseholderNormal, PlanarFlow, RadialFlow, SylvesterFlow
from vaekit.models.trace import trace
from vaekit.objectives.bounds import path_elbo

DIM = 3


def planar(numbers):
    return Planar(*numbers.split([DIM, DIM, 1], -1))


def radial(numbers):
    return Radial(*numbers.split([DIM, 1, 1], -1))


def sylvester(numbers):
    first, second, b, mirrors = numbers.split([9, 9, DIM, 2 * DIM], -1)
    first, second = (m.unflatten(-1, (DIM, DIM)) for m in (first, second))
    return Sylvester(first, second, b, mirrors.unflatten(-1, (2, DIM)))


BENDS = {
    "planar": (planar, 2 * DIM + 1),
    "radial": (radial, DIM + 2),
    "sylvester": (sylvester, 18 + 3 * DIM),
}


def some(name, rows_=4, size=1.0):
    """A map for each of some rows, its numbers, and what is moved."""
    torch.manual_seed(0)
    make, count = BENDS[name]
    numbers = (size * torch.randn(rows_, count, dtype=torch.float64)).requires_grad_()
    return make(numbers), numbers, torch.randn(rows_, DIM, dtype=torch.float64)


@pytest.mark.parametrize("size", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("name", BENDS)
class TestEveryBend:
    def test_the_determinant_is_that_of_the_derivatives(self, name, size):
        bend, _, z = some(name, size=size)
        _, by = bend.call_and_ladj(z)
        whole = torch.autograd.functional.jacobian(lambda z: bend.call_and_ladj(z)[0], z)
        each = torch.stack([whole[i, :, i] for i in range(len(z))])
        sign, found = torch.linalg.slogdet(each)
        assert (sign > 0).all()
        assert torch.allclose(by, found, atol=1e-8)

    def test_the_way_back_comes_back(self, name, size):
        bend, _, z = some(name, size=size)
        y, by = bend.call_and_ladj(z)
        back, undone = bend.inv.call_and_ladj(y)
        assert torch.allclose(back, z, atol=1e-6)
        assert torch.allclose(undone, -by, atol=1e-5)

    def test_there_and_back_no_number_moves_what_was_moved(self, name, size):
        """So the way back has the right gradients: of the map's numbers and of y."""
        bend, numbers, z = some(name, size=min(size, 1.0))
        back = bend.solved(bend.call_and_ladj(z.requires_grad_())[0])
        way = torch.randn_like(back)
        by_numbers, by_z = torch.autograd.grad((back * way).sum(), (numbers, z))
        assert by_numbers.abs().max() < 1e-5
        assert torch.allclose(by_z, way, atol=1e-5)


def test_a_planar_step_can_be_undone_whatever_its_numbers():
    """u against w would fold space; it is held where w · u > -1."""
    w = torch.tensor([[2.0, 0.0, 0.0]], dtype=torch.float64)
    for against in (-0.4, -3.0, -50.0):
        bend = Planar(against * w, w, torch.zeros(1, 1).double())
        assert (bend.w * bend.u).sum() > -1
        line = torch.linspace(-3, 3, 2001, dtype=torch.float64)[:, None] * torch.tensor([1.0, 0, 0])
        y, by = bend.call_and_ladj(line)
        assert (y[1:, 0] > y[:-1, 0]).all()
        assert by.isfinite().all()


FAMILIES = {
    "planar": PlanarFlow(2, 3),
    "radial": RadialFlow(2, 3),
    "sylvester": SylvesterFlow(2, 2),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
def test_a_moved_density_sums_to_one_and_is_that_of_draws(family):
    torch.manual_seed(0)
    q = family(torch.randn(2, *family.raw_shape))
    axis = torch.linspace(-12, 12, 201)
    with torch.no_grad():
        lattice = torch.cartesian_prod(axis, axis)
        total = q.log_prob(lattice[:, None]).exp().sum(0) * (axis[1] - axis[0]) ** 2
        z, log_q = draw_with_density(q, torch.Size([50]))
        assert torch.allclose(total, torch.ones(2), atol=5e-3)
        assert torch.allclose(q.log_prob(z), log_q, atol=1e-3)
        assert common_draws(q, 4).shape == (4, 2, 2)


def test_reflections_keep_lengths_and_are_undone_by_themselves():
    torch.manual_seed(0)
    z, mirrors = torch.randn(5, DIM).double(), torch.randn(5, 2, DIM).double()
    there = reflected(z, mirrors)
    assert torch.allclose(there.norm(dim=-1), z.norm(dim=-1))
    assert torch.allclose(reflected(there, mirrors.flip(-2)), z)
    assert torch.allclose(reflected(mirrors[:, 0], mirrors[:, :1]), -mirrors[:, 0])


def test_a_normal_turned_by_reflections_is_the_normal_that_is_said():
    torch.manual_seed(0)
    family = HouseholderNormal(DIM, 2)
    raw = torch.randn(4, *family.raw_shape)
    loc, scale, mirrors = raw.split([DIM, DIM, 2 * DIM], -1)
    q = family(raw)
    turn = torch.eye(DIM).expand(4, DIM, DIM)
    for v in mirrors.unflatten(-1, (2, DIM)).unbind(1):
        across = torch.eye(DIM) - 2 * v[:, :, None] * v[:, None] / v.square().sum(-1)[:, None, None]
        turn = across @ turn
    spread = torch.diag_embed(family.link(scale).square())
    assert torch.allclose(q.covariance_matrix, turn @ spread @ turn.mT, atol=1e-5)
    assert torch.equal(q.mean, loc)
    narrow = torch.cat([loc, torch.tensor([-20.0, 0.0, 9.0]).expand(4, 3), mirrors], 1)
    z = family(narrow).rsample()  # s of 1e-4 beside 9
    assert family(narrow).log_prob(z).isfinite().all()


def test_steps_bend_where_a_normal_cannot():
    """z1 ~ N(0, 1), z2 ~ N(z1^2, 0.3^2): a normal stays 0.6 nats away."""
    assert apart(PlanarFlow(2, 8), 180, 1e-1) < 0.4


def test_radial_steps_open_a_ring():
    """Radii of N(2, 0.5^2): a normal stays 0.7 nats away."""

    def ring(z):
        radius = z.norm(dim=-1)
        return D.Normal(2.0, 0.5).log_prob(radius) - (2 * torch.pi * radius).log()

    assert apart(RadialFlow(2, 2), 120, 1e-1, ring) < 0.1


def test_a_radial_step_makes_room_around_its_point_or_fills_it():
    """What is moved keeps its direction; at the point space is stretched 1 + k times."""
    torch.manual_seed(0)
    centre, way = torch.randn(DIM).double(), torch.randn(DIM).double()
    for push, stretch in ((3.0, 3.567), (-50.0, 1e-3)):
        step = Radial(centre, torch.zeros(1).double(), torch.tensor([push]).double())
        y, by = step.call_and_ladj(centre + 1e-9 * way)
        assert torch.allclose(y - centre, (1 + step.push) * 1e-9 * way, rtol=1e-3)
        assert (by / DIM).exp() == pytest.approx(stretch, rel=1e-2)
        assert step.call_and_ladj(centre)[0].equal(centre)
        assert step.solved(centre).equal(centre)


@pytest.mark.parametrize(
    "family", [PlanarFlow(3, 2), RadialFlow(3, 2), SylvesterFlow(3, 2)], ids=FAMILIES
)
def test_bounds_that_replay_go_through_the_inverse(family):
    m = model(family)
    t = trace(m, rows(m.likelihood.family), samples=2)
    path_elbo(t).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in m.parameters())
    assert isinstance(t.latents["z"].posterior.base, D.Independent)
