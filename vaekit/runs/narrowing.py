"""Rows of which some columns are to have some of their levels: codes are drawn and weighed by the
chance of such levels, and the cells are drawn among them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from vaekit.distributions.columns import AnyOrderCells
from vaekit.models import Graph
from vaekit.models.drawing import Generator
from vaekit.models.trace import trace
from vaekit.rows import Rows
from vaekit.system.checks import require
from vaekit.system.seeding import seeded

AT_ONCE, FEWEST, MOST, HOPELESS = 4_096, 8_192, 16, 1e-6


@dataclass(frozen=True)
class Narrowing:
    """How rows were found.

    Args:
        probability: of such a row, in the model's eyes.
        tried: codes that were drawn.
        effective: how many independent codes the weighed ones are worth.
    """

    probability: float
    tried: int
    effective: float

    def __str__(self) -> str:
        return (
            f"where: such rows have a probability of {self.probability:.3g}; found among "
            f"{self.tried:,} codes, which are worth {self.effective:,.0f} of their own"
        )


@dataclass(frozen=True)
class Particles:
    """Codes with cells, of which some are drawn among the levels that are let in.

    Args:
        z: codes, (N, latent).
        cells: of the narrowed columns, (N, columns).
        before: log weight by what is given, (N,).
        chance: log of the chance of levels that are let in, (N,).
    """

    z: Tensor
    cells: Tensor
    before: Tensor
    chance: Tensor

    @property
    def weight(self) -> Tensor:
        """Shares, (N,), that sum to 1."""
        return (self.before + self.chance).double().softmax(0)

    @property
    def effective(self) -> float:
        """(sum w)^2 / sum w^2."""
        return 1 / self.weight.square().sum().item()

    @property
    def probability(self) -> float:
        """Of levels that are let in, given what is given."""
        both = (self.before + self.chance).double().logsumexp(0)
        return math.exp((both - self.before.double().logsumexp(0)).item())

    def with_more(self, other: Particles) -> Particles:
        """These and others."""
        mine, theirs = vars(self), vars(other)
        return Particles(**{name: torch.cat([mine[name], theirs[name]]) for name in mine})

    def chosen(self, rows: int) -> Tensor:
        """Numbers of particles, each as often as it weighs, in random order (systematic
        resampling)."""
        ends = self.weight.cumsum(0)
        at = (torch.arange(rows) + torch.rand(1).double()) / rows * ends[-1]
        return torch.searchsorted(ends, at).clamp_max(len(ends) - 1)[torch.randperm(rows)]


@torch.no_grad()
def narrowed(
    model: Graph, row: Tensor, rows: int, shares: Mapping[int, Tensor], *key: int | str
) -> tuple[Tensor, Tensor, Narrowing]:
    """Codes and rows, of which given and narrowed cells are there and all others missing.

    Args:
        model: of a table.
        row: what is given, (1, D), NaN elsewhere.
        rows: how many.
        shares: how much of each level is let in, by column.
        key: of what is random.

    Raises:
        BadInput: where such rows hardly have a probability.
    """
    found, number = _particles(model, row, shares, (*key, 0)), 1
    while len(found.z) < FEWEST or (found.effective < rows and len(found.z) < MOST * rows):
        found = found.with_more(_particles(model, row, shares, (*key, number)))
        number += 1
    require(
        found.probability >= HOPELESS,
        f"where: to the model such rows have a probability of about {found.probability:.1g}, less "
        f"than {HOPELESS:g}: ask for less at once",
    )
    with seeded(*key, "choice"):
        chosen = found.chosen(rows)
    x = row.expand(rows, -1).clone()
    x[:, list(shares)] = found.cells[chosen]
    return found.z[chosen], x, Narrowing(found.probability, len(found.z), found.effective)


def _particles(
    model: Graph, row: Tensor, shares: Mapping[int, Tensor], key: tuple[int | str, ...]
) -> Particles:
    with seeded(*key, "narrowed"):
        z, before = _codes(model, row)
        x, chance = cells_at(model, z).narrowed(row.expand(len(z), -1), shares)
    return Particles(z, x[:, list(shares)], before, chance)


def cells_at(model: Graph, z: Tensor) -> AnyOrderCells:
    """p(x|z) of a model of a table, for codes (rows, latent)."""
    return cast(AnyOrderCells, model.emit(z))


def _codes(model: Graph, row: Tensor) -> tuple[Tensor, Tensor]:
    """Codes by what is given, and the logs of their weights."""
    if bool(row.isnan().all()):
        return Generator(AT_ONCE)("z", model.priors[0]()), torch.zeros(AT_ONCE)
    t = trace(model, Rows(row), samples=AT_ONCE)
    return t.latents["z"].value[:, 0], t.log_ratio[:, 0]
