r"""Whether synthetic rows give training rows away.

A distance between two rows is a sum over columns: of numbers, the difference in shares of the real
range; 2 for two categories that differ, as if they were columns of 0 and 1; 1 for a number beside a
gap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from sklearn.metrics import roc_auc_score

from vaekit.evaluation.tables.mixed import MixedTable
from vaekit.system.types import Array

DIFFERENT, GAP = 2.0, 1.0
CELLS = 1 << 20
MOST, MOST_TRAINING = 20_000, 50_000
LEANS, SURE, FEW_COPIES = 0.03, 3, 0.001


@dataclass(frozen=True)
class Privacy:
    """What training rows have to fear; each beside what rows that know nothing would reach.

    Args:
        nearer_to_training: how often the nearest real row of a synthetic one is a training row (a
            tie counts as chance has it), on a scale where 0.5 is chance and 1 is always; with as
            many training rows as held-out ones it is the DCR share.
        ties: share of synthetic rows equally near to both.
        membership_auc: how well the distance to the nearest synthetic row tells training rows from
            held-out ones (0.5 is best).
        copies: share of synthetic rows that are a training row, cell for cell.
        copies_by_chance: share of held-out rows that are.
        rows: training, held-out and synthetic ones that distances were taken of.
        share_error: standard error of ``nearer_to_training`` above 0.5 where there is nothing to
            find, by which of the real rows are held out. Few held-out rows make it large.
    """

    nearer_to_training: float
    ties: float
    membership_auc: float
    copies: float
    copies_by_chance: float
    rows: tuple[int, int, int]
    share_error: float = 0.0

    @property
    def leans(self) -> bool:
        """Whether training rows are nearer than chance has it, by more than three standard errors
        and more than 0.03, or copies are there that held-out rows do not explain."""
        limits = [max(LEANS, SURE * error) for error in (self.share_error, self.noise)]
        found = (self.nearer_to_training, self.membership_auc)
        nearer = any(value > 0.5 + limit for value, limit in zip(found, limits, strict=True))
        return nearer or self.copies > max(2 * self.copies_by_chance, FEW_COPIES)

    @property
    def noise(self) -> float:
        """The standard error of the AUC where there is nothing to find (Mann & Whitney 1947)."""
        n, m, _ = self.rows
        return math.sqrt((n + m + 1) / (12 * n * m))


def privacy(
    train: MixedTable, held_out: MixedTable, synthetic: MixedTable, seed: int = 0, most: int = MOST
) -> Privacy:
    """Distances to training rows beside distances to rows that the model never saw.

    Args:
        train: rows the model was trained on; where they are more than 50,000, some of them.
        held_out: real rows it was not trained on.
        synthetic: rows it made.
        seed: says which rows are taken where there are more.
        most: held-out rows, and synthetic ones, that distances are taken of.
    """
    generator = np.random.default_rng(seed)
    kept = [train.some(MOST_TRAINING, generator), held_out.some(most, generator)]
    made = synthetic.some(most, generator)
    space = Space.of(train)
    train_side, other_side = (space.nearest(table, made) for table in kept)
    (member, to_train, _), (other, to_held_out, _) = train_side, other_side
    chance = kept[0].rows / (kept[0].rows + kept[1].rows)
    ties = float((to_train == to_held_out).mean())
    known = exact_rows(train)
    return Privacy(
        nearer_to_training=_scaled((to_train < to_held_out).mean() + ties * chance, chance),
        ties=ties,
        membership_auc=_auc(-member, -other),
        copies=_share_among(synthetic, known),
        copies_by_chance=_share_among(held_out, known),
        rows=(kept[0].rows, kept[1].rows, made.rows),
        share_error=_share_error(train_side, other_side, chance),
    )


def _share_error(train: Nearest, held_out: Nearest, chance: float) -> float:
    """Of the scaled share: were any of the real rows the held-out ones, the number of synthetic
    rows that are nearest to these would vary as a sum of as many drawn without replacement."""
    n, m, made = len(train.of_a), len(held_out.of_a), len(train.of_b)
    first = train.of_b < held_out.of_b
    own = np.bincount(train.which[first], minlength=n)
    other = np.bincount(held_out.which[train.of_b > held_out.of_b], minlength=m)
    spread = np.concatenate([own, other]).var(ddof=1)
    return float(math.sqrt(m * n / (n + m) * spread) / made / (2 * (1 - chance)))


def _scaled(share: float, chance: float) -> float:
    """A share where chance is 0.5, never 0 and always 1."""
    high = 0.5 + (share - chance) / (1 - chance) / 2
    return float(high if share > chance else share / chance / 2)


def _auc(higher: Array, lower: Array) -> float:
    scores = np.concatenate([higher, lower])
    return float(roc_auc_score(np.repeat([1, 0], [len(higher), len(lower)]), scores))


def exact_rows(table: MixedTable) -> list[bytes]:
    """Each row as bytes that are the same only for rows that are the same cell for cell.

    Args:
        table: whose rows.
    """
    numbers = table.number_matrix() + 0.0
    numbers[np.isnan(numbers)] = np.nan
    cells = np.concatenate([numbers, table.code_matrix().astype(float)], 1)
    return [row.tobytes() for row in cells]


def _share_among(table: MixedTable, known: list[bytes]) -> float:
    there = set(known)
    return float(np.mean([row in there for row in exact_rows(table)]))


class Nearest(NamedTuple):
    """What is nearest among the rows of two tables.

    Args:
        of_a: distance of each row of the first to the nearest of the second.
        of_b: the other way round.
        which: number of the first's row that is nearest to each of the second.
    """

    of_a: Array
    of_b: Array
    which: Array


@dataclass(frozen=True)
class Space:
    """How far two rows are from each other.

    Args:
        span: largest less smallest real number of each column of numbers, (columns,).
    """

    span: Array

    @classmethod
    def of(cls, real: MixedTable) -> Space:
        """The distances in which the range of each column of numbers is 1.

        Args:
            real: rows.
        """
        present = [v[~np.isnan(v)] for v in real.numbers.values()]
        span = np.array([np.ptp(v) if len(v) else 0.0 for v in present])
        return cls(np.where(span > 0, span, 1))

    def nearest(self, a: MixedTable, b: MixedTable) -> Nearest:
        """Distances of each row of one table to the nearest of the other, and the other way round.

        Args:
            a: rows.
            b: rows.
        """
        left, right = self._scaled(a), self._scaled(b)
        codes = [
            (a.categories[n].astype(np.int32), b.categories[n].astype(np.int32))
            for n in a.categories
        ]
        of_a = np.empty(a.rows, np.float32)
        of_b, which = np.full(b.rows, np.inf, np.float32), np.zeros(b.rows, int)
        step = max(CELLS // b.rows, 1)
        for start in range(0, a.rows, step):
            part = slice(start, min(start + step, a.rows))
            found = np.zeros((part.stop - part.start, b.rows), np.float32)
            for column in range(left.shape[1]):
                found += _apart(left[part, column, None], right[None, :, column])
            for mine, theirs in codes:
                found += (mine[part, None] != theirs) * np.float32(DIFFERENT)
            of_a[part] = found.min(1)
            best = found.argmin(0)
            low = found[best, np.arange(b.rows)]
            which[low < of_b] = start + best[low < of_b]
            np.minimum(of_b, low, out=of_b)
        return Nearest(of_a, of_b, which)

    def _scaled(self, table: MixedTable) -> Array:
        return (table.number_matrix() / self.span).astype(np.float32)


def _apart(a: Array, b: Array) -> Array:
    """|a - b|, 1 beside a gap, 0 between gaps."""
    found = np.abs(a - b)
    gaps = np.isnan(a), np.isnan(b)
    if gaps[0].any() or gaps[1].any():
        found = np.where(gaps[0] ^ gaps[1], np.float32(GAP), np.nan_to_num(found))
    return found
