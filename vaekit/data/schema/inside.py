"""Which value of its level a cell holds, exactly: levels in pieces, and the values of each piece
counted off, so that a coder can store them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vaekit.data.schema.categories import CategoryLevels
from vaekit.data.schema.pieces import BORDER, Level, NumberLevels
from vaekit.system.types import Array

HALVINGS = 20  # of a piece of the real line around 0
FARTHEST = 2**46  # from its level is a number that is counted off
BEYOND = 2.0**62  # is no whole number that a level holds
RARE = 2.0**-20  # share of values that no piece of real numbers holds


@dataclass(frozen=True)
class Pieces:
    """The pieces of a column's levels, level after level.

    Args:
        first: the number of each level's first piece, and how many pieces there are in all,
            (levels + 1,).
        weight: how likely each piece is within its level, up to a factor, (pieces,).
        size: how many values it holds, int64, all equally likely; 0 of the last piece of a level
            that stands for all values that no other holds.
        start: the number of its first value, int64.
        far: whether values that no piece holds have numbers that are worth keeping.
    """

    first: Array
    weight: Array
    size: Array
    start: Array
    far: bool = False

    @property
    def single(self) -> Array:
        """Whether a level stands for one value, or others that no piece holds, (levels,)."""
        held = np.add.reduceat(np.minimum(self.size, 2), self.first[:-1])
        return held == 1

    def holding(self, codes: Array, numbers: Array) -> tuple[Array, Array]:
        """The piece of each value of a level and its place there; where none holds it, the last
        piece of its level and how far it is from the level's first value, counted from 1 in turns
        to both sides, or 0 where that is too far.

        Args:
            codes: of levels, (N,); -1 for a gap, whose piece is -1.
            numbers: of values, int64, (N,).
        """
        held = np.flatnonzero(self.size > 0)
        starts = self.start[held]
        at = np.searchsorted(starts, numbers, side="right") - 1
        piece = held[np.maximum(at, 0)] if len(held) else np.zeros(len(codes), np.int64)
        place = numbers - self.start[piece]
        last = self.first[codes + 1] - 1
        inside = (piece >= self.first[codes]) & (piece <= last) & (at >= 0)
        inside &= (place >= 0) & (place < self.size[piece])
        piece = np.where(inside, piece, last)
        away = self._away(codes, numbers) if self.far else np.zeros_like(place)
        place = np.where(codes < 0, 0, np.where(inside, place, away))
        return np.where(codes < 0, -1, piece), place

    def _away(self, codes: Array, numbers: Array) -> Array:
        low = self.start[self.first[np.maximum(codes, 0)]]
        away = np.clip(numbers, -FARTHEST, FARTHEST) - np.clip(low, -FARTHEST, FARTHEST)
        fits = (np.abs(away) < FARTHEST // 2) & (away == numbers - low)
        return np.where(fits, np.where(away < 0, -2 * away, 2 * away + 1), 0)

    def numbers(self, piece: Array, place: Array) -> tuple[Array, Array]:
        """The reverse of :meth:`holding`: numbers of values, and which of them are known.

        Args:
            piece: of each.
            place: there.
        """
        held = (piece >= 0) & (self.size[piece] > 0)
        level = np.searchsorted(self.first, np.maximum(piece, 0), side="right") - 1
        half = place >> 1
        away = self.start[self.first[level]] + np.where(place & 1, half, -half)
        known = held | ((piece >= 0) & (place > 0))
        return np.where(held, self.start[piece] + place, away), known

    def any_of(self, level: int) -> int:
        """A piece of a level that holds something, if one does."""
        first, end = self.first[level : level + 2]
        return int(first + self.size[first:end].argmax())


def _of(levels: list[list[tuple[float, int, int]]], *, far: bool = False) -> Pieces:
    """Out of (weight, size, start) of each piece of each level."""
    flat = [piece for level in levels for piece in level]
    first = np.cumsum([0, *map(len, levels)])
    weight, size, start = (np.array(part) for part in zip(*flat, strict=True))
    size, start = size.astype(np.int64), start.astype(np.int64)
    return Pieces(first, weight.astype(float), size, start, far)


def category_pieces(levels: CategoryLevels) -> Pieces:
    """One piece for each value: its number is its place among all.

    Args:
        levels: of categories.
    """
    own = [[(1.0, 1, place)] for place in range(len(levels.values))]
    if not len(levels.others):
        return _of(own)
    shares = levels.shares
    rare = [(float(share), 1, len(own) + i) for i, share in enumerate(shares)]
    never = 1 / (float(levels.rows[len(own) :].sum()) + 1)
    return _of([*own, [*rare, (never, 0, 0)]])


def number_pieces(levels: NumberLevels, *, single: bool) -> Pieces:
    """Pieces of uniform density; of real numbers, pieces in which floating-point numbers are evenly
    spaced.

    Args:
        levels: of numbers.
        single: whether real numbers have 32 bits.
    """
    ends = [*levels.starts[1:], np.inf]
    found = []
    for level, start, end in zip(levels.levels, levels.starts, ends, strict=True):
        cut = [*(_whole(level) if levels.whole else _real(level, single=single))]
        total = sum(weight for weight, _, _ in cut) or 1.0
        beyond = start < level.low or end > np.nextafter(level.high, np.inf)
        if beyond or not levels.whole:
            share = 1 / max(level.rows, 1) if beyond else RARE
            cut.append((total * share, 0, 0))
        found.append(cut)
    return _of(found, far=levels.whole)


def _whole(level: Level) -> Iterator[tuple[float, int, int]]:
    for (a, b), part in zip(pairwise(level.edges), level.parts, strict=True):
        yield float(part), round(b - a), round(a + BORDER)


def _real(level: Level, *, single: bool) -> Iterator[tuple[float, int, int]]:
    if level.point:
        x = np.array([level.low])
        if not single or float(np.float32(level.low)) == level.low:
            yield 1.0, 1, int(numbered(x, single=single)[0])
        return
    for (a, b), part in zip(pairwise(level.edges), level.parts, strict=True):
        for low, high in pairwise(_even(a, b)):
            first, last = _least(low, single=single), _least(high, single=single)
            if last > first:
                yield part * (high - low) / (b - a), last - first, first


def _even(a: float, b: float) -> list[float]:
    """A piece cut at 0 and at powers of two, up to where they are small beside it."""
    low, high = math.frexp((b - a) * 2.0**-HALVINGS)[1], math.frexp(max(abs(a), abs(b)))[1]
    powers = [math.ldexp(1.0, n) for n in range(low - 1, high)]
    cuts = [*(-power for power in reversed(powers)), 0.0, *powers]
    return [a, *(cut for cut in cuts if a < cut < b), b]


def _least(x: float, *, single: bool) -> int:
    """The number of the smallest floating-point number that is at least x."""
    narrow = float(np.float32(x)) if single else x
    return int(numbered(np.array([x]), single=single)[0]) + (narrow < x)


def counted(x: Array, *, whole: bool, single: bool) -> Array:
    """Numbers, (N,), counted in their order, int64; whole ones within 2⁶².

    Args:
        x: float64, (N,).
        whole: whether they are whole.
        single: whether others have 32 bits.
    """
    if whole:
        return np.clip(x, -BEYOND, BEYOND).astype(np.int64)
    return numbered(x, single=single)


def numbered(x: Array, *, single: bool) -> Array:
    """Floating-point numbers counted in their order, int64: +0.0 is 0 and -0.0 is -1.

    Args:
        x: float64, (N,).
        single: whether to count those of 32 bits alone.
    """
    if single:
        with np.errstate(over="ignore"):  # what 32 bits do not hold is infinite
            bits = x.astype(np.float32).view(np.int32).astype(np.int64)
        return np.where(bits < 0, bits ^ (2**31 - 1), bits)
    bits = np.ascontiguousarray(x, np.float64).view(np.int64)
    return np.where(bits < 0, bits ^ (2**63 - 1), bits)


def floats(numbers: Array, *, single: bool) -> Array:
    """The reverse of :func:`numbered`, float64.

    Args:
        numbers: int64, (N,).
        single: whether they count those of 32 bits.
    """
    if single:
        bits = np.where(numbers < 0, numbers ^ (2**31 - 1), numbers).astype(np.int32)
        return bits.view(np.float32).astype(np.float64)
    bits = np.where(numbers < 0, numbers ^ (2**63 - 1), numbers)
    return np.ascontiguousarray(bits).view(np.float64)
