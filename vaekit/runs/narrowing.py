"""Rows of which some cells are given, or some columns are to have some of their levels.

Codes are drawn and weighed by the chance of what is asked, and the cells are drawn among what is
let in. All other cells are drawn given these by what the network says of any cells given any
others. How rows are drawn that nothing is asked of, column after column, is known better: so more
rows are made than are wanted, each is weighed by what it is to be against how it was drawn, and
rows are chosen by their weights (sampling importance resampling: Rubin 1988).
"""

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
from vaekit.system.checks import require
from vaekit.system.seeding import seeded

AT_ONCE, FEWEST, MOST, HOPELESS = 4_096, 8_192, 16, 1e-6
LEAST = 2  # rows that are made for each that is wanted
FREE = 0.25  # share of codes that come from p(z), whatever is given


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
    def effective(self) -> float:
        """(sum w)^2 / sum w^2."""
        return effective(self.before + self.chance)

    @property
    def probability(self) -> float:
        """Of levels that are let in, given what is given."""
        both = (self.before + self.chance).double().logsumexp(0)
        return math.exp((both - self.before.double().logsumexp(0)).item())

    def with_more(self, other: Particles) -> Particles:
        """These and others."""
        mine, theirs = vars(self), vars(other)
        return Particles(**{name: torch.cat([mine[name], theirs[name]]) for name in mine})


def effective(log_weight: Tensor) -> float:
    """(sum w)^2 / sum w^2: how many of some weighed rows, (N,), count."""
    return 1 / log_weight.double().softmax(0).square().sum().item()


def chosen(log_weight: Tensor, rows: int) -> Tensor:
    """Numbers of weighed rows, (N,), each as often as it weighs, in random order (systematic
    resampling)."""
    ends = log_weight.double().softmax(0).cumsum(0)
    at = (torch.arange(rows) + torch.rand(1).double()) / rows * ends[-1]
    return torch.searchsorted(ends, at).clamp_max(len(ends) - 1)[torch.randperm(rows)]


def times_for(rows: int) -> int:
    """How many rows are made for each of so many."""
    return max(LEAST, -(-FEWEST // rows))


@torch.no_grad()
def conditioned(model: Graph, x: Tensor, *key: int | str) -> Tensor:
    """Rows, (N, D), whose missing cells are drawn given those that are there.

    Rows of which the same cells are given, and are the same, are chosen among all that are made
    for them.

    Args:
        model: of a table.
        x: NaN where a cell is missing.
        key: of what is random.
    """
    times = times_for(len(x))
    given, which = x.nan_to_num(-1).unique(dim=0, return_inverse=True)
    full, weight = x.new_empty(times, *x.shape), x.new_empty(times, len(x))
    start = 0
    for part in x.split(max(AT_ONCE // times, 1)):
        rows = slice(start, start + len(part))
        with seeded(*key, "conditioned", start):
            z, before = _codes(model, part, times)
            made, more = cells_at(model, z).completed(part.repeat(times, 1))
        full[:, rows] = made.unflatten(0, (times, len(part)))
        weight[:, rows] = (before + more).unflatten(0, (times, len(part)))
        start += len(part)
    found = torch.empty_like(x)
    with seeded(*key, "choice"):
        for number in range(len(given)):
            places = (which == number).nonzero()[:, 0]
            best = chosen(weight[:, places].flatten(), len(places))
            found[places] = full[:, places].flatten(0, 1)[best]
    return found


@torch.no_grad()
def fulfilling(
    model: Graph, row: Tensor, rows: int, shares: Mapping[int, Tensor], *key: int | str
) -> tuple[Tensor, Narrowing]:
    """Rows, (N, D), of which some cells are given and others have levels that are let in.

    Args:
        model: of a table.
        row: what is given, (1, D), NaN elsewhere.
        rows: how many.
        shares: how much of each level is let in, by column.
        key: of what is random.

    Raises:
        BadInput: where such rows hardly have a probability.
    """
    z, x, note = narrowed(model, row, rows, shares, *key, times=times_for(rows))
    full, weight = [], []
    with seeded(*key, "completed"):
        for code, part in zip(z.split(AT_ONCE), x.split(AT_ONCE), strict=True):
            cells, bare = cells_at(model, code), row.expand(len(part), -1)
            made, more = cells.completed(part)
            full.append(made)
            weight.append(more - cells.in_order(bare) - cells.chance_of(bare, part, shares))
        own = torch.cat(weight)
        best = chosen(own, rows)
    likelier = own.double().exp().mean().item()
    told = Narrowing(
        min(note.probability * likelier, 1.0),
        note.tried,
        note.effective * effective(own) / len(own),
    )
    return torch.cat(full)[best], told


@torch.no_grad()
def narrowed(
    model: Graph,
    row: Tensor,
    rows: int,
    shares: Mapping[int, Tensor],
    *key: int | str,
    times: int = 1,
) -> tuple[Tensor, Tensor, Narrowing]:
    """Codes and rows, of which given and narrowed cells are there and all others missing.

    Args:
        model: of a table.
        row: what is given, (1, D), NaN elsewhere.
        rows: how many.
        shares: how much of each level is let in, by column.
        key: of what is random.
        times: how many codes and rows there are to be for each.

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
        best = chosen(found.before + found.chance, rows * times)
    x = row.expand(rows * times, -1).clone()
    x[:, list(shares)] = found.cells[best]
    return found.z[best], x, Narrowing(found.probability, len(found.z), found.effective)


def _particles(
    model: Graph, row: Tensor, shares: Mapping[int, Tensor], key: tuple[int | str, ...]
) -> Particles:
    with seeded(*key, "narrowed"):
        z, before = _codes(model, row, AT_ONCE)
        cells, bare = cells_at(model, z), row.expand(len(z), -1)
        x, chance = cells.narrowed(bare, shares)
    return Particles(z, x[:, list(shares)], before + cells.in_order(bare), chance)


def cells_at(model: Graph, z: Tensor) -> AnyOrderCells:
    """p(x|z) of a model of a table, for codes (rows, latent)."""
    return cast(AnyOrderCells, model.emit(z))


def _codes(model: Graph, x: Tensor, times: int) -> tuple[Tensor, Tensor]:
    """Codes for rows, (times * N, latent), and log p(z) - log of the density they are drawn with:
    of what q makes of the cells that are there, and of p(z) now and then, so that no code that p(z)
    knows weighs much however narrow q is (defensive sampling: Hesterberg 1995)."""
    prior, count = model.priors[0](), times * len(x)
    z = Generator(count)("z", prior)
    if bool(x.isnan().all()):
        return z, torch.zeros(count)
    q = model.posteriors[0](x)
    own = q.sample((times,))
    free = torch.rand(times, len(x), 1) < FREE
    z = torch.where(free, z.view_as(own), own)
    log_p, log_q = prior.log_prob(z.flatten(0, 1)), q.log_prob(z).flatten()
    mixed = torch.logaddexp(log_p + math.log(FREE), log_q + math.log1p(-FREE))
    return z.flatten(0, 1), log_p - mixed
