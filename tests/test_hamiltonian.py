"""Draws moved by Hamiltonian dynamics: right on average, and a tighter bound."""

import math

import pytest
import torch
from parts import LinearGaussian

import vaekit
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo
from vaekit.objectives.hamiltonian import hamiltonian
from vaekit.system.checks import BadInput

NEAR, WRONG = LinearGaussian(shift=0.1, stretch=1.2), LinearGaussian(shift=0.3, stretch=1.3)


def each(bound, particles=10_000, of=WRONG):
    """The bound by each particle, (K, B), of a model that is known exactly."""
    torch.manual_seed(0)
    x = of.x.repeat_interleave(particles, 0)
    with torch.no_grad():
        return bound(trace(of.model, x)).unflatten(0, (len(of.x), particles)).T


@pytest.mark.parametrize("tempering", [1.0, 0.6])
def test_on_average_its_exponent_is_the_likelihood(tempering):
    weights = (each(hamiltonian(3, 0.1, tempering), of=NEAR) - NEAR.log_px).exp()
    error = weights.std(0) / math.sqrt(len(weights))
    assert (error < 0.04).all()
    assert ((weights.mean(0) - 1).abs() < 4 * error).all()


def test_it_lies_between_the_elbo_and_the_likelihood():
    moved = each(hamiltonian(3, 0.15, 0.4)).mean(0)
    plain = each(elbo).mean(0)
    assert (moved > plain + 0.05).all()
    assert (moved < WRONG.log_px).all()


def test_without_a_stride_it_is_the_elbo_of_draws():
    still = each(hamiltonian(2, 0.0), 50)
    torch.manual_seed(0)
    t = trace(WRONG.model, WRONG.x.repeat_interleave(50, 0))
    assert torch.allclose(still.T.flatten(), t.log_ratio[0], atol=1e-6)


def test_steps_that_go_to_infinity_later_are_called_too_long_as_well():
    with pytest.raises(vaekit.Diverged, match=r"take a shorter stride \(--stride, in .*, or try a"):
        vaekit.fit("digits", "hvae", latent=2, stride=100.0, epochs=1, quiet=True)


def test_steps_that_go_to_infinity_are_called_too_long_and_no_fault_of_the_data():
    with pytest.raises(BadInput, match=r"loss of the first rows is not finite: .*shorter stride"):
        vaekit.fit(
            torch.randn(40, 3), "hvae", latent=2, stride=10.0, leaps=10, epochs=1, quiet=True
        )
