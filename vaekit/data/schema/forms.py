"""How numbers are stored in a column, and how values of the same type come out."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.columns import Column
from vaekit.data.schema.arrow_types import seconds_of, type_named
from vaekit.data.schema.cells import Cells, arrays, with_gaps
from vaekit.data.schema.grids import Grid, grid_of, times_grid
from vaekit.data.schema.spellings import Spelling, spelling_of
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

WORD = 2**64


class Form(Protocol):
    """How a column stores its values, which inside are numbers."""

    @property
    def type(self) -> pa.DataType:
        """Of the column."""

    @property
    def unit(self) -> int:
        """The number inside that stands for 1."""

    def read(self, cells: Cells) -> tuple[Array, Array]:
        """Numbers, int64, uint64 or float64, (N,), and which are missing.

        Raises:
            BadInput: for a cell that is none.
        """

    def exact(self, cells: Cells) -> tuple[Array, Array]:
        """The numbers that cells say, in the same units, though they may be none of the column's,
        and which are missing.

        Raises:
            BadInput: for a cell that is none.
        """

    def bound(self, cells: Cells) -> float:
        """The number that one cell says, in the same units, though it may be none of the column's:
        60.5 among whole numbers.

        Raises:
            BadInput: for a cell that is none.
        """

    def write(self, numbers: Array, gaps: Array) -> pa.Array:
        """Values of the column's own type."""

    def as_in(self, cells: Cells) -> Form:
        """The same in the way in which a column of other rows writes it."""

    def grid(self, numbers: Array, decimals: int | None = None) -> Grid:
        """Which numbers can be, by those that are."""

    def show(self, number: float) -> str:
        """One number as people read it."""

    def to_json(self) -> Json:
        """What it needs to be made again."""


@dataclass(frozen=True)
class Plain:
    """Numbers of some type.

    Args:
        type: of the column.
    """

    type: pa.DataType

    @property
    def unit(self) -> int:
        """Decimals are counted in their last place."""
        return 10 ** max(self.type.scale, 0) if pa.types.is_decimal(self.type) else 1

    def read(self, cells: Cells) -> tuple[Array, Array]:
        """Numbers, and which are missing."""
        column = cells.numbers()
        if pa.types.is_decimal(self.type):
            return _scaled(column, self.type.scale)
        found, gaps = arrays(column)
        if pa.types.is_integer(self.type) and found.dtype.kind == "f" and not _is_huge(found):
            found = np.rint(np.where(gaps, 0, found)).astype(np.int64)
        if pa.types.is_floating(self.type):
            found = found.astype(np.float64)
        return found, gaps

    def exact(self, cells: Cells) -> tuple[Array, Array]:
        """Not rounded to whole numbers or decimals."""
        found, gaps = arrays(cells.numbers())
        return found * float(self.unit) if self.unit > 1 else found, gaps

    def bound(self, cells: Cells) -> float:
        """Not rounded to whole numbers or decimals."""
        number = cells.numbers()[0].as_py()
        scale = self.type.scale if pa.types.is_decimal(self.type) else 0
        return float(number) * 10**scale if scale or isinstance(number, Decimal) else number

    def as_in(self, cells: Cells) -> Plain:
        """As it is: a file's own marks are known before."""
        return self

    def write(self, numbers: Array, gaps: Array) -> pa.Array:
        """Values of the column's type, within what it can hold."""
        if pa.types.is_decimal(self.type):
            return with_gaps(_decimals(numbers, self.type), gaps)
        if pa.types.is_integer(self.type):
            limits = np.iinfo(self.type.to_pandas_dtype())
            numbers = _whole(numbers, limits.min, limits.max)
        kind = self.type.to_pandas_dtype()
        return with_gaps(pa.array(numbers.astype(kind), self.type), gaps)

    def grid(self, numbers: Array, decimals: int | None = None) -> Grid:
        """By the numbers' decimals and steps."""
        single = pa.types.is_float32(self.type) or pa.types.is_float16(self.type)
        return grid_of(numbers, single=bool(single), decimals=decimals)

    def show(self, number: float) -> str:
        """As short as it can be; whole numbers in full."""
        whole = self.unit == 1 and isinstance(number, int)
        return str(number) if whole else f"{number / self.unit:.10g}"

    def to_json(self) -> Json:
        """The type's name."""
        return {"form": "plain", "type": str(self.type)}

    @classmethod
    def from_json(cls, part: Part) -> Plain:
        """As it was written."""
        part.only(("form", "type"))
        return cls(part.made(lambda: type_named(part.text("type"))))


def _is_huge(found: Array) -> bool:
    return bool(np.nanmax(np.abs(found), initial=0) >= WORD / 2)


def _whole(numbers: Array, low: int, high: int) -> Array:
    if numbers.dtype.kind == "f":
        top = np.nextafter(float(high), 0) if high >= 2**53 else float(high)
        return np.clip(np.rint(numbers), float(low), top)
    kind = np.iinfo(numbers.dtype)
    return np.clip(numbers, max(low, int(kind.min)), min(high, int(kind.max)))


