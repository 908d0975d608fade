r"""Alpha-precision and beta-recall: are synthetic rows where real ones are, and all of those?

As synthcity defines them without an embedding of its own (its ``naive`` values, which TabSyn,
TabDiff and TabPC print), after Alaa et al. 2022. Rows are points: numbers between the real smallest
and largest, a column of 0 and 1 for each category.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.neighbors import NearestNeighbors

from vaekit.evaluation.tables.mixed import MixedTable
from vaekit.system.types import Array

STEPS = 30
MOST = 50_000


@dataclass(frozen=True)
class Coverage:
    """Two scores, 1 being best; rows of the real distribution reach about 0.5 in the second.

    Args:
        alpha_precision: whether synthetic rows lie as far from the real centre as real ones do.
        beta_recall: whether real rows have a synthetic one nearer than their nearest real one,
            over all distances from the synthetic centre.
    """

    alpha_precision: float
    beta_recall: float


def coverage(real: MixedTable, synthetic: MixedTable, seed: int = 0, most: int = MOST) -> Coverage:
    r"""Alpha-precision and beta-recall over 30 quantiles.

    With a share :math:`P(\alpha)` of synthetic rows inside the radius that holds a share
    :math:`\alpha` of real ones, alpha-precision is
    :math:`1 - \sum_\alpha |\alpha - P(\alpha)| / \sum_\alpha \alpha`. Beta-recall is the same of
    :math:`R(\beta)`, the share of real rows whose nearest synthetic row is no farther than their
    nearest other real row and lies inside the radius that holds a share :math:`\beta` of such
    synthetic rows.

    Args:
        real: rows.
        synthetic: rows of the same columns; of the longer table as many as of the other are taken.
        seed: says which.
        most: rows of each; their number is squared.
    """
    generator = np.random.default_rng(seed)
    size = min(real.rows, synthetic.rows, most)
    real, synthetic = (table.some(size, generator) for table in (real, synthetic))
    low, span = _range(real)
    x, s = (_points(table, low, span) for table in (real, synthetic))
    shares = np.linspace(0, 1, STEPS)
    radii = np.quantile(_distance(x, x.mean(0)), shares)
    to_centre = _distance(s, x.mean(0))
    precision = [(to_centre <= radius).mean() for radius in radii]
    near, which = _nearest(x, s, 1)
    covered = near[:, 0] <= _nearest(x, x, 2)[0][:, 1]
    out = _distance(s, s.mean(0))[which[:, 0]]
    recall = [(covered & (out <= radius)).mean() for radius in np.quantile(out, shares)]
    return Coverage(_agreement(shares, precision), _agreement(shares, recall))


def _range(table: MixedTable) -> tuple[Array, Array]:
    """The smallest number of each column, and by how much the largest is more."""
    present = [v[~np.isnan(v)] for v in table.numbers.values()]
    low = np.array([v.min() if len(v) else 0.0 for v in present])
    span = np.array([np.ptp(v) if len(v) else 0.0 for v in present])
    return low, np.where(span > 0, span, 1)


def _points(table: MixedTable, low: Array, span: Array) -> Array:
    """Scaled numbers, with the middle in gaps, and categories as columns of 0 and 1."""
    numbers = (table.number_matrix() - low) / span
    return np.concatenate([np.nan_to_num(numbers, nan=0.5), table.one_hot(gaps=True)], 1)


def _distance(points: Array, centre: Array) -> Array:
    return np.sqrt(np.square(points - centre).sum(1))


def _nearest(points: Array, among: Array, count: int) -> tuple[Array, Array]:
    """Distances to the nearest of others, and which these are."""
    found = NearestNeighbors(n_neighbors=count).fit(among).kneighbors(points)
    return found[0], found[1]


def _agreement(shares: Array, found: list[float]) -> float:
    return float(1 - np.abs(shares - np.array(found)).sum() / shares.sum())
