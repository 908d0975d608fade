"""Blocks: rows as bytes and back, by the model or, where that is longer, by a plain coder.

A block stands alone: it can be decoded without any other. Integers are little-endian.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf, prod
from typing import Any

import numpy as np
from torch import nn

from vaekit.codec.ans import OFFSETS, Empty, Stack
from vaekit.codec.bits_back import Given, compress_rows, decompress_rows
from vaekit.codec.plain import PLAIN
from vaekit.system.checks import require
from vaekit.system.types import Array

MODEL, WIDE, CELLS, VERBATIM = 4, 5, 6, 7
ARRAYS = (MODEL, WIDE)
MODELLED = (*ARRAYS, CELLS)
MOST_SHORT = 9  # bytes of a number in seven bits a byte
NUMBERS_AT_ONCE, BITS_A_LANE = 2**14, 2**13
SAMPLE = 2**20
FEWEST_LANES, FIRST_LANES, MOST_LANES = 2, 4, 2048
BYTE_ENDS = np.array([2**40, 2**48, 2**56], np.uint64)
HEAD = struct.Struct("<HHII")


@dataclass(frozen=True)
class Coder:
    """What blocks are coded with.

    Args:
        model: a fixed-point copy.
        shape: of one row.
        dtype: of the values.
        fits: whether the model gives every one of these whole-numbered rows a probability.
        forth: from rows as stored to whole numbers.
        back: the way back.
        large: the smallest whole number that is better coded in buckets; infinity for none.
    """

    model: nn.Module
    shape: tuple[int, ...]
    dtype: np.dtype
    fits: Callable[[Array], bool]
    forth: Callable[[Array], Array]
    back: Callable[[Array], Array]
    large: float = inf

    def encode(self, rows: Array, given: Given | None = None) -> tuple[int, bytes]:
        """The shortest coding of rows, (rows, *shape), of this dtype: its kind and its bytes.

        Args:
            rows: to code.
            given: what the model is given beside them, by name, (rows, width) each.
        """
        found = self._by_model(rows, given)
        modelled = [len(payload) for payload in found.values()]
        if modelled and modelled[0] < rows.nbytes // 16:
            return found.popitem()
        raw = rows.astype(self.dtype.newbyteorder("<"), copy=False).tobytes()
        for kind in PLAIN:
            if not modelled or _promises(kind, raw, modelled[0]):
                found[kind] = PLAIN[kind][0](raw)
        kind = min(found, key=lambda k: len(found[k]))
        return kind, found[kind]

    def decode(self, kind: int, payload: bytes, rows: int, given: Given | None = None) -> Array:
        """The rows of a block.

        Args:
            kind: of the block.
            payload: its bytes.
            rows: how many it holds.
            given: as it was for :meth:`encode`.
        """
        if kind in ARRAYS:
            wide = kind == WIDE
            found = decompress(self.model, payload, rows, self.shape, given, wide=wide)
            return self.back(found).astype(self.dtype)
        require(kind in PLAIN, f"there is no kind {kind} of blocks")
        raw = PLAIN[kind][1](payload, rows * prod(self.shape) * self.dtype.itemsize)
        values = np.frombuffer(raw, self.dtype.newbyteorder("<"))
        return values.astype(self.dtype).reshape(rows, *self.shape)

    def check_of(self, rows: Array) -> int:
        """A CRC-32 of rows as they are stored."""
        return zlib.crc32(rows.tobytes())

    def joined(self, parts: Sequence[Array]) -> Array:
        """Rows of several blocks, one after the other."""
        return np.concatenate(parts)

    def _by_model(self, rows: Array, given: Given | None) -> dict[int, bytes]:
        """The rows by the model, by kind of block; nothing where it cannot code them."""
        with np.errstate(invalid="ignore"):
            whole = self.forth(rows)
            same = self.back(whole).astype(self.dtype).tobytes() == rows.tobytes()
            same = same and self.fits(whole)
        if not (same and len(rows)):
            return {}
        wide = bool(whole.max() >= self.large)
        return {WIDE if wide else MODEL: compress(self.model, whole, given, wide=wide)}


def _promises(kind: int, raw: bytes, size: int) -> bool:
    """Whether a plain coder might need less than ``size`` bytes: whole blocks take it long, so it
    is tried on a part of them."""
    part = raw[:SAMPLE]
    return len(PLAIN[kind][0](part)) * len(raw) < size * len(part)


@dataclass(frozen=True)
class Below:
    """What lies on a stack before rows are.

    Args:
        stack: of at most ``lanes`` lanes.
        lanes: how many there may be.
        batch: rows of the largest batch.
    """

    stack: Stack
    lanes: int
    batch: int

    @classmethod
    def nothing(cls, x: Array) -> Below:
        """Nothing lies below rows of whole numbers, (rows, *shape)."""
        lanes = lanes_for(x)
        return cls(new_stack(lanes), lanes, most_at_once(x[0].size))


def compress(
    model: nn.Module,
    x: Array,
    given: Given | None = None,
    *,
    wide: bool = False,
    below: Below | None = None,
) -> bytes:
    """Rows of whole numbers, (rows, *shape), by bits-back coding.

    Latents are taken from bits that are there already. At the start there are none: the first row
    does without, and batches and lanes grow as the stack does.

    Args:
        model: a fixed-point copy.
        x: the rows.
        given: what the model is given beside them, by name, (rows, width) each.
        wide: some are large counts.
        below: what lies below them; by default nothing.
    """
    below = below or Below.nothing(x)
    runs, stack = list[tuple[int, bool]](), below.stack
    first, most = stack.lanes, below.batch
    at, size, short = 0, 1, 1e9  # short: rows for each word of the stack that were too many
    while at < len(x):
        size = max(min(size, most, len(x) - at, _allowed(short, stack.size)), 1)
        back, lanes = True, lanes_at(at, len(x), below.lanes, first)
        batch, beside = x[at : at + size], part_of(given, slice(at, at + size))
        try:
            compress_rows(model, stack, batch, beside, back=True, wide=wide, lanes=lanes)
        except Empty:
            short = min(short, size / (stack.size + 1))
            if size > 1:
                continue
            back = False
            compress_rows(model, stack, batch, beside, back=False, wide=wide)
        runs.append((size, back))
        at, size = at + size, size * 2
    return _packed(stack, below.lanes, first, runs)


def part_of(given: Given | None, rows: slice) -> Given:
    """What is given for some of the rows."""
    return {name: values[rows] for name, values in (given or {}).items()}


def _allowed(short: float, words: int) -> int:
    """How many rows the words of a stack may do for, given how many were too many before."""
    return int(min(0.95 * short * words, 2**30))


def decompress(
    model: nn.Module,
    payload: bytes,
    rows: int,
    shape: tuple[int, ...],
    given: Given | None = None,
    *,
    wide: bool = False,
) -> Array:
    """The rows that :func:`compress` was given."""
    largest = most_at_once(prod(shape))
    return decompress_above(model, payload, rows, shape, given, wide=wide, batch=largest)[0]


def decompress_above(
    model: nn.Module,
    payload: bytes,
    rows: int,
    shape: tuple[int, ...],
    given: Given | None = None,
    *,
    wide: bool = False,
    batch: int,
) -> tuple[Array, Stack]:
    """The rows that :func:`compress` was given, and what lies below them.

    Args:
        model: a fixed-point copy.
        payload: of the block.
        rows: in it.
        shape: of each.
        given: as it was.
        wide: likewise.
        batch: rows of the largest batch.
    """
    stack, runs = _unpacked(payload, rows, batch)
    parts, end = list[Array](), rows
    for size, back, before in _from_the_last(runs):
        beside = part_of(given, slice(end - size, end))
        how: dict[str, Any] = {"back": back, "lanes": before, "wide": wide}
        found = decompress_rows(model, stack, size, shape, beside, **how)
        parts.append(found)
        end -= size
    return np.concatenate(parts[::-1]), stack


def new_stack(most: int) -> Stack:
    """A stack of as many lanes as there are at the start where there may be ``most``."""
    return Stack.new(min(most, FIRST_LANES))


def lanes_for(x: Array) -> int:
    """As many lanes as leave their cost, some ten bits each, far below that of the rows."""
    bits = x.size * (0.25 if x.max(initial=0) <= 1 else 1.5)  # a guess, on the low side
    return lanes_near(int(bits) // BITS_A_LANE)


def lanes_near(wanted: int) -> int:
    """How many lanes a block may have that could do with so many: a power of two."""
    return min(max(2 ** (max(wanted, 1).bit_length() - 1), FEWEST_LANES), MOST_LANES)


def lanes_at(row: int, rows: int, most: int, first: int = FIRST_LANES) -> int:
    """How many lanes there are when ``row`` of a block's ``rows`` are coded: ``first`` at the
    start, and they grow evenly until a 32nd of the block."""
    return min(most, max(32 * row * most // max(rows, 1), first))


def _packed(stack: Stack, most: int, first: int, runs: list[tuple[int, bool]]) -> bytes:
    groups: list[list[int]] = []
    for size, back in runs:
        if groups and groups[-1][:2] == [size, int(back)]:
            groups[-1][2] += 1
        else:
            groups.append([size, int(back), 1])
    more = 0 if first == min(most, FIRST_LANES) else first
    head = HEAD.pack(most, more, len(groups), stack.size)
    body = b"".join(_short(2 * size + back) + _short(times) for size, back, times in groups)
    return head + body + _states(stack.heads) + stack.words.astype("<u4").tobytes()


@dataclass(frozen=True)
class Runs:
    """Batches of one kind that follow one another.

    Args:
        size: rows of each.
        back: whether bits came back.
        times: how many there are.
        row: the first of their rows.
        before: lanes before the first of them.
        lanes: how many there are when a row is coded.
    """

    size: int
    back: bool
    times: int
    row: int
    before: int
    lanes: Callable[[int], int]

    def lanes_before(self, number: int) -> int:
        """Lanes before one of the batches: those that the one before it was coded with."""
        if not number or not self.back:
            return self.before
        return max(self.before, self.lanes(self.row + (number - 1) * self.size))


def _from_the_last(groups: list[Runs]) -> Iterator[tuple[int, bool, int]]:
    """Of each batch its rows, whether bits came back, and how many lanes there were before: one
    after the other, for there may be very many."""
    for group in reversed(groups):
        for number in reversed(range(group.times)):
            yield group.size, group.back, group.lanes_before(number)


def most_at_once(numbers: int) -> int:
    """Rows of the largest batch, for rows of so many numbers."""
    return max(NUMBERS_AT_ONCE // max(numbers, 1), 1)


def _unpacked(payload: bytes, rows: int, largest: int) -> tuple[Stack, list[Runs]]:
    """The stack, and what batches there are.

    Args:
        payload: of the block.
        rows: in it.
        largest: rows that a batch may have.
    """
    most, first, count, words = HEAD.unpack_from(payload)
    require(1 <= most <= OFFSETS and first <= most, f"it cannot have {most} lanes")
    at, row, groups = HEAD.size, 0, list[Runs]()

    def lanes_of(row: int) -> int:
        return lanes_at(row, rows, most, first or FIRST_LANES)

    lanes = lanes_of(0)
    for _ in range(count):
        coded, at = _read_short(payload, at)
        times, at = _read_short(payload, at)
        size, back = divmod(coded, 2)
        sound = 1 <= size <= largest and 1 <= times <= (rows - row) // size
        require(sound, "its batches do not add up")
        groups.append(Runs(size, bool(back), times, row, lanes, lanes_of))
        lanes, row = groups[-1].lanes_before(times), row + size * times
    require(row == rows, "its batches do not add up")
    heads, at = _read_states(payload, at, lanes)
    return Stack(heads, np.frombuffer(payload, "<u4", words, at)), groups


def _states(heads: Array) -> bytes:
    """States of 33 to 64 bits: how many bytes lie above each one's lowest four, less one, in two
    bits; the lowest four bytes of all; the bytes above."""
    each = heads.astype("<u8").view(np.uint8).reshape(-1, 8)
    more = np.searchsorted(BYTE_ENDS, heads, "right").astype(np.uint8)
    lengths = np.packbits(np.stack([more >> 1, more & 1], 1))
    above = each[:, 4:][np.arange(4) <= more[:, None]]
    return lengths.tobytes() + each[:, :4].tobytes() + above.tobytes()


def _read_states(payload: bytes, at: int, lanes: int) -> tuple[Array, int]:
    """The states that begin at ``at``, and where what follows them does."""
    lengths = np.frombuffer(payload, np.uint8, (lanes + 3) // 4, at)
    pairs = np.unpackbits(lengths, count=2 * lanes).reshape(-1, 2)
    there = np.arange(4) <= (2 * pairs[:, :1] + pairs[:, 1:])
    at += len(lengths)
    each = np.zeros((lanes, 8), np.uint8)
    each[:, :4] = np.frombuffer(payload, np.uint8, 4 * lanes, at).reshape(-1, 4)
    at += 4 * lanes
    each[:, 4:][there] = np.frombuffer(payload, np.uint8, there.sum(), at)
    return each.view("<u8")[:, 0], at + int(there.sum())


def _short(number: int) -> bytes:
    """A whole number in seven bits a byte, lowest first; the top bit says that more follow."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _read_short(payload: bytes, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, and where the next one does."""
    found = number = 0
    for shift in range(MOST_SHORT):
        found, at = payload[at], at + 1
        number |= (found & 127) << 7 * shift
        if found < 128:
            return number, at
    raise ValueError("it holds a number that is too large")