def _scaled(column: Column, scale: int) -> tuple[Array, Array]:
    """Decimals in units of their last place: int64 where they fit, else float64."""
    gaps = pc.is_null(column).to_numpy()
    try:
        exact = column.cast(pa.decimal128(38, scale)).combine_chunks()
    except pa.ArrowInvalid:
        found, gaps = arrays(column)
        return found * 10.0**scale, gaps
    exact = exact.combine_chunks() if isinstance(exact, pa.ChunkedArray) else exact
    words = np.frombuffer(exact.buffers()[1], np.int64)[2 * exact.offset :][: 2 * len(exact)]
    low, high = words[::2], words[1::2]
    fits = gaps | (high == (low >> 63))
    if fits.all():
        return np.where(gaps, 0, low), gaps
    return np.where(gaps, 0, low.astype(np.uint64).astype(float) + high * float(WORD)), gaps


def _decimals(units: Array, kind: pa.DataType) -> pa.Array:
    """Decimals out of units of their last place."""
    most = min(10**kind.precision - 1, WORD // 2 - 1)
    low = _whole(units, -most, most).astype(np.int64)
    words = np.stack([low, low >> 63], 1)
    narrow = pa.decimal128(38, kind.scale)
    return pa.Array.from_buffers(narrow, len(low), [None, pa.py_buffer(words)]).cast(kind)


@dataclass(frozen=True)
class Moments:
    """Dates, times, times of day and spans of time, in ticks of their type.

    Args:
        type: of the column.
    """

    type: pa.DataType
    unit = 1

    def read(self, cells: Cells) -> tuple[Array, Array]:
        """Ticks, and which are missing."""
        column = cells.plain
        if cells.is_text:
            empty = pa.chunked_array([pa.nulls(len(cells), self.type)])
            column = moments_in(cells) if len(cells.text.values) else empty
        try:
            ticks = column.cast(self.type, safe=False).cast(_width(self.type))
        except pa.ArrowException:
            cells.refuse_text("a date or time")
        return pc.fill_null(ticks, 0).cast(pa.int64()).to_numpy(), pc.is_null(column).to_numpy()

    def exact(self, cells: Cells) -> tuple[Array, Array]:
        """Ticks."""
        return self.read(cells)

    def bound(self, cells: Cells) -> float:
        """Ticks."""
        return int(self.read(cells)[0][0])

    def as_in(self, cells: Cells) -> Moments:
        """As it is."""
        return self

    def write(self, numbers: Array, gaps: Array) -> pa.Array:
        """Values of the column's type."""
        return with_gaps(
            pa.array(numbers.astype(np.int64)).cast(_width(self.type)).cast(self.type), gaps
        )

    def grid(self, numbers: Array, decimals: int | None = None) -> Grid:
        """Days, hours, minutes ..."""
        if pa.types.is_date32(self.type):
            low = int(numbers.min()) if len(numbers) else 0
            return Grid(0, _weeks(numbers, low), low)
        return times_grid(numbers, seconds_of(self.type))

    def show(self, number: float) -> str:
        """As ISO 8601 has it."""
        value = self.write(np.array([number]), np.array([False]))
        return _iso(value)[0]

    def to_json(self) -> Json:
        """The type's name."""
        return {"form": "moments", "type": str(self.type)}

    @classmethod
    def from_json(cls, part: Part) -> Moments:
        """As it was written."""
        part.only(("form", "type"))
        found = part.made(lambda: type_named(part.text("type")))
        part.require(pa.types.is_temporal(found), "type", "a type of times")
        return cls(found)


def _weeks(days: Array, low: int) -> int:
    values = np.unique(days)
    return 7 if len(values) >= 8 and not ((values - low) % 7).any() else 1


def _width(kind: pa.DataType) -> pa.DataType:
    """The whole numbers that a type of times is stored in."""
    return pa.int32() if kind.bit_width == 32 else pa.int64()


def _iso(values: pa.Array) -> Sequence[str]:
    found = values.to_pylist()
    return [
        v.isoformat() if isinstance(v, datetime.date | datetime.time) else str(v) for v in found
    ]


def moments_in(cells: Cells) -> Column:
    """Moments in text, of the type that fits how they are written.

    Args:
        cells: of text, of which some are there.

    Raises:
        BadInput: for text that says none, or may have the day first or the month.
    """
    values = cells.text.values
    found = spelling_of(values)
    if found is None:
        cells.refuse_text("a date or time")
        raise AssertionError
    ticks = found.ticks(values)[0]
    if found.unsure:
        _check_sure(cells, found, ticks)
    ticks = np.append(ticks, 0)[cells.text.rows]
    return pa.chunked_array([pa.array(ticks, mask=cells.text.rows < 0).cast(found.type)])


def _check_sure(cells: Cells, found: Spelling, ticks: Array) -> None:
    """Raise ``BadInput`` where texts are other moments with day and month the other way round."""
    order = "dmy" if found.order == "mdy" else "mdy"
    unlike = replace(found, order=order).ticks(cells.text.values)[0] != ticks
    if unlike.any():
        row = int(np.append(unlike, False)[cells.text.rows].argmax())
        cells.refuse(row, "where day or month may come first: write it as 2024-12-31")
