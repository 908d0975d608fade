"""The KL's weight as training begins, by recipe."""

from __future__ import annotations

import pytest
import torch

from vaekit.recipes import recipe
from vaekit.recipes.parts import OWN_SCHEDULE

STEPS = 1000
OWN = {"cyclical_vae": [0.0, 1.0, 1.0], "capacity_vae": [0.0, 0.0, 0.0]}
NONE = ("dense_vae", "vq_vae", "fsq_vae")


def weights(name: str, **options: object) -> list[float]:
    built = recipe(name)(shape=(6,), likelihood="bernoulli", steps=STEPS, **options)
    return [built.objective.weights(step)[0] for step in (0, 150, STEPS)]


@pytest.mark.parametrize(
    "name", ["vae", "iwae", "hvae", "sa_vae", "free_bits_vae", "ladder_vae", "sphere_vae"]
)
def test_it_rises_over_three_tenths(name: str) -> None:
    assert weights(name) == pytest.approx([0.0, 0.5, 1.0])
    assert weights(name, kl_warmup=0.0) == [1.0, 1.0, 1.0]


def test_beta_is_what_it_rises_to() -> None:
    assert weights("beta_vae", beta=4.0) == pytest.approx([0.0, 2.0, 4.0])


@pytest.mark.parametrize("name", NONE)
def test_some_have_none(name: str) -> None:
    assert weights(name) == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(("name", "known"), OWN.items())
@pytest.mark.parametrize("said", [{}, OWN_SCHEDULE])  # older folders say it
def test_schedules_of_a_recipe_are_its_own(
    name: str, known: list[float], said: dict[str, float]
) -> None:
    built = recipe(name)(shape=(6,), likelihood="bernoulli", steps=STEPS, **said)
    found = [built.objective.weights(step)[0] for step in (0, 125, STEPS)]
    assert found == pytest.approx(known)


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("name", ["vae", "pixel_vae", "ladder_vae", "cyclical_vae"])
def test_the_kl_counts_in_the_shortest_training_too(name: str, steps: int) -> None:
    shape = (1, 8, 8) if name == "pixel_vae" else (6,)
    built = recipe(name)(shape=shape, likelihood="bernoulli", steps=steps)
    assert sum(built.objective.weights(step)[0] for step in range(steps)) > 0


def test_a_capacity_is_not_0_in_the_shortest_training() -> None:
    built = recipe("capacity_vae")(shape=(6,), likelihood="bernoulli", steps=1, capacity=9.0)
    assert built.objective.weights(0)[-1] == 9.0


@pytest.mark.parametrize(("name", "floor"), [("rate_floor_vae", 5.0), ("free_bits_vae", 1.0)])
def test_a_floor_counts_in_full_while_the_kls_weight_rises(name: str, floor: float) -> None:
    """The loss is -E log p(x|z) + w KL + what the KL lacks: below the floor a nat earns 1 - w."""
    torch.manual_seed(0)
    built = recipe(name)(shape=(6,), likelihood="bernoulli", latent=3, steps=STEPS, floor=floor)
    x = (torch.rand(50, 6) < 0.5).float()
    for step, weight in ((0, 0.0), (150, 0.5), (STEPS, 1.0)):
        loss = built.objective(built.model.eval(), x, step)
        terms = loss.terms
        lacks = terms[next(key for key in terms if key not in ("reconstruction", "kl"))]
        assert lacks > 0
        by_hand = terms["reconstruction"] + weight * terms["kl"] + lacks
        assert loss.total.item() == pytest.approx(by_hand.item(), rel=1e-5)
