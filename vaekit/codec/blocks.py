"""Blocks: rows as bytes and back, by the model or, where that is longer, by a plain coder.

A block stands alone: it can be decoded without any other. Integers are little-endian.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from vaekit.codec.ans import TURNS, Empty, Stack
from vaekit.codec.rules import compress_rows, decompress_rows

Array = np.ndarray
RAW, DEFLATED, LZMA, BZIP, MODEL = range(5)
NUMBERS_AT_ONCE, BITS_A_LANE = 2**14, 2**14
FEWEST_LANES, MOST_LANES = 2, 512
HEAD = struct.Struct("<HxxII")

_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6}]
PLAIN: dict[int, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    RAW: (bytes, bytes),
    DEFLATED: (lambda b: zlib.compress(b, 9), zlib.decompress),
    LZMA: (
        lambda b: lzma.compress(b, lzma.FORMAT_RAW, filters=_FILTERS),
        lambda b: lzma.decompress(b, lzma.FORMAT_RAW, filters=_FILTERS),
    ),
    BZIP: (bz2.compress, bz2.decompress),
}


@dataclass(frozen=True)
class Coder:
    """What blocks are coded with.

    Args:
        model: the exact twin of a model. shape: of one row. dtype: of the values.
        fits: whether the model gives every one of these whole-numbered rows a probability.
        forth: from rows as stored to whole numbers. back: the way back.
    """

    model: nn.Module
    shape: tuple[int, ...]
    dtype: np.dtype
    fits: Callable[[Array], bool]
    forth: Callable[[Array], Array]
    back: Callable[[Array], Array]

    def encode(self, rows: Array) -> tuple[int, bytes]:
        """The shortest coding of rows, (rows, *shape), of this dtype: its kind and its bytes."""
        modelled = self._by_model(rows)
        if modelled is not None and len(modelled) < rows.nbytes // 16:
            return MODEL, modelled
        raw = rows.astype(self.dtype.newbyteorder("<"), copy=False).tobytes()
        found = {kind: pack(raw) for kind, (pack, _) in PLAIN.items()}
        if modelled is not None:
            found[MODEL] = modelled
        kind = min(found, key=lambda k: len(found[k]))
        return kind, found[kind]

    def decode(self, kind: int, payload: bytes, rows: int) -> Array:
        """The rows of a block."""
        if kind == MODEL:
            return self.back(decompress(self.model, payload, rows, self.shape)).astype(self.dtype)
        values = np.frombuffer(PLAIN[kind][1](payload), self.dtype.newbyteorder("<"))
        return values.astype(self.dtype).reshape(rows, *self.shape)

    def _by_model(self, rows: Array) -> bytes | None:
        with np.errstate(invalid="ignore"):
            whole = self.forth(rows)
            same = self.back(whole).astype(self.dtype).tobytes() == rows.tobytes()
            same = same and self.fits(whole)
        return compress(self.model, whole) if same and len(rows) else None


def compress(model: nn.Module, x: Array) -> bytes:
    """Rows of whole numbers, (rows, *shape), by bits-back coding with an exact twin.

    Latents are taken from bits that are there already. At the start there are none: the first row
    does without, and batches grow as the stack does.
    """
    stack, runs = Stack.new(lanes_for(x)), list[tuple[int, bool]]()
    most = max(NUMBERS_AT_ONCE // max(x[0].size, 1), 1)
    at, size, short = 0, 1, 1e9  # short: rows for each word of the stack that were too many
    while at < len(x):
        size = max(min(size, most, len(x) - at, _allowed(short, stack.size)), 1)
        back = True
        try:
            compress_rows(model, stack, x[at : at + size], back=True)
        except Empty:
            short = min(short, size / (stack.size + 1))
            if size > 1:
                continue
            back = False
            compress_rows(model, stack, x[at : at + size], back=False)
        runs.append((size, back))
        at, size = at + size, size * 2
    return _packed(stack, runs)


def _allowed(short: float, words: int) -> int:
    """How many rows the words of a stack may do for, given how many were too many before."""
    return int(min(0.95 * short * words, 2**30))


def decompress(model: nn.Module, payload: bytes, rows: int, shape: tuple[int, ...]) -> Array:
    """The rows that :func:`compress` was given."""
    stack, runs = _unpacked(payload, rows)
    parts = [decompress_rows(model, stack, size, shape, back=back) for size, back in reversed(runs)]
    return np.concatenate(parts[::-1])


def lanes_for(x: Array) -> int:
    """As many lanes as leave their cost, some 48 bits each, far below that of the rows."""
    bits = x.size * (0.25 if x.max(initial=0) <= 1 else 1.5)  # a guess, on the low side
    wanted = max(int(bits) // BITS_A_LANE, 1)
    return min(max(2 ** (wanted.bit_length() - 1), FEWEST_LANES), MOST_LANES)


def _packed(stack: Stack, runs: list[tuple[int, bool]]) -> bytes:
    groups: list[list[int]] = []
    for size, back in runs:
        if groups and groups[-1][:2] == [size, int(back)]:
            groups[-1][2] += 1
        else:
            groups.append([size, int(back), 1])
    head = HEAD.pack(stack.lanes, len(groups), stack.size)
    body = b"".join(_short(2 * size + back) + _short(times) for size, back, times in groups)
    return head + body + stack.heads.astype("<u8").tobytes() + stack.words.astype("<u4").tobytes()


def _unpacked(payload: bytes, rows: int) -> tuple[Stack, list[tuple[int, bool]]]:
    lanes, groups, words = HEAD.unpack_from(payload)
    at, runs = HEAD.size, []
    for _ in range(groups):
        coded, at = _read_short(payload, at)
        times, at = _read_short(payload, at)
        size, back = divmod(coded, 2)
        rows -= size * times
        if rows < 0 or not size:
            break
        runs += [(size, bool(back))] * times
    if rows or not 1 <= lanes <= TURNS:
        raise ValueError("its batches do not add up")
    heads = np.frombuffer(payload, "<u8", lanes, at)
    return Stack(heads, np.frombuffer(payload, "<u4", words, at + 8 * lanes)), runs


def _short(number: int) -> bytes:
    """A whole number in seven bits a byte, lowest first; the top bit says that more follow."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _read_short(payload: bytes, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, and where the next one does."""
    number = shift = 0
    while payload[at] > 127:
        number |= (payload[at] & 127) << shift
        at, shift = at + 1, shift + 7
    return number | payload[at] << shift, at + 1
