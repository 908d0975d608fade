"""Counts of any size as symbols: buckets by the model's probability, then the bits inside a bucket.

A table has too few entries for every count, so neighbouring counts share a bucket, whose width is
a power of two. Where counts gather around their mean (it is above twice their standard deviation),
254 buckets of an eighth to a quarter of that deviation lie around it, and counts beyond are
escaped. Elsewhere counts below 16 have buckets of their own, and eight follow in each octave.
Within a bucket all counts are equally likely, which costs less than 0.02 bits a count.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vaekit.codec.ans import Stack
from vaekit.codec.fixed_point import STEP, rounded
from vaekit.codec.symbols import (
    Intervals,
    Symbols,
    Tabled,
    cdf_of,
    pop_bits,
    pop_numbers,
    push_bits,
    push_numbers,
)
from vaekit.system.types import Array

EXACT, OCTAVE, AROUND = 16, 8, 256  # counts on their own; buckets of an octave, around a mean
FIRST_OCTAVE, LARGEST_LOG2 = 4, 41
BUCKETS = EXACT + OCTAVE * (LARGEST_LOG2 - FIRST_OCTAVE)
GATHERED, FINENESS = 2.0, 4.0  # standard deviations
ESCAPE, LEAST = 10.0, 1e6  # nats below the likeliest bucket
SHIFT, TERMS, CLOSE = 16, 12, 0.1
AT_ONCE = 2048


@dataclass(frozen=True)
class Counts(Symbols):
    """Counts as they are coded where all are small, and where some are large.

    Args:
        count: how many elements.
        narrow: makes the symbols with a table entry for each small count.
        mean: of each element.
        size: of a negative binomial, whose variance is mean + mean^2 / size; None for Poisson's.
    """

    count: int
    narrow: Callable[[], Symbols]
    mean: Array
    size: Array | None = None

    @cached_property
    def small(self) -> Symbols:
        """With an entry for each small count."""
        return self.narrow()

    @property
    def wide(self) -> Symbols:
        """With buckets."""
        return Bucketed(self.mean, self.size)

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where small counts begin in the distribution function, and how wide they are."""
        return self.small.interval(part, symbols)

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The small counts at positions of the distribution function, with their intervals."""
        return self.small.find(part, covered)

    def push(self, stack: Stack, symbols: Array) -> None:
        """Put counts on the stack."""
        self.small.push(stack, symbols)

    def pop(self, stack: Stack) -> Array:
        """Take counts off the stack."""
        return self.small.pop(stack)


class Bucketed(Symbols):
    """Counts in buckets.

    Args:
        mean: of each element.
        size: of a negative binomial, or None for Poisson's.
    """

    def __init__(self, mean: Array, size: Array | None) -> None:
        self.count = len(mean)
        self.grid = Grid.of(mean, size)
        parts = [slice(at, at + AT_ONCE) for at in range(0, self.count, AT_ONCE)]
        sizes = [None if size is None else size[part] for part in parts]
        grids = [self.grid.part(part) for part in parts]
        cdf = [
            cdf_of(rounded(_weights(grid, mean[part], own) * STEP))
            for part, own, grid in zip(parts, sizes, grids, strict=True)
        ]
        self.buckets = Tabled(np.concatenate(cdf) if cdf else np.empty((0, BUCKETS), np.int32))

    def interval(self, part: slice, symbols: Array) -> Intervals:
        """Where the symbols' buckets begin in the distribution function, and how wide they are."""
        return self.buckets.interval(part, self.grid.part(part).bucket(symbols))

    def find(self, part: slice, covered: Array) -> tuple[Array, Intervals]:
        """The lowest counts of the buckets at positions of the distribution function."""
        bucket, intervals = self.buckets.find(part, covered)
        return self.grid.part(part).place(bucket)[0].astype(np.int64), intervals

    def push(self, stack: Stack, symbols: Array) -> None:
        """Put counts on the stack."""
        bucket = self.grid.bucket(symbols)
        low, log2 = self.grid.place(bucket)
        escaped = self.grid.escaped(bucket)
        push_numbers(stack, symbols[escaped] + 1)
        log2[escaped] = 0
        push_bits(stack, symbols - low, log2)
        self.buckets.push(stack, bucket)

    def pop(self, stack: Stack) -> Array:
        """Take counts off the stack."""
        bucket = self.buckets.pop(stack)
        low, log2 = self.grid.place(bucket)
        escaped = self.grid.escaped(bucket)
        log2[escaped] = 0
        symbols = low + pop_bits(stack, log2)
        symbols[escaped] = pop_numbers(stack, int(escaped.sum())) - 1
        return symbols


