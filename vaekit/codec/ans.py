"""Asymmetric numeral systems: a stack of bits onto which symbols are pushed and popped.

Many lanes work side by side, each with a 64-bit state, over one shared pile of 32-bit words. A
symbol is an interval [start, start + size) of the 2**24 parts of the unit; it costs
log2(2**24 / size) bits. Popping gives back exactly what was pushed, last in, first out; popping
from other intervals than were pushed turns the pile's bits into symbols (bits back).

Source: Duda 2009; Giesen 2014 (interleaving).
"""

from __future__ import annotations

import numpy as np

from vaekit.system.types import Array

PRECISION = 24
PARTS = 2**PRECISION
LOW = np.uint64(2**32)
WORD = np.uint64(32)
MASK = np.uint64(2**32 - 1)
SHIFT = np.uint64(PRECISION)
CEILING = np.uint64(64 - PRECISION)
PART_MASK = np.uint64(PARTS - 1)
OFFSETS = 4096


def _offsets() -> Array:
    """Fixed numbers below 2**24 without a pattern (a linear congruential generator's)."""
    values, state = [], 1
    for _ in range(2 * OFFSETS):
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        values.append(state >> 40)
    return np.array(values, np.uint64)


class Empty(Exception):
    """There are fewer bits than were asked for."""


class Stack:
    """The states of ``lanes`` coders and their shared pile of words.

    Symbols are coded by up to ``lanes`` at a time, the first by the first lane.
    """

    offsets = _offsets()

    def __init__(self, heads: Array, words: Array) -> None:
        self.heads = heads.astype(np.uint64)
        self.size = len(words)
        self.pile = np.zeros(max(2 * len(words), 1024), np.uint32)
        self.pile[: self.size] = words

    @classmethod
    def new(cls, lanes: int) -> Stack:
        """A fresh stack of so many lanes."""
        return cls(np.full(lanes, LOW), np.zeros(0, np.uint32))

    def mark(self) -> tuple[Array, int]:
        """The state now, for :meth:`reset`."""
        return self.heads.copy(), self.size

    def reset(self, mark: tuple[Array, int]) -> None:
        """Go back to a :meth:`mark`, if there were only pops since."""
        self.heads, self.size = mark[0].copy(), mark[1]

    @property
    def lanes(self) -> int:
        """How many lanes there are."""
        return len(self.heads)

    @property
    def words(self) -> Array:
        """The words below the heads."""
        return self.pile[: self.size]

    def widen(self, lanes: int) -> None:
        """Go on with at least so many lanes. Words of the pile become states of new ones, so that
        they cost nothing.

        Raises:
            Empty: if there are too few words.
        """
        more = lanes - self.lanes
        if more > 0:
            self.heads = np.concatenate([self.heads, LOW | self._take(more)])

    def narrow(self, lanes: int) -> None:
        """Undo :meth:`widen`: back to so many lanes."""
        self._pile_up((self.heads[lanes:] & MASK).astype(np.uint32))
        self.heads = self.heads[:lanes].copy()

    def push(self, start: Array, size: Array, *, shifted: bool = False) -> None:
        """Code symbols given by their intervals.

        Args:
            start: of each interval.
            size: of each interval.
            shifted: as in :meth:`peek`.
        """
        heads = self.heads[: len(start)]
        full = np.flatnonzero(heads >= (size << CEILING))
        if len(full):
            self._pile_up((heads[full] & MASK).astype(np.uint32))
            heads[full] >>= WORD
        quotient, rest = np.divmod(heads, size)
        rest += start
        if shifted:
            rest = (rest - self._offset(len(start))) & PART_MASK
        self.heads[: len(start)] = (quotient << SHIFT) + rest

    def peek(self, count: int, *, shifted: bool = False) -> Array:
        """For each of ``count`` lanes, the part of the unit that its next symbol covers.

        Args:
            count: how many lanes.
            shifted: around the unit by fixed numbers without a pattern, so that symbols follow
                their distribution even where the bits in the stack are not random.
        """
        covered = self.heads[:count] & PART_MASK
        return (covered + self._offset(count)) & PART_MASK if shifted else covered

    def pop(self, covered: Array, start: Array, size: Array) -> None:
        """Take off symbols: what :meth:`peek` gave, and the intervals that it lies in."""
        heads = self.heads[: len(start)]
        heads[:] = size * (heads >> SHIFT) + (covered - start)
        low = np.flatnonzero(heads < LOW)
        if len(low):
            heads[low] = (heads[low] << WORD) | self._take(len(low))

    def _offset(self, count: int) -> Array:
        first = (self.size * 2654435761) % OFFSETS
        return self.offsets[first : first + count]

    def _pile_up(self, words: Array) -> None:
        while self.size + len(words) > len(self.pile):
            self.pile = np.concatenate([self.pile, np.zeros_like(self.pile)])
        self.pile[self.size : self.size + len(words)] = words
        self.size += len(words)

    def _take(self, count: int) -> Array:
        if count > self.size:
            raise Empty
        self.size -= count
        return self.pile[self.size : self.size + count].astype(np.uint64)
