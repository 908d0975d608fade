"""Flows of others, put into our models by the benchmarks: their densities are those of what they draw."""

import importlib
import sys
from pathlib import Path

import pytest
import torch
from torch import distributions as D

from vaekit.distributions import Flowed
from vaekit.distributions.draws import draw_with_density

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"


@pytest.fixture
def flows(monkeypatch):
    """The script, as scripts beside it import it."""
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    yield importlib.import_module("zoo_put_flows")
    del sys.modules["zoo_put_flows"]


def steps(flows, slopes, dim=2, rows=2):
    """Planar steps with w · u as asked, others for each row."""
    torch.manual_seed(0)
    made = []
    for slope in slopes:
        u, w, b = torch.randn(rows, dim), 0.5 + torch.rand(rows, dim), torch.randn(rows, 1)
        u = u + (slope - (w * u).sum(-1, keepdim=True)) * w / w.square().sum(-1, keepdim=True)
        made.append(flows.Unheld(u, w, b))
    return made


def folded(flows, slopes, dim=2):
    spreads = torch.tensor([[0.5, 1.0], [1.0, 0.7]])[:, :dim]
    base = D.Independent(D.Normal(torch.zeros(2, dim), spreads), 1)
    return flows.Folded(base, steps(flows, slopes, dim))


@pytest.mark.parametrize("slopes", [[0.5], [-3.0], [-3.0, 2.0, -5.0]])
def test_a_folded_density_is_that_of_what_is_moved(flows, slopes):
    """E of p / q over draws of q is 1 for any p; its integral over u has no steep edges, as that of q has."""
    q = folded(flows, slopes, 1)
    u = torch.linspace(-40, 40, 40_001, dtype=torch.float64)[:, None, None].expand(-1, 2, -1)
    z, by = q.moved(u)
    log_u, log_p = q.base.log_prob(u), D.Normal(z[20_000], 1.0).log_prob(z)[..., 0]
    whole, alone = (
        (log_u + log_p - log_q).exp().sum(0) * 80 / 40_000 for log_q in (q.log_prob(z), log_u - by)
    )
    assert torch.allclose(whole, torch.ones(2).to(whole), atol=0.005)
    assert (alone.max() > 1.1) == (min(slopes) < -1)  # by the draw's own u alone


def test_a_draw_comes_with_its_density(flows):
    q = folded(flows, [-3.0, 2.0, -5.0])
    torch.manual_seed(1)
    z, log_q = draw_with_density(q, torch.Size([2000]))
    assert z.dtype == log_q.dtype == torch.float32
    assert (log_q - q.log_prob(z)).abs().median() < 1e-4


@pytest.mark.parametrize("slope", [2.0, -0.5, -1.0, -1.0001, -4.0])
def test_sources_are_moved_to_it(flows, slope):
    (step,) = steps(flows, [slope], rows=1)
    torch.manual_seed(2)
    z = torch.randn(500, 2, dtype=torch.float64)
    y, by = step.call_and_ladj(z)
    found, whose, byes = step.sources(y, torch.zeros(500, dtype=torch.long))
    assert torch.allclose(step.call_and_ladj(found)[0], y[whose])
    near = (found - z[whose]).norm(dim=-1) < 1e-6
    assert whose[near].unique().numel() >= 499
    assert torch.allclose(byes[near], by[whose[near]], atol=1e-3)
    assert (len(whose) > 600) == (slope == -4.0)


def test_masked_steps_come_back_and_tell_their_determinant(flows):
    dim, hidden = 4, 6
    torch.manual_seed(0)
    first, second = torch.randn(hidden, dim), torch.randn(2 * dim, hidden)
    degrees = torch.arange(hidden) % (dim - 1)
    first *= degrees[:, None] >= torch.arange(dim)
    second *= (degrees < torch.arange(dim)[:, None]).repeat(2, 1)
    parts = first, torch.randn(hidden), second, torch.randn(2 * dim)
    step = flows.Masked(torch.cat([p.flatten() for p in parts]), dim)
    z = torch.randn(3, dim, dtype=torch.float64)
    y, by = step.call_and_ladj(z)
    whole = torch.autograd.functional.jacobian(lambda z: step.call_and_ladj(z)[0], z)
    each = torch.stack([whole[i, :, i] for i in range(3)])
    assert torch.allclose(torch.linalg.slogdet(each)[1], by)
    assert torch.allclose(step.inv.call_and_ladj(y)[0], z)
    q = Flowed(D.Independent(D.Normal(torch.zeros(3, dim), torch.ones(3, dim)), 1), [step])
    z, log_q = draw_with_density(q, torch.Size([5]))
    assert torch.allclose(q.log_prob(z), log_q, atol=1e-3)
