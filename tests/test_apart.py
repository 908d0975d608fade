"""What rows are worth whose numbers have nothing to do with each other, and models below it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import distributions as D

import vaekit
from vaekit.evaluation.verdict import Rank, of_learning
from vaekit.families.apart import bits, frequencies, normal
from vaekit.families.catalogue import likelihood
from vaekit.families.experts import InModalities, Modality


def test_bits_have_the_density_of_their_shares() -> None:
    train = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    rows = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    known = D.Bernoulli(torch.tensor([0.75, 0.25])).log_prob(rows).sum(1)
    torch.testing.assert_close(bits(None, train, rows), known.double())
    never = bits(None, torch.zeros(5, 1), torch.ones(1, 1))
    assert never.isfinite().all()


def test_levels_have_their_frequencies_and_gaps_none() -> None:
    train = torch.tensor([[0.0, 2.0], [0.0, math.nan], [1.0, 2.0]])
    rows = torch.tensor([[0.0, 1.0], [math.nan, 2.0], [1.0, math.nan]])
    found = frequencies(lambda f: torch.tensor([2, 4]))(None, train, rows)
    first = [math.log(2.5 / 4), 0.0, math.log(1.5 / 4)]
    second = [math.log(0.5 / 4), math.log(2.5 / 4), 0.0]
    known = torch.tensor([a + b for a, b in zip(first, second, strict=True)], dtype=torch.float64)
    torch.testing.assert_close(found, known)


def test_chances_of_levels_sum_to_one() -> None:
    train = torch.tensor([[3.0], [3.0], [0.0]])
    every = torch.arange(5.0)[:, None]
    found = frequencies(lambda f: torch.tensor(5))(None, train, every)
    assert found.exp().sum().item() == pytest.approx(1.0)


def test_real_numbers_are_normal() -> None:
    train = torch.randn(4000, 3) * torch.tensor([1.0, 2.0, 0.5]) + torch.tensor([0.0, 5.0, -1.0])
    rows = torch.randn(7, 3)
    mean, spread = train.double().mean(0), train.double().std(0, correction=0)
    known = D.Normal(mean, spread).log_prob(rows.double()).sum(1)
    torch.testing.assert_close(normal(None, train, rows), known, rtol=1e-5, atol=1e-5)


def test_modalities_are_each_for_itself() -> None:
    parts = [
        Modality([0, 2], (2,), likelihood("bernoulli", (2,))),
        Modality([1], (1,), likelihood("gaussian", (1,))),
    ]
    whole = InModalities((3,), parts)
    train, rows = torch.rand(20, 3).round(), torch.rand(4, 3).round()
    own = bits(None, train[:, [0, 2]], rows[:, [0, 2]]) + normal(None, train[:, [1]], rows[:, [1]])
    apart = whole.kind.apart
    assert apart is not None
    torch.testing.assert_close(apart(whole, train, rows), own)
    counted = Modality([1], (1,), likelihood("poisson", (1,)))
    assert InModalities((3,), [parts[0], counted]).kind.apart is None


def test_what_counts_as_not_learned() -> None:
    apart = 10 * torch.randn(100, generator=torch.Generator().manual_seed(0)) - 100
    noise = torch.randn(100, generator=torch.Generator().manual_seed(1))
    assert of_learning(apart + 10 + noise, apart) is None
    assert of_learning(apart + noise, apart) is None  # no more than chance
    found = of_learning(apart - 2 + noise, apart)  # rows beside themselves: the spread is no part
    assert found is not None
    assert found.rank is Rank.UNLEARNED < Rank.SOUND


@pytest.mark.parametrize(("epochs", "learned"), [(1, False), (20, True)])
def test_a_model_of_few_updates_is_no_sound_one(epochs: int, learned: bool) -> None:
    found = vaekit.fit("digits", "vae", epochs=epochs, seed=0, quiet=True).evaluate(samples=10)
    assert (found.rank is Rank.UNLEARNED) is not learned
    assert ("has not learned its data" in found.verdict) is not learned
