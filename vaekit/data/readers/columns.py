"""Columns of a table, each of a type of its own and with gaps, and what rows of numbers need."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.dialect import LOOK, Dialect, if_missing
from vaekit.data.source import GAPS
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

DROP = (
    "drop the column; vaekit train and vaekit.fit can also take it for labels or give it to the "
    "model (--label or --given, in Python label= or given=)"
)
EXACT = 2**53
AT_ONCE = 2**20  # rows
MOSTLY = 0.5
DATES = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?|"
    r"\d{1,2}[- ][A-Za-z]{3,9}[- ,]+\d{2,4}|[A-Za-z]{3,9} \d{1,2},? \d{4}"
)
Column: TypeAlias = pa.ChunkedArray


@dataclass(frozen=True)
class Place:
    """Where rows are, in words.

    Args:
        name: of the file or the data.
        start: rows before the first.
        line: from a row's number to its line in a text file, where they come from one.
        rows: their numbers among all rows, where they are some of them alone.
    """

    name: str
    start: int = 0
    line: Callable[[int], int] | None = None
    rows: Array | None = None

    def row(self, number: int, then: str = "") -> str:
        """A row's number as people count, and how it is counted."""
        row = number + self.start if self.rows is None else int(self.rows[number])
        how = "rows are counted from 0" if self.line is None else f"line {self.line(row)}"
        return f"row {row}{then} ({how})"


def typed(column: Column, dialect: Dialect = LOOK) -> Column:
    """A column of a type that it can be counted with: text that holds numbers or truths alone
    becomes these, marks of missing cells become gaps.

    Args:
        column: as it was read.
        dialect: how numbers are written in text, and which marks mean nothing.
    """
    column = plain(column)
    if not is_text(column.type):
        return _with_gaps(column, dialect)
    found = _from_text(column.cast(pa.large_string()), dialect)
    return column if found is None else _with_gaps(found, dialect)


def value_type(kind: pa.DataType) -> pa.DataType:
    """A type without a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def plain(column: Column | pa.Array) -> Any:
    """A column, or an array, without a dictionary."""
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def taken(column: Column, rows: Array) -> Column:
    """Some rows of a column, slice by slice, as taking them of all at once copies all.

    Args:
        column: that may lie on disk.
        rows: their numbers.
    """
    if (np.diff(rows) < 0).any():
        order = np.argsort(rows, kind="stable")
        return taken(column, rows[order]).take(pa.array(np.argsort(order)))
    starts = range(0, len(column), AT_ONCE)
    ends = np.searchsorted(rows, [*starts, len(column)])
    parts = [
        column.slice(start, AT_ONCE).take(pa.array(rows[i:j] - start))
        for start, (i, j) in zip(starts, pairwise(ends), strict=True)
    ]
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], column.type)


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is that of text."""
    views = pa.types.is_string_view(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or views)


def is_whole(kind: pa.DataType) -> bool:
    """Whether a type is that of whole numbers or truths."""
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def is_number(kind: pa.DataType) -> bool:
    """Whether a type is that of numbers, truths, or nothing at all."""
    more = pa.types.is_floating(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind)
    return is_whole(kind) or bool(more)


def _with_gaps(column: Column, dialect: Dialect) -> Column:
    """Numbers, with gaps where they are one that a person says means nothing."""
    marks = [number for number in map(_number, dialect.missing) if number is not None]
    if not marks or not is_number(column.type):
        return column
    gaps = pc.is_in(column.cast(pa.float64(), safe=False), value_set=pa.array(marks, pa.float64()))
    return pc.if_else(gaps, pa.scalar(None, column.type), column)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _from_text(text: Column, dialect: Dialect) -> Column | None:
    """The numbers or truths that text says, or None where a cell says none."""
    cells = pc.utf8_trim_whitespace(text)
    marks = pa.array(dialect.marks, cells.type)
    cells = pc.if_else(pc.is_in(cells, value_set=marks), pa.scalar(None, cells.type), cells)
    if cells.null_count == len(cells):
        return pa.chunked_array([pa.nulls(len(cells), None if len(cells) else pa.float64())])
    if not _all(says_number(cells, dialect)):
        return _truths(cells)
    whole = _all(pc.match_substring_regex(cells, _pattern(dialect, fractions=False)))
    if dialect.thousands:
        cells = pc.replace_substring(cells, dialect.thousands, "")
    if dialect.decimal == ",":
        cells = pc.replace_substring(cells, ",", ".")
    cells = pc.utf8_ltrim(cells, "+")
    return _whole(cells) if whole else cells.cast(pa.float64())


