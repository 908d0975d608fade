"""Levels of numbers: intervals that are uniform in pieces, and points; with their density."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from vaekit.system.records import Json, Part
from vaekit.system.types import Array

FARTHEST = 1e150  # number that has a density of its own: beyond it is as there
BORDER = 0.5  # of a whole number's share of the line
Tile = tuple[float, float, float, float]


@dataclass(frozen=True)
class Level:
    """A level of numbers: an interval in pieces, or a point.

    Args:
        edges: of the pieces, rising; a point twice.
        parts: how much of the level's mass each piece has, of their sum.
        rows: of training that are in it.
    """

    edges: tuple[float, ...]
    parts: tuple[int, ...]
    rows: int

    @property
    def low(self) -> float:
        """Where it begins."""
        return self.edges[0]

    @property
    def high(self) -> float:
        """Where it ends."""
        return self.edges[-1]

    @property
    def point(self) -> bool:
        """Whether it is one number of many that could be."""
        return self.low == self.high


@dataclass(frozen=True)
class _Tiles:
    """The line in pieces, each of one level.

    Args:
        left: where each begins, rising.
        log_density: in it; of its first value where it falls off.
        fall: how fast density falls off, per unit, with the distance from ``origin``.
        origin: of the fall.
    """

    left: Array
    log_density: Array
    fall: Array
    origin: Array


@dataclass(frozen=True)
class NumberLevels:
    """Levels of x, in order; between and beyond them, what no training row has.

    Args:
        levels: disjoint, rising.
        whole: whether x is whole: then a level's edges lie half-way between whole numbers.
        scale: of the tails beyond the ends, in units of x.
    """

    levels: tuple[Level, ...]
    whole: bool
    scale: float

    @property
    def count(self) -> int:
        """How many."""
        return len(self.levels)

    @cached_property
    def starts(self) -> Array:
        """Where the part of the line begins that goes to each level, (levels,)."""
        return np.array([-np.inf, *(self._between(a, b) for a, b in pairwise(self.levels))])

    def _between(self, a: Level, b: Level) -> float:
        """The border of two neighbours: points that stand alone share what is between them, other
        points leave it to the interval."""
        lone = [level.high - level.low <= (1 if self.whole else 0) for level in (a, b)]
        if a.high == b.low:
            return b.low
        if all(lone):
            middle = (a.high + b.low) / 2
            return float(np.floor(middle) + BORDER) if self.whole else middle
        if lone[0]:
            return a.high if self.whole else float(np.nextafter(a.high, np.inf))
        return b.low

    def codes(self, x: Array) -> Array:
        """The level of each number, int32; the nearest where no level holds it."""
        return (np.searchsorted(self.starts, x, side="right") - 1).astype(np.int32)

    @cached_property
    def _tiles(self) -> _Tiles:
        ends = [*self.starts[1:], np.inf]
        rows: list[Tile] = []
        for level, start, end in zip(self.levels, self.starts, ends, strict=True):
            rows += self._tiled(level, float(start), float(end))
        return _Tiles(*map(np.array, zip(*rows, strict=True)))

    def _tiled(self, level: Level, start: float, end: float) -> list[Tile]:
        """The pieces of a level's part of the line: (left, log density, fall, origin).

        A share of 1 / (rows + 1) goes to what no training row has.
        """
        last = float(np.nextafter(level.high, np.inf)) if level.point else level.high
        off = [(start, level.low), (last, end)]
        off = [(a, b) for a, b in off if b > a]
        beyond = 1 / (level.rows + 1) if off else 0.0
        total = sum(level.parts)
        inside = [
            (
                a,
                np.log((1 - beyond) * part / total) - (0 if level.point else np.log(b - a)),
                0.0,
                0.0,
            )
            for (a, b), part in zip(pairwise(level.edges), level.parts, strict=True)
        ]
        outside = [self._outside(a, b, beyond / len(off)) for a, b in off]
        return sorted([*inside, *outside])

    def _outside(self, a: float, b: float, mass: float) -> Tile:
        """Uniform between levels; beyond the ends it falls off."""
        if np.isfinite(a) and np.isfinite(b):
            return a, float(np.log(mass / (b - a))), 0.0, 0.0
        fall = 1 / self.scale
        height = -np.expm1(-fall) if self.whole else fall
        return a, float(np.log(mass * height)), fall, b if np.isfinite(b) else a

    def log_density(self, x: Array) -> Array:
        """Of each number inside its level, nats, (N,): of a whole number its probability."""
        tiles, x = self._tiles, np.clip(x, -FARTHEST, FARTHEST)
        at = np.searchsorted(tiles.left, x, side="right") - 1
        far = np.abs(x - tiles.origin[at]) - (BORDER if self.whole else 0)
        far = np.minimum(far, FARTHEST * self.scale)
        return tiles.log_density[at] - tiles.fall[at] * far

    @cached_property
    def means(self) -> Array:
        """Of the numbers in each level, (levels,)."""
        middles = [[(a + b) / 2 for a, b in pairwise(level.edges)] for level in self.levels]
        return np.array(
            [np.average(m, weights=lv.parts) for m, lv in zip(middles, self.levels, strict=True)]
        )

    def certain(self, x: Array) -> Array:
        """Which numbers have a probability, not only a density, (N,): whole ones, and points."""
        found = np.array([level.low if level.point else np.nan for level in self.levels])
        return np.isfinite(x) if self.whole else x == found[self.codes(x)]

    def draw(self, codes: Array, generator: np.random.Generator) -> Array:
        """A number for each level.

        Args:
            codes: (N,) levels.
            generator: of chance.
        """
        left, right, ends = self._drawn
        chance = generator.random((2, len(codes)))
        piece = np.searchsorted(ends, codes + chance[0], side="right")
        piece = np.minimum(np.maximum(piece, self._first[codes]), self._first[codes + 1] - 1)
        x = left[piece] + (right[piece] - left[piece]) * chance[1]
        return np.minimum(np.floor(x + BORDER), right[piece] - BORDER) if self.whole else x

    @cached_property
    def _first(self) -> Array:
        return np.cumsum([0, *(len(level.parts) for level in self.levels)])

    @cached_property
    def _drawn(self) -> tuple[Array, Array, Array]:
        """Of each piece its ends, and up to where on a line of levels it reaches."""
        left = np.concatenate([level.edges[:-1] for level in self.levels])
        right = np.concatenate([level.edges[1:] for level in self.levels])
        shares = [np.cumsum(level.parts) / sum(level.parts) for level in self.levels]
        return left, right, np.concatenate([i + s for i, s in enumerate(shares)])

    @property
    def rows(self) -> tuple[int, ...]:
        """Training rows of each level."""
        return tuple(level.rows for level in self.levels)

    def to_json(self) -> Json:
        """Lists of numbers."""
        return {
            "edges": [[*level.edges] for level in self.levels],
            "parts": [[*level.parts] for level in self.levels],
            "rows": [*self.rows],
            "whole": self.whole,
            "scale": self.scale,
        }

    @classmethod
    def from_json(cls, part: Part) -> NumberLevels:
        """As it was written.

        Raises:
            BadInput: for what cannot be.
        """
        part.only(("edges", "parts", "rows", "whole", "scale"))
        edges, parts = part.items("edges"), part.items("parts")
        rows = part.wholes("rows")
        alike = len(edges) == len(parts) == len(rows) > 0
        part.require(alike, "edges", "as many as parts and rows")
        inner = [
            Part({"edges": e, "parts": p}, f"{part.name}, level {i}")
            for i, (e, p) in enumerate(zip(edges, parts, strict=True))
        ]
        levels = [
            Level(i.numbers("edges"), i.sizes("parts"), n) for i, n in zip(inner, rows, strict=True)
        ]
        scale, whole = part.number("scale"), part.flag("whole")
        part.require(scale > 0, "scale", "a number above 0")
        part.require(_fits(levels, whole), "edges", "rising, with a part between each two")
        return cls(tuple(levels), whole, scale)


def _fits(levels: Sequence[Level], whole: bool) -> bool:
    """Whether levels can be."""
    for level in levels:
        rising = all(a < b for a, b in pairwise(level.edges)) or (
            not whole and len(level.edges) == 2 and level.point
        )
        if len(level.edges) != len(level.parts) + 1 or not rising:
            return False
        if whole and any((edge - BORDER) % 1 for edge in level.edges):
            return False
    return all(a.high <= b.low and (a.high < b.low or not a.point) for a, b in pairwise(levels))
