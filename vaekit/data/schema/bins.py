"""Finding the levels of numbers: frequent values are points, the rest bins of equal mass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isqrt

import numpy as np

from vaekit.data.schema.pieces import BORDER, Level, NumberLevels
from vaekit.system.types import Array

MOST_BINS, MOST_OWN, FEWEST_OWN, SHARED = 100, 128, 12, 3
MOST_PIECES, ROWS_A_PIECE, SINGLE_WHOLES = 8, 5, 16
SMOOTH, FREQUENT = 0.05, 4


@dataclass(frozen=True)
class Asked:
    """What a person says of bins, in units of x.

    Args:
        bins: how many; None for what suits the number of rows.
        low: no number is below.
        high: no number is above.
    """

    bins: int | None = None
    low: float | None = None
    high: float | None = None


NOT_ASKED = Asked()


@dataclass(frozen=True)
class _Run:
    """Neighbouring values that are not frequent.

    Args:
        values: different ones, rising.
        counts: rows of each.
        left: the frequent value before; None at the column's beginning.
        right: the frequent value behind; None at its end.
    """

    values: Array
    counts: Array
    left: float | None
    right: float | None

    @property
    def rows(self) -> int:
        """How many."""
        return int(self.counts.sum())

    def ends(self, whole: bool) -> tuple[float, float]:
        """Where the bins begin and end: inside the range, and of a long run at no row's own value,
        but at the mean of up to three; few rows are spread half the way to what lies beside."""
        few = min(max(self.rows // 10, 1), SHARED)
        low = float(np.repeat(self.values[:few], self.counts[:few])[:few].mean())
        last = slice(None, -few - 1, -1)
        high = float(np.repeat(self.values[last], self.counts[last])[:few].mean())
        if len(self.values) < SHARED or low >= high:
            low, high = float(self.values[0]), float(self.values[-1])
            low = low if self.left is None else (low + self.left) / 2
            high = high if self.right is None else (high + self.right) / 2
        return (
            (float(np.ceil(low)) - BORDER, float(np.floor(high)) + BORDER) if whole else (low, high)
        )


def usual_bins(rows: int) -> int:
    """Bins for a number of rows: its root, from 2 to 100."""
    return min(max(isqrt(rows), 2), MOST_BINS)


def levels_of(x: Array, *, whole: bool, asked: Asked = NOT_ASKED) -> NumberLevels:
    """The levels of a column.

    Values have levels of their own where the column has few different ones, or where they are
    frequent; what is rare lies in bins of equal mass between them.

    Args:
        x: of the training rows, without gaps; at least one.
        whole: whether all are whole.
        asked: what a person wants.
    """
    values, counts = np.unique(x, return_counts=True)
    bins = usual_bins(len(x)) if asked.bins is None else asked.bins
    few = len(values) <= _most_own(len(x), asked)
    frequent = counts >= SHARED if few else counts > max(len(x) / (2 * bins), FREQUENT)
    frequent |= len(values) == 1
    levels = [
        level
        for part in _parts(values, counts, frequent)
        for level in (
            _binned(part, whole, len(x) / bins, asked) if isinstance(part, _Run) else [part]
        )
    ]
    levels = [_point(level, whole) for level in levels]
    return NumberLevels(tuple(levels), whole, _scale(values, counts, whole))


def _most_own(rows: int, asked: Asked) -> int:
    """Up to how many different values each have a level."""
    return asked.bins if asked.bins is not None else min(MOST_OWN, max(FEWEST_OWN, rows // 10))


def _point(level: Level, whole: bool) -> Level:
    """A point as whole numbers have it: from half-way to its neighbours."""
    if not (whole and level.point):
        return level
    return Level((level.low - BORDER, level.high + BORDER), (1,), level.rows)


def _parts(values: Array, counts: Array, frequent: Array) -> Iterator[Level | _Run]:
    """Points, and runs of values between them, in order."""
    borders = np.flatnonzero(np.diff(frequent.astype(np.int8)) != 0) + 1
    for start, end in pairwise([0, *borders.tolist(), len(values)]):
        if frequent[start]:
            for value, count in zip(values[start:end], counts[start:end], strict=True):
                yield Level((float(value), float(value)), (1,), int(count))
        else:
            left = float(values[start - 1]) if start else None
            right = float(values[end]) if end < len(values) else None
            yield _Run(values[start:end], counts[start:end], left, right)


def _binned(run: _Run, whole: bool, mass: float, asked: Asked) -> list[Level]:
    """A run in bins of about equal mass."""
    low, high = run.ends(whole)
    border = BORDER if whole else 0.0
    if run.left is None and asked.low is not None:
        low = min(asked.low - border, low)
    if run.right is None and asked.high is not None:
        high = max(asked.high + border, high)
    if low >= high:
        return [Level((low, low), (1,), run.rows)]
    count = max(1, min(round(run.rows / mass), len(run.values) // 2))
    inner = _borders(run, count, whole)
    edges = [low, *inner[(inner > low) & (inner < high)].tolist(), high]
    cut = np.searchsorted(run.values, edges[1:-1], side="left")
    splits = pairwise([0, *cut.tolist(), len(run.values)])
    return [
        _level(run.values[i:j], run.counts[i:j], a, b, whole)
        for (i, j), (a, b) in zip(splits, pairwise(edges), strict=True)
    ]


def _borders(run: _Run, count: int, whole: bool) -> Array:
    """Between neighbouring values, so that bins have about equal mass."""
    reached = np.cumsum(run.counts)
    wanted = run.rows * np.arange(1, count) / count
    at = np.unique(np.searchsorted(reached, wanted)).astype(int)
    at = at[at < len(run.values) - 1]
    middle = (run.values[at] + run.values[at + 1]) / 2
    return np.unique(np.floor(middle) + BORDER if whole else middle)


def _level(values: Array, counts: Array, a: float, b: float, whole: bool) -> Level:
    """One bin with its own distribution, in pieces."""
    rows = int(counts.sum())
    if whole and b - a <= SINGLE_WHOLES:
        parts = np.ones(round(b - a), int)
        at = np.clip(values - (a + BORDER), 0, len(parts) - 1).astype(int)
        np.add.at(parts, at, 2 * counts)
        return Level(tuple(a + np.arange(len(parts) + 1.0)), tuple(map(int, parts)), rows)
    count = min(max(rows // ROWS_A_PIECE, 1), MOST_PIECES)
    shares = np.arange(count + 1) / count
    middles = (np.cumsum(counts) - counts / 2) / max(rows, 1)
    inner = np.clip(np.interp(shares, middles, values) if rows else a, a, b)
    knots = (1 - SMOOTH) * inner + SMOOTH * (a + (b - a) * shares)
    knots = np.floor(knots) + BORDER if whole else knots
    knots[0], knots[-1] = a, b
    return _piecewise(np.clip(knots, a, b), a, b, rows)


def _piecewise(knots: Array, a: float, b: float, rows: int) -> Level:
    """Pieces between knots of equal mass; of those that coincide the mass goes to the next."""
    edges, parts, waiting = [a], list[int](), 0
    for knot in knots[1:-1]:
        waiting += 1
        if edges[-1] < knot < b:
            edges.append(float(knot))
            parts.append(waiting)
            waiting = 0
    return Level((*edges, b), (*parts, waiting + 1), rows)


def _scale(values: Array, counts: Array, whole: bool) -> float:
    """Of tails: between the quartiles, or what else tells how large differences are."""
    shares = (np.cumsum(counts) - counts / 2) / counts.sum()
    low, high = np.interp([0.25, 0.75], shares, values)
    spans = (high - low, (values[-1] - values[0]) / 10, abs(values[0]) / 10)
    return (
        max(1.0, *map(float, spans[:2])) if whole else next((float(s) for s in spans if s > 0), 1.0)
    )
