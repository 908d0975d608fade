"""Columns of what is given beside rows: numbers or words, as bytes and back."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from vaekit.codec.bits_back import Given, fixed_point_rows
from vaekit.codec.plain import inflated
from vaekit.system.checks import BadInput, require
from vaekit.system.records import Part
from vaekit.system.types import Array

KINDS = "buifU"
_TYPE = re.compile(r"[<>|=]?([buif][1248]|U[1-9][0-9]{0,5})")


def as_columns(given: Mapping[str, Any], rows: int) -> dict[str, Array]:
    """What is given, as one array of numbers or words for each name, (rows, ...).

    Args:
        given: by name, one value for each row, or a single one for all.
        rows: how many there are.

    Raises:
        BadInput: for another number of values, or values that are neither numbers nor words.
    """
    return {name: _as_column(name, values, rows) for name, values in given.items()}


def _as_column(name: str, values: Any, rows: int) -> Array:
    column = np.asarray(values)
    if column.dtype == object and all(isinstance(cell, str) for cell in column.flat):
        column = column.astype(str)
    require(column.dtype.kind in KINDS, f"{name} must be given as numbers or words")
    if column.ndim == 0:
        return np.full(rows, column)
    found = f"there are {rows} rows but {len(column)} values of {name}"
    require(len(column) == rows, f"{found}; give one value for each row")
    return column


def check_of(given: Given) -> int:
    """A CRC-32 of what a model is given, as the codec sees it."""
    check = 0
    for values in fixed_point_rows(None, given).given.values():
        check = zlib.crc32(values.numpy().astype("<i8").tobytes(), check)
    return check


@dataclass(frozen=True)
class Layout:
    """How columns lie in bytes: one after the other, each row after row.

    Args:
        names: of the columns.
        types: of each, as NumPy writes them, and the shape of one row.
    """

    names: tuple[str, ...]
    types: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, columns: Mapping[str, Array]) -> Layout:
        """The layout of columns as they are."""
        types = ((column.dtype.str, column.shape[1:]) for column in columns.values())
        return cls(tuple(columns), tuple(types))

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Layout:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for what makes no sense.
        """
        part = Part(found, "what is given")
        names, types = part.texts("names"), part.items("types")
        part.require(len(types) == len(names), "types", "one of each name")
        return cls(names, tuple(map(_type, types)))

    def to_json(self) -> dict[str, Any]:
        """Names and types, for a header."""
        return {"names": [*self.names], "types": [[d, [*shape]] for d, shape in self.types]}

    def pack(self, columns: Mapping[str, Array]) -> bytes:
        """Deflated bytes of columns in this layout."""
        parts = (np.ascontiguousarray(columns[name]).tobytes() for name in self.names)
        return zlib.compress(b"".join(parts), 9)

    def unpack(self, packed: bytes, rows: int) -> dict[str, Array]:
        """The columns of so many rows.

        Raises:
            BadInput: for bytes that are not theirs.
        """
        sizes = [np.dtype(dtype).itemsize * prod(shape) for dtype, shape in self.types]
        try:
            raw = inflated(packed, rows * sum(sizes))
        except (zlib.error, BadInput) as error:
            raise BadInput(f"what is given is damaged ({error})") from error
        at, found = 0, dict[str, Array]()
        for name, (dtype, shape), size in zip(self.names, self.types, sizes, strict=True):
            column = np.frombuffer(raw[at : at + rows * size], dtype).copy()  # to be written to
            found[name] = column.reshape(rows, *shape)
            at += rows * size
        return found


def _type(found: Any) -> tuple[str, tuple[int, ...]]:
    """A column's type, and the shape of one row's value."""
    pair = found if isinstance(found, list) and len(found) == 2 else ["", []]
    part = Part({"type": pair[0], "shape": pair[1]}, "what is given")
    dtype, shape = part.text("type"), part.wholes("shape", 1)
    part.require(bool(_TYPE.fullmatch(dtype)), "type", "one of numbers or words")
    return dtype, shape
