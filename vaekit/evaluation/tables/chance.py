"""How like training rows other real rows are: few rows of many categories are never very like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vaekit.evaluation.tables.marginals import shape
from vaekit.evaluation.tables.mixed import MixedTable
from vaekit.evaluation.tables.pairs import trend

LEAST = 0.02


@dataclass(frozen=True)
class Chance:
    """Shape and Trend beside training rows, of as many synthetic rows as held-out ones.

    Args:
        shape: of the synthetic rows.
        trend: likewise.
        held_out_shape: of the held-out rows.
        held_out_trend: likewise.
        rows: how many of each.
    """

    shape: float
    trend: float
    held_out_shape: float
    held_out_trend: float
    rows: int

    @property
    def margin(self) -> float:
        """By how much scores of so few rows differ for no reason, at most."""
        return max(LEAST, 1 / math.sqrt(self.rows))


def by_chance(
    train: MixedTable, held_out: MixedTable, synthetic: MixedTable, seed: int = 0
) -> Chance:
    """How like training rows the others are, as many of each.

    Args:
        train: rows a model was trained on.
        held_out: real rows it was not trained on.
        synthetic: rows it made.
        seed: says which rows are taken of the longer table.
    """
    most, generator = min(held_out.rows, synthetic.rows), np.random.default_rng(seed)
    made, real = (table.some(most, generator) for table in (synthetic, held_out))
    own, other = ([measure(train, t).overall for measure in (shape, trend)] for t in (made, real))
    return Chance(own[0], own[1], other[0], other[1], most)
