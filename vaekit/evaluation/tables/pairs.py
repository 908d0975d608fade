r"""Columns two by two: Trend, and mutual information.

Trend is as SDMetrics defined it before 0.27 (since then it leaves pairs out that hardly depend on
each other). Two columns of numbers: 1 - half the difference of their correlations, over rows
without gaps in either. Other pairs: 1 - the total variation distance between the two tables of
counts, in which a gap is a category, and numbers are in 10 bins of equal width. Those bins are made
of each table's own numbers, so that a single far-out number moves them all; the largest number and
gaps share an eleventh bin. All rows count (SDMetrics takes 50,000 at random). Of more pairs than
10,000, which 142 columns have, so many count, chosen at random by the number of columns alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vaekit.evaluation.information import normalised_information
from vaekit.evaluation.tables.marginals import Scores
from vaekit.evaluation.tables.mixed import MixedTable
from vaekit.system.types import Array

BINS, MOST = 10, 10_000  # pairs


def pairs_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """All pairs of columns; of more than 10,000 so many, the same ones each time.

    Args:
        names: of the columns.
    """
    left, right = np.triu_indices(len(names), 1)
    chosen = np.arange(len(left))
    if len(left) > MOST:
        chosen = np.sort(np.random.default_rng(0).choice(len(left), MOST, replace=False))
    return [(names[left[pair]], names[right[pair]]) for pair in chosen]


def pair_name(a: str, b: str) -> str:
    """What two columns together are called.

    Args:
        a: one.
        b: the other.
    """
    return f"{a} | {b}"


def trend(real: MixedTable, synthetic: MixedTable) -> Scores:
    """Scores of pairs, and their mean (SDMetrics' Column Pair Trends before 0.27).

    Args:
        real: rows.
        synthetic: rows of the same columns.
    """
    binned = [_own_bins(table) for table in (real, synthetic)]
    each = {}
    for a, b in pairs_of(real.names):
        if a in real.numbers and b in real.numbers:
            found = [_correlation(t.numbers[a], t.numbers[b]) for t in (real, synthetic)]
            each[pair_name(a, b)] = 1 - abs(found[0] - found[1]) / 2
        else:
            each[pair_name(a, b)] = 1 - _variation(*((t[a], t[b]) for t in binned))
    return Scores.of(each)


def _own_bins(table: MixedTable) -> dict[str, Array]:
    """Whole numbers from 0 for every cell, numbers by the bins of this table alone."""
    codes = {name: found + 1 for name, found in table.categories.items()}
    for name, values in table.numbers.items():
        present = values[~np.isnan(values)]
        edges = np.histogram_bin_edges(present, BINS) if len(present) else np.zeros(1)
        codes[name] = np.digitize(values, edges)
    return codes


def _correlation(a: Array, b: Array) -> float:
    """Pearson's, over rows without gaps; NaN where a column is constant."""
    both = ~(np.isnan(a) | np.isnan(b))
    a, b = a[both], b[both]
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def _variation(real: tuple[Array, Array], synthetic: tuple[Array, Array]) -> float:
    """The total variation distance between two tables of counts."""
    wide = 1 + max(real[1].max(), synthetic[1].max())
    size = int((1 + max(real[0].max(), synthetic[0].max())) * wide)
    p, q = (np.bincount(a * wide + b, minlength=size) / len(a) for a, b in (real, synthetic))
    return float(np.abs(p - q).sum() / 2)


def information_similarity(real: MixedTable, synthetic: MixedTable) -> float:
    r"""1 - the mean difference of normalised mutual informations, pairs weighed by how much they
    tell of each other (TabPC's weighted NMI).

    .. math:: 1 - \frac{\sum_{ij} w_{ij} |r_{ij} - s_{ij}|}{\sum_{ij} w_{ij}}, \qquad
        w_{ij} = r_{ij} + s_{ij}, \qquad r_{ij} = \frac{2 I(i; j)}{H(i) + H(j)}

    Numbers of more than 11 values are in 10 bins of equal width over the real ones; what lies
    outside, and gaps, are a category each column has.

    Args:
        real: rows.
        synthetic: rows of the same columns.
    """
    codes = [_common_bins(real, table) for table in (real, synthetic)]
    pairs = pairs_of(real.names)
    r, s = (
        np.array([normalised_information(found[a], found[b]) for a, b in pairs]) for found in codes
    )
    weight = (r + s).sum()
    return float(1 - ((r + s) * np.abs(r - s)).sum() / weight) if weight else 1.0


def _common_bins(real: MixedTable, table: MixedTable) -> dict[str, Array]:
    """Whole numbers from 0 for every cell, numbers by bins over the real ones."""
    codes = {name: found + 1 for name, found in table.categories.items()}
    for name, values in table.numbers.items():
        codes[name] = _binned(values, real.numbers[name])
    return codes


def _binned(values: Array, real: Array) -> Array:
    """The bin of each number, from 1; 0 for gaps and for what lies outside."""
    known = np.unique(real[~np.isnan(real)])
    if len(known) <= BINS + 1:
        return np.unique(np.nan_to_num(values, nan=np.inf), return_inverse=True)[1]
    edges = np.histogram_bin_edges(known, BINS)
    found = np.clip(np.searchsorted(edges, values, side="left"), 1, BINS)
    return np.where((values >= edges[0]) & (values <= edges[-1]), found, 0)
