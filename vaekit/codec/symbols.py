"""Discrete distributions as intervals of the coder's 2**24 parts, by portable arithmetic.

Each holds the parameters of many elements in a row; ``part`` is a slice of them. ``interval``
gives where symbols lie, ``find`` which symbols cover given parts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from vaekit.codec.ans import PARTS, PRECISION, Stack
from vaekit.codec.fixed_point import ONE, REACH, STEP, UNIT, exponential, look_up, rounded, sigmoid
from vaekit.system.types import Array

Intervals = tuple[Array, Array]
MOST_TABLES = 2**16


class Symbols(ABC):
    """The distributions of ``count`` elements."""

    count: int
    shifted = False  # see Stack.peek

    @property
    def wide(self) -> Symbols:
        """The same distributions for symbols of any size, at a cost near -log p."""
        return self

    @abstractmethod
    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Start and size, as uint64, of whole-numbered symbols."""

    @abstractmethod
    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols that cover these parts, and their intervals."""

    def push(self, stack: Stack, symbols: Array) -> None:
        """Push one symbol for each element; the first elements end on top."""
        push_intervals(stack, *self.interval(slice(0, self.count), symbols), shifted=self.shifted)

    def pop(self, stack: Stack) -> Array:
        """Take one symbol for each element off the stack."""
        symbols = np.empty(self.count, np.int64)
        for first in range(0, self.count, stack.lanes):
            part = slice(first, min(first + stack.lanes, self.count))
            covered = stack.peek(part.stop - first, shifted=self.shifted)
            symbols[part], intervals = self.find(part, covered)
            stack.pop(covered, *intervals)
        return symbols


def push_intervals(stack: Stack, start: Array, size: Array, *, shifted: bool = False) -> None:
    """Push one symbol for each interval; the first ones end on top.

    Args:
        stack: to push onto.
        start: of the intervals.
        size: of these.
        shifted: see :meth:`vaekit.codec.ans.Stack.peek`.
    """
    for first in reversed(range(0, len(start), stack.lanes)):
        part = slice(first, first + stack.lanes)
        stack.push(start[part], size[part], shifted=shifted)


def between(start: Array, end: Array) -> Intervals:
    """Intervals by their ends."""
    return start.astype(np.uint64), (end - start).astype(np.uint64)


class Uniform(Symbols):
    """2**log2 equally likely symbols for each of ``count`` elements, 1 <= log2 <= 16."""

    def __init__(self, count: int, log2: Array | int) -> None:
        self.count = count
        self.shift = np.broadcast_to(np.asarray(PRECISION - np.asarray(log2), np.uint64), count)

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols begin in the distribution function, and how wide they are."""
        shift = self.shift[part]
        return symbols.astype(np.uint64) << shift, np.uint64(1) << shift

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols at positions of the distribution function, with their intervals."""
        symbols = (covered >> self.shift[part]).astype(np.int64)
        return symbols, self.interval(part, symbols)


class Binary(Symbols):
    """0 or 1, from fixed-point logits."""

    def __init__(self, logits: Array) -> None:
        self.count = len(logits)
        index = rounded(logits * (STEP / ONE)) + REACH * STEP
        ones = np.floor(look_up(sigmoid(), index) * (PARTS / UNIT))
        self.zeros = (PARTS - np.clip(ones, 1, PARTS - 1)).astype(np.uint64)

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols begin in the distribution function, and how wide they are."""
        zeros, one = self.zeros[part], symbols > 0
        return np.where(one, zeros, 0), np.where(one, np.uint64(PARTS) - zeros, zeros)

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols at positions of the distribution function, with their intervals."""
        symbols = covered >= self.zeros[part]
        return symbols.astype(np.int64), self.interval(part, symbols)


class Cumulative(Symbols):
    """Symbols 0 .. levels - 1 with a distribution function known at every edge.

    Args:
        count: how many elements.
        levels: how many symbols an element can be.
        below: from a slice of elements and edges k in 1 .. levels - 1 (beyond, anything will
            do), P(symbol < k) times PARTS - levels, never falling as k rises; a fresh array.
    """

    def __init__(self, count: int, levels: int, below: Callable[[slice, Array], Array]) -> None:
        self.count, self.levels, self.below = count, levels, below

    def edge(self, part: slice, k: Array) -> Array:
        """Where symbol k, 0 < k < levels, begins: a part for each symbol below, and their mass."""
        mass = self.below(part, k)
        np.floor(mass, out=mass)
        mass += k
        return mass

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols begin in the distribution function, and how wide they are."""
        k = symbols.astype(np.float64)
        start = np.where(k == 0, 0.0, self.edge(part, k))
        end = np.where(k == self.levels - 1, float(PARTS), self.edge(part, k + 1))
        return between(start, end)

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols at positions of the distribution function, with their intervals."""
        target, step = covered.astype(np.float64), 1 << (self.levels - 1).bit_length()
        low, start, end = np.zeros_like(target), np.zeros_like(target), np.full_like(target, PARTS)
        ragged = step != self.levels
        while step > 1:
            step >>= 1
            middle = low + step
            edge = self.edge(part, middle)
            if ragged:
                edge[middle >= self.levels] = PARTS
            up = edge <= target
            np.copyto(start, edge, where=up)
            np.copyto(end, edge, where=~up)
            np.copyto(low, middle, where=up)
        return low.astype(np.int64), between(start, end)


def cdf_of(weights: Array) -> Array:
    """Cumulative distribution functions in parts of the unit: where the intervals of symbols
    0, 1, ... end, (tables, levels).

    Args:
        weights: logarithms of probabilities, up to a constant, in steps of 1 / 4096 nat.
    """
    levels = weights.shape[1]
    drop = (weights.max(1, keepdims=True) - weights).astype(np.int64)
    mass = exponential()[np.minimum(drop, REACH * STEP, out=drop)]
    mass *= (PARTS - levels) / mass.sum(1, keepdims=True)
    share = np.floor(mass, out=mass).astype(np.int32)
    share += 1
    cdf = np.cumsum(share, 1, dtype=np.int32)
    cdf[:, -1] = PARTS
    return cdf


class Tabled(Symbols):
    """Symbols 0 .. levels - 1 by tables.

    Args:
        cdf: (tables, levels), see :func:`cdf_of`.
        which: the table of each element; by default each has its own.
    """

    def __init__(self, cdf: Array, which: Array | None = None) -> None:
        self.cdf, self.levels = cdf, cdf.shape[1]
        self.which = np.arange(len(cdf)) if which is None else which
        self.count = len(self.which)

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols begin in the distribution function, and how wide they are."""
        which = self.which[part]
        start = np.where(symbols > 0, self.cdf[which, np.maximum(symbols - 1, 0)], 0)
        return between(start, self.cdf[which, symbols])

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols at positions of the distribution function, with their intervals."""
        cdf, first = self.cdf.reshape(-1), self.which[part] * np.int64(self.levels)
        target = covered.astype(np.int32)
        symbols, step = np.zeros(len(first), np.int64), 1 << (self.levels - 1).bit_length()
        while step > 1:
            step >>= 1
            more = np.minimum(symbols + step, self.levels)
            symbols += step * (cdf.take(first + (more - 1)) <= target)
        return symbols, self.interval(part, symbols)


class TableCache:
    """Tables by number, made when they are asked for and kept; emptied when it is full.

    Args:
        numbers: how many tables there might be.
        levels: of each.
        make: from numbers of tables to their :func:`cdf_of`.
    """

    def __init__(self, numbers: int, levels: int, make: Callable[[Array], Array]) -> None:
        self.make, self.place = make, np.full(numbers, -1, np.int32)
        self.cdf, self.used = np.empty((0, levels), np.int32), 0

    def tabled(self, numbers: Array) -> Tabled:
        """The symbols of elements whose tables have these numbers."""
        missing = np.unique(numbers[self.place[numbers] < 0])
        if self.used + len(missing) > MOST_TABLES:
            self.place[:] = -1
            self.used, missing = 0, np.unique(numbers)
            self.cdf = self.cdf[:0]  # a new array: symbols in use may hold this one
        self._add(missing)
        return Tabled(self.cdf, self.place[numbers])

    def _add(self, missing: Array) -> None:
        after = self.used + len(missing)
        if after > len(self.cdf):
            room = np.empty((2 * after, self.cdf.shape[1]), np.int32)
            room[: self.used] = self.cdf[: self.used]
            self.cdf = room
        if len(missing):
            self.cdf[self.used : after] = self.make(missing)
            self.place[missing] = np.arange(self.used, after)
            self.used = after


class Escaped(Symbols):
    """Counts without an end: those from ``levels`` - 1 on are an escape, then Elias
    gamma bits."""

    def __init__(self, head: Symbols, levels: int) -> None:
        self.head, self.levels, self.count = head, levels, head.count

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols begin in the distribution function, and how wide they are."""
        return self.head.interval(part, np.minimum(symbols, self.levels - 1))

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The symbols at positions of the distribution function, with their intervals."""
        return self.head.find(part, covered)

    def push(self, stack: Stack, symbols: Array) -> None:
        """Put symbols on the stack."""
        push_numbers(stack, symbols[symbols >= self.levels - 1] - (self.levels - 2))
        self.head.push(stack, np.minimum(symbols, self.levels - 1))

    def pop(self, stack: Stack) -> Array:
        """Take symbols off the stack."""
        symbols = self.head.pop(stack)
        large = symbols == self.levels - 1
        symbols[large] = pop_numbers(stack, int(large.sum())) + (self.levels - 2)
        return symbols


def push_numbers(stack: Stack, numbers: Array) -> None:
    """Push whole numbers from 1 to 2**48 as their bits, and how many there are of these."""
    lengths = bit_lengths(numbers)
    push_bits(stack, numbers, lengths)
    Uniform(len(numbers), 6).push(stack, lengths)


def pop_numbers(stack: Stack, count: int) -> Array:
    """Undo :func:`push_numbers`."""
    return pop_bits(stack, Uniform(count, 6).pop(stack))


def push_bits(stack: Stack, numbers: Array, lengths: Array) -> None:
    """Push whole numbers of known numbers of bits, up to 48, in pieces of 16."""
    for low in (0, 16, 32):
        wide = np.clip(lengths - low, 0, 16)
        there = wide > 0
        piece = (numbers[there] >> low) & ((1 << wide[there]) - 1)
        Uniform(int(there.sum()), wide[there]).push(stack, piece)


def pop_bits(stack: Stack, lengths: Array) -> Array:
    """Undo :func:`push_bits`."""
    numbers = np.zeros_like(lengths)
    for low in (32, 16, 0):
        wide = np.clip(lengths - low, 0, 16)
        there = wide > 0
        numbers[there] += Uniform(int(there.sum()), wide[there]).pop(stack) << low
    return numbers


def bit_lengths(values: Array) -> Array:
    """Bits of each whole number from 0 to 2**63 - 1."""
    found = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    rounded_up = values >> np.maximum(found - 1, 0) == 0  # to a float of one bit more
    return found - ((found > 0) & rounded_up)