@dataclass(frozen=True)
class Grid:
    """The buckets of each element.

    Args:
        around: whether they lie around its mean.
        first: the lowest count of the second of them, if they do.
        log2: of their width, likewise.
    """

    around: Array
    first: Array
    log2: Array

    @classmethod
    def of(cls, mean: Array, size: Array | None) -> Grid:
        """Those that suit a mean and a size."""
        variance = mean if size is None else mean * (1 + mean / size)
        spread = np.sqrt(variance)
        log2 = np.maximum(np.frexp(spread / FINENESS)[1] - 1, 0).astype(np.int64)
        middle = np.floor(mean).astype(np.int64) >> log2
        first = np.maximum(middle - AROUND // 2, 0) << log2
        return cls(mean > GATHERED * spread, first, log2)

    def part(self, part: slice) -> Grid:
        """Of some elements."""
        return Grid(self.around[part], self.first[part], self.log2[part])

    def bucket(self, counts: Array) -> Array:
        """The number of each count's bucket."""
        near = np.clip(((counts - self.first) >> self.log2) + 1, 0, AROUND - 1)
        top = np.maximum(np.frexp(counts.astype(np.float64))[1].astype(np.int64) - 1, FIRST_OCTAVE)
        log2 = top - (FIRST_OCTAVE - 1)
        octave = EXACT + OCTAVE * (top - FIRST_OCTAVE) + (counts >> log2) - OCTAVE
        return np.where(self.around, near, np.where(counts < EXACT, counts, octave))

    def place(self, bucket: Array) -> tuple[Array, Array]:
        """The lowest count of each bucket and the logarithm of its width, whole numbers."""
        octave, within = np.divmod(np.maximum(bucket - EXACT, 0), OCTAVE)
        wide = bucket >= EXACT
        far = np.where(wide, (OCTAVE + within) << (octave + 1), bucket)
        near = self.first + (np.maximum(bucket - 1, 0) << self.log2)
        log2 = np.where(self.around, self.log2, np.where(wide, octave + 1, 0))
        return np.where(self.around, near, far), log2

    def escaped(self, bucket: Array) -> Array:
        """Which buckets stand for all counts beyond."""
        return self.around & ((bucket == 0) | (bucket == AROUND - 1))


def _weights(grid: Grid, mean: Array, size: Array | None) -> Array:
    """The logarithm of each bucket's probability but for a constant, (elements, buckets)."""
    numbers = np.broadcast_to(np.arange(BUCKETS)[:, None], (BUCKETS, len(mean)))
    low, log2 = (found.T for found in grid.place(numbers))
    middle = low + (np.ldexp(1.0, log2) - 1) / 2
    found = log_prob(middle, mean[:, None], None if size is None else size[:, None])
    found += log2 * math.log(2)
    around, columns = grid.around[:, None], np.arange(BUCKETS)
    top = found.max(1, keepdims=True)
    found[np.broadcast_to(around & (columns >= AROUND), found.shape)] = -np.inf
    found = np.where(np.isfinite(found), found, top - LEAST)
    ends = (columns == 0) | (columns == AROUND - 1)
    return np.where(around & ends, top - ESCAPE, found)


def log_prob(k: Array, mean: Array, size: Array | None) -> Array:
    """log P(k) but for what k has no part in, to 1e-6, k a real number of at least 0: Poisson's, or
    a negative binomial's (Loader 2000)."""
    found = -stirling_rest(k) - deviance(k, mean)
    if size is None:
        return found
    beyond = k + size
    found += stirling_rest(beyond) - natural_log(beyond)
    return found + deviance(beyond, mean + size)


def natural_log(x: Array) -> Array:
    """log x of positive numbers to 15 digits, by operations that round alike on every machine."""
    fraction, power = np.frexp(x)
    small = fraction < math.sqrt(0.5)
    fraction = np.where(small, 2 * fraction, fraction)
    return 2 * _artanh((fraction - 1) / (fraction + 1)) + (power - small) * math.log(2)


def stirling_rest(x: Array) -> Array:
    """log Gamma(x + 1) - x log x + x for x >= 0, to 1e-9."""
    near = x < SHIFT
    far = np.where(near, x + SHIFT, x)
    inverse = 1 / far
    square = inverse * inverse
    series = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    rest = 0.5 * natural_log(2 * math.pi * far) + series
    rest[near] += _back(x[near])
    return rest


def _back(x: Array) -> Array:
    """What the rest of x + 16 lacks of that of x."""
    far, rising = x + SHIFT, np.ones_like(x)
    for i in range(1, SHIFT + 1):
        rising = rising * (x + i)
    own = x * natural_log(np.where(x > 0, x, 1.0))
    return far * natural_log(far) - natural_log(rising) - own - SHIFT


def deviance(x: Array, mean: Array) -> Array:
    """x log(x / mean) + mean - x for x >= 0, without cancellation where x is near the mean."""
    apart = x - mean
    ratio = apart / (x + mean)
    close = np.abs(ratio) < CLOSE
    near = apart * ratio + 2 * x * _artanh(np.where(close, ratio, 0.0), first=1)
    return np.where(close, near, x * natural_log(np.where(x > 0, x / mean, 1.0)) - apart)


def _artanh(s: Array, first: int = 0) -> Array:
    """s + s^3 / 3 + s^5 / 5 + ... for small s, without the ``first`` terms."""
    square, total = s * s, np.zeros_like(s)
    for i in reversed(range(first, TERMS)):
        total = total * square + 1 / (2 * i + 1)
    return total * (s if first == 0 else s * square)
