r"""Columns one by one: Shape, and categories that are rare.

Shape is as SDMetrics defines it: 1 - the Kolmogorov-Smirnov distance for numbers, 1 - the total
variation distance for categories, averaged over columns. Gaps are left out on both sides, as they
are there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vaekit.evaluation.tables.mixed import MISSING, MixedTable
from vaekit.system.types import Array

FEWEST = 20
CLOSE = 0.2


@dataclass(frozen=True)
class Scores:
    """A score and what it is the mean of.

    Args:
        overall: the mean over those that have one.
        each: by name; NaN where a score is not defined.
    """

    overall: float
    each: dict[str, float]

    @classmethod
    def of(cls, each: dict[str, float]) -> Scores:
        """Several scores, and the mean of those that are numbers.

        Args:
            each: by name.
        """
        found = [score for score in each.values() if not math.isnan(score)]
        return cls(float(np.mean(found)) if found else math.nan, each)


def shape(real: MixedTable, synthetic: MixedTable) -> Scores:
    """1 - KS or 1 - total variation of each column, and the mean (SDMetrics' Column Shapes).

    Args:
        real: rows.
        synthetic: rows of the same columns.
    """
    return Scores.of({name: _shape(real, synthetic, name) for name in real.names})


def _shape(real: MixedTable, synthetic: MixedTable, name: str) -> float:
    if name in real.numbers:
        a, b = (_present(table.numbers[name]) for table in (real, synthetic))
        return 1 - kolmogorov_smirnov(a, b)
    size = len(real.levels[name])
    p, q = (shares(table.categories[name], size) for table in (real, synthetic))
    return 1 - float(np.abs(p - q).sum() / 2)


def _present(values: Array) -> Array:
    return values[~np.isnan(values)]


def kolmogorov_smirnov(a: Array, b: Array) -> float:
    """The largest difference between two cumulative distributions; NaN where a side is empty.

    Args:
        a: numbers.
        b: other numbers.
    """
    if not len(a) or not len(b):
        return math.nan
    at = np.concatenate([a, b])
    below = [np.searchsorted(np.sort(x), at, side="right") / len(x) for x in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def shares(codes: Array, size: int) -> Array:
    """How often each category is there among the cells that are; NaN where none is, (size,).

    Args:
        codes: of cells.
        size: how many categories there are.
    """
    counts = np.bincount(codes[codes != MISSING], minlength=size).astype(float)
    return counts / counts.sum() if counts.sum() else np.full(size, np.nan)


@dataclass(frozen=True)
class RareCategories:
    """How often categories come that are there in at least 20 training rows.

    Args:
        ratios: frequency among synthetic rows / among real ones, by ``column=category``.
        within: share of them between 0.8 and 1.2.
        by_chance: what ``within`` would be on average for as many rows drawn with the real
            frequencies: the limit that sampling sets.
        lost: those that never come.
    """

    ratios: dict[str, float]
    within: float
    by_chance: float
    lost: tuple[str, ...]

    @property
    def worst(self) -> tuple[str, float] | None:
        """The category whose frequency is farthest off, and its ratio."""
        if not self.ratios:
            return None
        return max(self.ratios.items(), key=lambda item: abs(item[1] - 1))


def rare_categories(
    real: MixedTable, synthetic: MixedTable, fewest: int = FEWEST
) -> RareCategories:
    """The frequency ratio of each category, gaps being one of them.

    Args:
        real: rows that the model was trained on.
        synthetic: rows of the same columns.
        fewest: rows in which a category must be there to be looked at.
    """
    ratios, chances = {}, []
    for name, codes in real.categories.items():
        size = len(real.levels[name]) + 1
        counts = np.bincount(codes + 1, minlength=size)
        made = np.bincount(synthetic.categories[name] + 1, minlength=size) / synthetic.rows
        for level in np.flatnonzero(counts >= fewest):
            share = counts[level] / real.rows
            called = real.levels[name][level - 1] if level else "(missing)"
            ratios[f"{name}={called}"] = float(made[level] / share)
            chances.append(_chance(share, synthetic.rows))
    within = [abs(ratio - 1) <= CLOSE for ratio in ratios.values()]
    lost = tuple(name for name, ratio in ratios.items() if ratio == 0)
    if not ratios:
        return RareCategories({}, math.nan, math.nan, ())
    return RareCategories(ratios, float(np.mean(within)), float(np.mean(chances)), lost)


def _chance(share: float, rows: int) -> float:
    """That a frequency among rows drawn at random is within a fifth of the true one (by the central
    limit theorem)."""
    if share >= 1:
        return 1.0
    return math.erf(CLOSE * math.sqrt(rows * share / (1 - share) / 2))
