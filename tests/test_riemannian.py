"""Draws moved along a learned metric: what the metric says, and a bound that is right on average."""

import math

import pytest
import torch
from parts import LinearGaussian
from torch import nn

import vaekit
from vaekit.conditionals import Conditional
from vaekit.conditionals.metric import Geometry, Metric
from vaekit.families.gaussians import Triangle
from vaekit.models.trace import trace
from vaekit.objectives.hamiltonian import hamiltonian
from vaekit.objectives.riemannian import _pushed, _walked, riemannian
from vaekit.system.checks import BadInput

NEAR = LinearGaussian(shift=0.1, stretch=1.2)


def geometry(size=0.3, reach=1.5, least=0.8):
    """Of five centres in three dimensions."""
    generator = torch.Generator().manual_seed(3)
    centres, lower = (
        torch.randn(5, 3, *more, generator=generator, dtype=torch.float64) for more in ((), (3,))
    )
    lower = lower.tril()
    return Geometry(centres, size * lower @ lower.mT, reach, least)


class Still(nn.Module):
    """A metric that is the same whatever the posterior is."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def forward(self, posterior):
        return self.found


def each(bound, found, particles=10_000):
    """The bound by each particle, (K, B), of a model that is known exactly."""
    NEAR.model.metric = Still(found)
    torch.manual_seed(0)
    x = NEAR.x.repeat_interleave(particles, 0)
    with torch.no_grad():
        return bound(trace(NEAR.model, x)).unflatten(0, (len(NEAR.x), particles)).T


def test_the_slope_is_the_gradient_of_the_kinetic_energy():
    z = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    momentum = torch.randn(4, 3, dtype=torch.float64)
    place = geometry().at(z)
    energy = place.square(momentum) / 2 + place.log_volume
    (found,) = torch.autograd.grad(energy.sum(), z, retain_graph=True)
    assert torch.allclose(place.slope(momentum, place.traces()), found)


def test_momenta_have_the_covariance_of_the_metric():
    place = geometry().at(torch.zeros(1, 3, dtype=torch.float64))
    unit = torch.stack([place.momentum(one[None])[0] for one in torch.eye(3).double()], 1)
    assert torch.allclose(unit @ unit.T @ place.inverse[0], torch.eye(3).double())
    assert torch.allclose(2 * place.log_volume[0], -place.inverse[0].logdet())


def test_a_step_keeps_the_volume_and_can_be_taken_back():
    found = geometry()
    pull = torch.linspace(0.5, 2, 3, dtype=torch.float64)  # minus the slope of log p(x, z)

    def step(both, stride=0.1):
        z, momentum = both.split(3)
        momentum = momentum - stride / 2 * pull * z
        place = found.at(z[None])
        momentum = _pushed(place, momentum[None], stride / 2)
        z = _walked(found, place, momentum, stride)
        place = found.at(z)
        momentum = momentum - stride / 2 * (pull * z + place.slope(momentum, place.traces()))
        return torch.cat([z[0], momentum[0]])

    begin = torch.randn(6, dtype=torch.float64)
    change = torch.autograd.functional.jacobian(step, begin)
    assert abs(change.det().item() - 1) < 1e-5
    end = step(begin)
    back = step(torch.cat([end[:3], -end[3:]]))
    assert torch.allclose(torch.cat([back[:3], -back[3:]]), begin, atol=1e-5)


@pytest.mark.parametrize("tempering", [1.0, 0.6])
def test_on_average_its_exponent_is_the_likelihood(tempering):
    weights = (each(riemannian(3, 0.1, tempering), geometry()) - NEAR.log_px).exp()
    error = weights.std(0) / math.sqrt(len(weights))
    assert (error < 0.04).all()
    assert ((weights.mean(0) - 1).abs() < 4 * error).all()


def test_along_the_metric_of_every_day_it_is_the_hamiltonian_bound():
    flat = each(riemannian(3, 0.1, 0.6), geometry(size=0.0, least=1.0), 50)
    assert torch.allclose(flat, each(hamiltonian(3, 0.1, 0.6), geometry(), 50))


def test_without_a_stride_it_is_the_elbo_of_draws():
    still = each(riemannian(2, 0.0), geometry(), 50)
    torch.manual_seed(0)
    t = trace(NEAR.model, NEAR.x.repeat_interleave(50, 0))
    assert torch.allclose(still.T.flatten(), t.log_ratio[0], atol=1e-6)


def test_its_gradient_reaches_the_metric_and_agrees_with_differences():
    model, bound = NEAR.model, riemannian(2, 0.1)
    factor = Conditional(nn.Linear(6, 6).double(), Triangle(3))
    model.metric = Metric(factor, (6,), components=4).double()
    model.metric.init_from(NEAR.x)

    def mean():
        torch.manual_seed(0)
        return bound(trace(model, NEAR.x)).mean()

    weight = factor.net.weight
    (slope,) = torch.autograd.grad(mean(), weight)
    with torch.no_grad():
        weight[0, 0] += 1e-4
        above = mean()
        weight[0, 0] -= 2e-4
        below = mean()
    assert slope[0, 0].item() == pytest.approx((above - below).item() / 2e-4, rel=1e-3)


def test_a_trained_one_holds_its_rows_and_loads(tmp_path):
    model = vaekit.fit("digits", "rhvae", latent=3, centres=7, epochs=1, quiet=True, out=tmp_path)
    rows = vaekit.load(tmp_path).model.metric.rows
    assert len(rows) == 7
    assert rows.flatten(1).unique(dim=0).shape[0] == 7
    assert torch.equal(rows, model.model.metric.rows)


def test_what_is_given_is_refused():
    with pytest.raises(BadInput, match="rhvae takes nothing beside"):
        vaekit.fit("digits", "rhvae", given="label", epochs=1, quiet=True)


def test_steps_that_are_too_long_say_so():
    with pytest.raises(BadInput, match=r"not finite: .*shorter stride \(--stride"):
        vaekit.fit(
            torch.randn(40, 3), "rhvae", latent=2, stride=1e8, leaps=10, epochs=1, quiet=True
        )
