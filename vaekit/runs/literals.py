"""Cells that a model does not code: columns that it does not know, and single cells that are not as
it would have them, as bytes that plain coders shorten."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from vaekit.codec.plain import PLAIN
from vaekit.data.verbatim import from_bytes, to_bytes
from vaekit.system.checks import require
from vaekit.system.devices import memory
from vaekit.system.types import Array

ENTRY = struct.Struct("<IBIQ")  # column, whether rows are listed, how many cells, bytes of them
STREAM = struct.Struct("<BQQ")  # plain coder, bytes before and after it
APART, SAMPLE = 2**14, 2**20


@dataclass(frozen=True)
class Literal:
    """Cells of one column.

    Args:
        values: of them.
        rows: their numbers, rising; None for all rows.
    """

    values: pa.Array
    rows: Array | None = None

    def over(self, column: pa.Array | None, rows: int) -> pa.Array:
        """A column of so many rows with these cells in it."""
        if self.rows is None or column is None:
            return self.values
        places = np.arange(rows)
        places[self.rows] = len(column) + np.arange(len(self.rows))
        return pa.concat_arrays([column, self.values]).take(pa.array(places))


def packed(literals: Mapping[int, Literal]) -> bytes:
    """Cells of columns, by the number of each: long ones each for itself, the rest together."""
    entries = [_entry(number, literal) for number, literal in literals.items()]
    long = [entry for entry in entries if len(entry) > APART]
    short = b"".join(entry for entry in entries if len(entry) <= APART)
    return b"".join(map(_shortest, [*long, *([short] if short else [])]))


def _entry(number: int, literal: Literal) -> bytes:
    raw, rows = to_bytes(literal.values), literal.rows
    listed = b"" if rows is None else np.diff(rows, prepend=0).astype("<u4").tobytes()
    head = ENTRY.pack(number, rows is not None, len(literal.values), len(raw))
    return head + listed + raw


def _shortest(raw: bytes) -> bytes:
    tried = {kind: pack(raw[:SAMPLE]) for kind, (pack, _) in PLAIN.items()}
    kind = min(tried, key=lambda k: len(tried[k]))
    found = tried[kind] if len(raw) <= SAMPLE else PLAIN[kind][0](raw)
    return STREAM.pack(kind, len(raw), len(found)) + found


def unpacked(data: bytes, types: Sequence[pa.DataType], rows: int) -> dict[int, Literal]:
    """The reverse of :func:`packed`.

    Args:
        data: bytes.
        types: of all columns.
        rows: of the block.

    Raises:
        BadInput: for bytes that are not its.
        struct.error: likewise.
    """
    found, at = dict[int, Literal](), 0
    while at < len(data):
        kind, size, length = STREAM.unpack_from(data, at)
        at += STREAM.size
        fits = kind in PLAIN and size <= memory() and length <= len(data) - at
        require(fits, "what it holds beside the model makes no sense")
        raw = PLAIN[kind][1](data[at : at + length], size)
        at += length
        _read(raw, types, rows, found)
    return found


def _read(raw: bytes, types: Sequence[pa.DataType], rows: int, found: dict[int, Literal]) -> None:
    at = 0
    while at < len(raw):
        number, listed, count, size = ENTRY.unpack_from(raw, at)
        at += ENTRY.size
        fits = number < len(types) and number not in found and 0 < count <= rows
        fits = fits and (count == rows or listed == 1)
        fits = fits and size + 4 * count * listed <= len(raw) - at
        require(fits, "what it holds beside the model makes no sense")
        places = None
        if listed:
            places = np.cumsum(np.frombuffer(raw, "<u4", count, at).astype(np.int64))
            require(bool(places[-1] < rows), "it lists rows that are not there")
            at += 4 * count
        found[number] = Literal(from_bytes(raw[at : at + size], types[number], count), places)
        at += size
