"""Annealed importance sampling against log p(x) known exactly."""

import math

import pytest
import torch
from parts import LinearGaussian
from test_bounds import two_layers

from vaekit.evaluation import anneal, sandwich
from vaekit.evaluation.annealing import (
    AnnealedPath,
    _temperatures,
    _transition,
    _tune_step_sizes,
)
from vaekit.models.drawing import Generator
from vaekit.rows import Rows

EXACT = LinearGaussian()
WRONG = LinearGaussian(shift=0.15, stretch=1.3, full=False)


@pytest.mark.parametrize("start", ["prior", "posterior"])
def test_it_finds_log_p(start):
    found = anneal(WRONG.model, WRONG.x, steps=300, chains=16, start=start)
    error = (found.value - WRONG.log_px).abs()
    assert (error < 4.5 * found.standard_error + 0.02).all()
    assert error.mean() < 0.15
    assert 0.4 < found.acceptance < 0.9


def test_weights_are_unbiased_even_with_few_temperatures():
    """E[w] = p(x) whatever the number of steps."""
    found = anneal(WRONG.model, WRONG.x[:2], steps=5, chains=20_000, leapfrog=3)
    ratio = (found.log_weights - WRONG.log_px[:2]).exp()
    error = ratio.std(0) / math.sqrt(20_000)
    assert ((ratio.mean(0) - 1).abs() < 4.5 * error).all()


def test_starting_at_the_exact_posterior_there_is_nothing_to_do():
    found = anneal(EXACT.model, EXACT.x, steps=3, chains=2, start="posterior")
    assert torch.allclose(found.log_weights, EXACT.log_px.expand(2, 5), atol=1e-6)


def test_more_temperatures_are_better():
    gaps = []
    for steps in (3, 30, 300):
        found = anneal(WRONG.model, WRONG.x, steps=steps, chains=4, start="prior")
        gaps.append((WRONG.log_px - found.value).mean().item())
    assert gaps[0] > gaps[1] > gaps[2] - 0.05


@pytest.mark.parametrize("start", ["prior", "posterior"])
def test_bidirectional_bounds_enclose_log_p(start):
    model = WRONG.model
    found = sandwich(model, 60, steps=200, chains=8, start=start)
    torch.manual_seed(0)
    assert -0.02 < found.gap < 0.5
    from vaekit.system.seeding import seeded

    with seeded(0, "sandwich"):
        x, _ = AnnealedPath.simulate(model, 60, Rows())
    true = WRONG.density.log_prob(x.data).mean().item()
    assert found.lower.mean - 0.05 < true < found.upper_value.mean().item() + 0.05


def test_a_transition_leaves_its_distribution_alone():
    torch.manual_seed(0)
    path = AnnealedPath(EXACT.model, Rows(EXACT.x[:1]), "posterior")
    z = path.draw(20_000)
    before = z.mean(0), z.var(0)
    for _ in range(3):
        z, share = _transition(path, z, 1.0, torch.tensor([0.15], dtype=z.dtype), 5)
    assert 0.3 < share.mean() < 1
    assert torch.allclose(z.mean(0), before[0], atol=0.02)
    assert torch.allclose(z.var(0), before[1], rtol=0.06)


def test_temperatures_run_from_zero_to_one():
    betas = _temperatures(10)
    assert betas[0] == 0
    assert betas[-1] == 1
    assert betas == sorted(betas)
    assert betas[1] - betas[0] < betas[5] - betas[4]


@pytest.mark.slow
@pytest.mark.parametrize("start", ["prior", pytest.param("posterior", marks=pytest.mark.long)])
def test_several_latents_anneal_side_by_side(start):
    m = two_layers()
    x = torch.randn(3, 6, dtype=torch.float64)
    found = anneal(m, x, steps=200, chains=100, start=start)
    with torch.no_grad():
        made = m(Generator(1_000_000))
        by_force = torch.stack([torch.logsumexp(made.log_prob(row), 0) for row in x]) - math.log(
            1e6
        )
    assert ((found.value - by_force).abs() < 4.5 * found.standard_error).all()


def test_results_repeat_and_leave_the_generators_alone():
    torch.manual_seed(1)
    expected = torch.rand(2)
    torch.manual_seed(1)
    a = anneal(WRONG.model, WRONG.x, steps=10, chains=2, seed=4)
    assert torch.equal(torch.rand(2), expected)
    b = anneal(WRONG.model, WRONG.x, steps=10, chains=2, seed=4)
    assert torch.equal(a.log_weights, b.log_weights)


class TwoWidths:
    """The same normal at every temperature, a hundred times narrower for the second row."""

    deviation = torch.tensor([1.0, 0.01])

    def density(self, z, beta):
        return -(z / self.deviation[:, None]).square().sum(-1) / 2, -z / self.deviation[
            :, None
        ] ** 2


def test_step_sizes_are_tuned_for_each_row_alone():
    """Steps of a move scale with what it explores."""
    path = TwoWidths()
    start = path.deviation[None, :, None] * torch.randn(1, 2, 3)
    sizes, _ = _tune_step_sizes(path, start, _temperatures(600), 10, None)
    assert sizes.shape == (600, 2)
    wide, narrow = sizes[300:].mean(0)
    assert 30 < wide / narrow < 300