def _pattern(dialect: Dialect, *, fractions: bool) -> str:
    """What a number looks like."""
    digits, decimal = r"\d+", re.escape(dialect.decimal or ".")
    if dialect.thousands:
        digits = rf"(?:\d{{1,3}}(?:{re.escape(dialect.thousands)}\d{{3}})+|\d+)"
    if not fractions:
        return rf"^[+-]?{digits}$"
    number = rf"(?:{digits}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?"
    return rf"^[+-]?(?:{number}|(?i:inf|infinity|nan))$"


def says_number(texts: Column | pa.Array, dialect: Dialect) -> Any:
    """Which texts say a number, of the texts' length; null for a gap.

    Args:
        texts: without spaces around them.
        dialect: how numbers are written.
    """
    return pc.match_substring_regex(texts, _pattern(dialect, fractions=True))


def _whole(cells: Column) -> Column:
    """Whole numbers as what holds them exactly: 64 bits, or up to 38 digits."""
    for kind in (pa.int64(), pa.uint64(), pa.decimal128(38)):
        try:
            return cells.cast(kind)
        except pa.ArrowInvalid:
            continue
    return cells.cast(pa.float64())


def _truths(cells: Column) -> Column | None:
    lower = pc.utf8_lower(cells)
    truths = pc.is_in(lower, value_set=pa.array(["true", "false"], lower.type))
    if not _all(pc.or_(pc.is_null(cells), truths)):
        return None
    return pc.equal(lower, "true")


def _all(found: Column) -> bool:
    return bool(pc.all(found, min_count=0).as_py())


def check_numbers(
    place: Place, name: str, column: Column, dialect: Dialect = LOOK, otherwise: str = DROP
) -> None:
    """Raise ``BadInput`` unless a typed column holds numbers (and gaps); it says what it holds, and
    what to do."""
    kind, what = column.type, f"{place.name}: column {name!r}"
    require(not pa.types.is_nested(kind), f"{what} holds lists; give each number a column")
    if is_number(kind):
        return
    if pa.types.is_temporal(kind):
        raise BadInput(
            f"{what} holds dates or times, which are no numbers; turn them into numbers, such as "
            f"days since a first one, or {otherwise}"
        )
    require(is_text(kind), f"{what} holds {kind} values; {otherwise}")
    cells = column.to_pylist()
    rows = [i for i, cell in enumerate(cells) if _is_odd(cell, dialect)]
    row, cell = rows[0], cells[rows[0]]
    if all(DATES.fullmatch(cells[i].strip()) for i in rows[:100]):
        raise BadInput(
            f"{what}, {place.row(row, f' holds {cell!r}, a date or time')}; turn dates into "
            f"numbers, such as days since a first one, or {otherwise}"
        )
    mark = f"{if_missing(repr(cell))}; else "
    few = len(rows) < MOSTLY * len(cells)
    raise BadInput(
        f"{what}, {place.row(row, f' holds {cell!r}, which is not a number')}; "
        f"{mark if few else ''}{otherwise}"
    )


def _is_odd(cell: str | None, dialect: Dialect) -> bool:
    """Whether a cell is neither a number nor missing."""
    if cell is None or cell.strip() in dialect.marks:
        return False
    return re.match(_pattern(dialect, fractions=True), cell.strip()) is None


