"""Which value of its level a cell holds, as symbols: a piece of the level by fixed weights, then
one of the piece's values, all equally likely."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vaekit.codec.ans import PARTS, Stack
from vaekit.codec.fixed_point import in_order
from vaekit.codec.symbols import (
    Intervals,
    Symbols,
    between,
    bit_lengths,
    pop_bits,
    pop_numbers,
    push_bits,
    push_numbers,
)
from vaekit.system.types import Array

MOST_LOG2 = 16  # of values that are one symbol


class Even(Symbols):
    """Numbers below others, all equally likely.

    Args:
        size: how many there are for each element, from 2 to 2**16.
    """

    def __init__(self, size: Array) -> None:
        self.size, self.count = size.astype(np.int64), len(size)

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols begin in the distribution function, and how wide they are."""
        size = self.size[part]
        start, end = symbols * PARTS // size, (symbols + 1) * PARTS // size
        return between(start, end)

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols at positions of the distribution function, with their intervals."""
        symbols = ((covered.astype(np.int64) + 1) * self.size[part] - 1) // PARTS
        return symbols, self.interval(part, symbols)


@dataclass(frozen=True)
class Ragged:
    """Tables of different lengths, one after the other.

    Args:
        first: where each table begins, and how many entries there are in all.
        ends: of the symbols' intervals, in parts of the unit, one table after the other.
    """

    first: Array
    ends: Array

    @classmethod
    def of(cls, first: Array, weight: Array) -> Ragged:
        """Tables by their weights, which need not sum to 1.

        Args:
            first: where each table begins, and how many weights there are in all.
            weight: of each symbol, at least 0, one table after the other.
        """
        count = np.diff(first)
        table = np.repeat(np.arange(len(count)), count)
        sums = np.array([in_order(weight[a:b]) or 1.0 for a, b in pairwise(first)])
        share = np.floor(weight * (PARTS - count[table]) / sums[table]).astype(np.int64) + 1
        reached = np.concatenate([[0], np.cumsum(share)])
        ends = reached[1:] - reached[first[:-1]][table]
        ends[first[1:] - 1] = PARTS
        return cls(first.astype(np.int64), ends)

    def symbols(self, table: Array) -> RaggedSymbols:
        """Those of elements with these tables."""
        return RaggedSymbols(self, table)


class RaggedSymbols(Symbols):
    """Symbols by tables of different lengths, counted over all tables.

    Args:
        tables: of them all.
        which: the table of each element.
    """

    def __init__(self, tables: Ragged, which: Array) -> None:
        self.tables, self.which, self.count = tables, which, len(which)
        lengths = np.diff(tables.first)
        table = np.repeat(np.arange(len(lengths)), lengths)
        self.line = tables.ends + table * np.int64(PARTS)

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols begin in the distribution function, and how wide they are."""
        begins = symbols == self.tables.first[self.which[part]]
        start = np.where(begins, 0, self.tables.ends[np.maximum(symbols - 1, 0)])
        return between(start, self.tables.ends[symbols])

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols at positions of the distribution function, with their intervals."""
        at = covered.astype(np.int64) + self.which[part] * np.int64(PARTS)
        symbols = np.searchsorted(self.line, at, side="right")
        return symbols, self.interval(part, symbols)


def push_below(stack: Stack, numbers: Array, size: Array) -> None:
    """Push whole numbers, each below another, up to 2**63 and all equally likely.

    Args:
        stack: to push onto.
        numbers: to push.
        size: how many each could be, at least 2.
    """
    low = _low_bits(size)
    push_bits(stack, numbers & ((np.int64(1) << low) - 1), low)
    Even(((size - 1) >> low) + 1).push(stack, numbers >> low)


def pop_below(stack: Stack, size: Array) -> Array:
    """Undo :func:`push_below`."""
    low = _low_bits(size)
    high = Even(((size - 1) >> low) + 1).pop(stack)
    return (high << low) | pop_bits(stack, low)


def _low_bits(size: Array) -> Array:
    """How many of the lowest bits of each number are as good as random."""
    return np.maximum(bit_lengths(size - 1) - MOST_LOG2, 0)


@dataclass(frozen=True)
class Within:
    """The values of a column inside their levels.

    Args:
        tables: of the pieces, one for each level.
        size: how many values each piece holds; 0 for all others.
        far: whether the places of all others are coded too, as whole numbers below 2**47.
    """

    tables: Ragged
    size: Array
    far: bool

    @classmethod
    def of(cls, first: Array, weight: Array, size: Array, *, far: bool) -> Within:
        """By the pieces' weights.

        Args:
            first: where each level's pieces begin, and how many there are in all.
            weight: of each within its level.
            size: how many values each holds.
            far: see the class.
        """
        return cls(Ragged.of(first, weight), size, far)

    def push(self, stack: Stack, levels: Array, piece: Array, place: Array) -> None:
        """Push the values of some rows, pieces on top.

        Args:
            stack: to push onto.
            levels: (N,); -1 for a gap, which is not coded.
            piece: of each, counted over all levels.
            place: in the piece.
        """
        push_numbers(stack, place[self._others(piece)] + 1)
        many = self._many(piece)
        push_below(stack, place[many], self.size[piece[many]])
        open_ = self._open(levels)
        self.tables.symbols(levels[open_]).push(stack, piece[open_])

    def pop(self, stack: Stack, levels: Array) -> tuple[Array, Array]:
        """Take the values of some rows off the stack: their pieces, -1 for a gap, and places."""
        piece = np.where(levels < 0, -1, self.tables.first[levels])
        open_ = self._open(levels)
        piece[open_] = self.tables.symbols(levels[open_]).pop(stack)
        place, many = np.zeros(len(levels), np.int64), self._many(piece)
        place[many] = pop_below(stack, self.size[piece[many]])
        others = self._others(piece)
        place[others] = pop_numbers(stack, len(others)) - 1
        return piece, place

    def _open(self, levels: Array) -> Array:
        """The rows whose levels have several pieces."""
        return np.flatnonzero((levels >= 0) & (np.diff(self.tables.first)[levels] > 1))

    def _others(self, piece: Array) -> Array:
        """The rows whose values no piece holds, if their places are coded."""
        return np.flatnonzero((piece >= 0) & (self.size[piece] == 0) & self.far)

    def _many(self, piece: Array) -> Array:
        """The rows whose pieces hold several values."""
        return np.flatnonzero((piece >= 0) & (self.size[piece] > 1))