def check_no_gaps(place: Place, names: Sequence[str], columns: Sequence[Column]) -> None:
    """Raise ``BadInput`` naming the first cell that is missing or infinite."""
    for name, column in zip(names, columns, strict=True):
        require(
            not len(column) or column.null_count < len(column),
            f"{place.name}: column {name!r} is empty: all its values are missing; drop the column",
        )
    bad = [gaps(column) for column in columns]
    count = sum(int(rows.sum()) for rows in bad)
    if not count:
        return
    first = [int(rows.argmax()) if rows.any() else len(rows) for rows in bad]
    row, name = min(first), names[first.index(min(first))]
    raise BadInput(
        f"{place.name}: {count:,} values are missing or infinite, the first in "
        f"{place.row(row, f', column {name!r}')}; fill them in or drop those rows{GAPS}"
    )


def gaps(column: Column) -> Array:
    """Which cells of a column of numbers are missing or infinite, (rows,)."""
    gaps = pc.is_null(column)
    if pa.types.is_floating(column.type):
        gaps = pc.or_(gaps, pc.invert(pc.fill_null(pc.is_finite(column), fill_value=False)))
    return gaps.to_numpy()


def filled(column: Column) -> Column:
    """A column of numbers whose gaps are NaN."""
    if not column.null_count:
        return column
    return pc.fill_null(column.cast(pa.float64(), safe=False), float("nan"))


def matrix(columns: Sequence[Column], *, by_value: bool) -> Array:
    """Columns of numbers without gaps side by side, (rows, columns), of the type that holds all.

    Args:
        columns: typed.
        by_value: whether numbers that all are whole become integers, whatever their type; then
            fractions are float64.
    """
    arrays = [_array(column) for column in columns]
    if not by_value:
        return np.stack(arrays, 1)
    if all(array.dtype.kind in "bui" for array in arrays):
        kind = np.result_type(np.int64, *arrays) if _signed(arrays) else np.uint64
        if np.dtype(kind).kind in "ui":
            return np.stack([array.astype(kind) for array in arrays], 1)
    return whole_if_possible(np.stack([array.astype(np.float64) for array in arrays], 1))


def _signed(arrays: Sequence[Array]) -> bool:
    return not all(array.dtype == np.uint64 for array in arrays)


def _array(column: Column) -> Array:
    if pa.types.is_decimal(column.type) or pa.types.is_null(column.type):
        column = column.cast(pa.float64(), safe=False)
    return column.to_numpy()


def whole_if_possible(cells: Array) -> Array:
    """Text has no types: a table of whole numbers only is one of integers."""
    return cells.astype(np.int64) if holds_whole(cells) else cells


def holds_whole(cells: Array) -> bool:
    """Whether all are whole numbers that float64 holds exactly."""
    within = np.isfinite(cells) & (np.abs(cells) <= EXACT)  # larger floats are all whole
    return bool(within.all()) and bool((cells == cells.round()).all())


def rounded(names: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """Columns of whole numbers that lose digits in float64."""
    return [name for name, column in zip(names, columns, strict=True) if _is_rounded(column)]


def _is_rounded(column: Column) -> bool:
    if pa.types.is_decimal(column.type):
        return column.type.scale == 0 and column.type.precision > 15
    if not pa.types.is_integer(column.type) or column.type.bit_width < 64:
        return False
    found = pc.min_max(column).as_py()
    return any(value is not None and abs(value) > EXACT for value in found.values())


def type_names(columns: Sequence[Column]) -> tuple[str, ...]:
    """The types of columns as NumPy calls them."""
    return tuple(
        "float64" if pa.types.is_null(c.type) or pa.types.is_decimal(c.type) else str(_dtype(c))
        for c in columns
    )


def _dtype(column: Column) -> Any:
    return np.dtype(column.type.to_pandas_dtype())
