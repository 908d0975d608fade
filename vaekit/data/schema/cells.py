"""The cells of one column as they were read: which are missing, and what the others say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Column, Place
from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.tables import Table
from vaekit.system.checks import BadInput
from vaekit.system.types import Array

MEND = "the column is one of numbers or truths: mend the cell, or leave it empty"
TEXT = pa.large_string()
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Distinct:
    """Different texts, and which each row has.

    Args:
        values: of text, without gaps.
        rows: (N,) the place of each row's among them; -1 for a gap.
    """

    values: pa.Array
    rows: Array

    def spread(self, found: Array) -> Array:
        """One for each row, out of one for each different text; the last one for gaps.

        Args:
            found: one for each of ``values``, and one more.
        """
        return found[self.rows]


@dataclass(frozen=True)
class Cells:
    """A column of a table.

    Args:
        name: of the column.
        column: as it was read.
        place: where the rows are.
        dialect: how they are written.
        kept: usual marks of missing cells that are values here.
        more: marks of missing cells of this column alone.
    """

    name: str
    column: Column
    place: Place
    dialect: Dialect
    kept: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, table: Table, name: str, kept: tuple[str, ...] = (), more: tuple[str, ...] = ()
    ) -> Cells:
        """A table's column.

        Args:
            table: that holds it.
            name: of the column.
            kept: usual marks of missing cells that are values here.
            more: marks of missing cells of this column alone.
        """
        return cls(name, table.columns[name], table.place, table.dialect, kept, more)

    def __len__(self) -> int:
        return len(self.column)

    @property
    def marks(self) -> tuple[str, ...]:
        """What means that a cell is missing."""
        own = (*self.dialect.missing, *self.more)
        return tuple(mark for mark in (*self.dialect.marks, *self.more) if self._is_mark(mark, own))

    def _is_mark(self, mark: str, own: Sequence[str]) -> bool:
        return mark in own or mark not in self.kept

    @cached_property
    def plain(self) -> Column:
        """Without a dictionary."""
        return cells_of.plain(self.column)

    @property
    def is_text(self) -> bool:
        """Whether cells are text."""
        return cells_of.is_text(self.plain.type)

    @property
    def is_file(self) -> bool:
        """Whether they come from a file of text, in which nothing has a type."""
        return self.dialect.separator is not None

    @cached_property
    def text(self) -> Distinct:
        """What text says, without spaces around it where it comes from a file of text."""
        encoded = self.plain.cast(TEXT).combine_chunks().dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        words = encoded.dictionary
        trimmed = pc.utf8_trim_whitespace(words)
        gaps = pc.is_in(trimmed, value_set=pa.array(self.marks, TEXT))
        words = trimmed if self.is_file else words
        known = pc.if_else(gaps, pa.scalar(None, TEXT), words).dictionary_encode()
        places = np.append(pc.fill_null(known.indices, -1).to_numpy(zero_copy_only=False), -1)
        rows = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        return Distinct(known.dictionary, places[rows])

    @property
    def missing(self) -> Array:
        """Which are, (rows,)."""
        if self.is_text:
            return self.text.rows < 0
        floating = pa.types.is_floating(self.plain.type)
        return pc.is_null(self.plain, nan_is_null=floating).to_numpy()

    @cached_property
    def counted(self) -> pa.Array:
        """The different texts as numbers or truths, where all are that; else as they are."""
        values, said = self.text.values, self._said()
        if said.is_plain and (quick := _cast(values)) is not None:
            return quick
        found = cells_of.typed(pa.chunked_array([values]), said).combine_chunks()
        return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found

    @cached_property
    def _numbers(self) -> Column:
        if not self.is_text:
            found = cells_of.typed(self.plain, self._said())
            cells_of.check_numbers(self.place, self.name, found, self.dialect, MEND)
            return found
        if not cells_of.is_number(self.counted.type):
            self.refuse_text()
        where = pa.array(self.text.rows, mask=self.text.rows < 0)
        return pa.chunked_array([self.counted.take(where)])

    def numbers(self) -> Column:
        """Numbers with gaps.

        Raises:
            BadInput: for a cell that is none, saying where.
        """
        return self._numbers

    def _said(self) -> Dialect:
        return replace(self.dialect, missing=(*self.dialect.missing, *self.more))

    def refuse_text(self, what: str = "a number") -> None:
        """Raise ``BadInput`` for the first text that is none of what was wanted.

        Args:
            what: was wanted.
        """
        if what == "a number":
            cells_of.check_numbers(self.place, self.name, self.plain, self._said(), MEND)
        raise BadInput(f"{self.place.name}: column {self.name!r} does not hold {what} in each cell")

    def refuse(self, row: int, why: str) -> None:
        """Raise ``BadInput`` for a cell.

        Args:
            row: of it.
            why: it cannot be used.
        """
        cell = self.plain[row].as_py()
        where = self.place.row(row, f" holds {cell!r}, {why}")
        raise BadInput(f"{self.place.name}: column {self.name!r}, {where}")


def _cast(values: pa.Array) -> pa.Array | None:
    """Texts as numbers, where that is plain; None where it has to be looked at closely."""
    odd = pc.match_substring_regex(values[:1000], "^[^0-9-]|[xX]") if len(values) else values
    if not len(values) or pc.any(odd).as_py() or pc.any(pc.match_substring(values, "x")).as_py():
        return None
    for kind in (pa.int64(), pa.float64()):
        try:
            found = values.cast(kind)
        except pa.ArrowInvalid:
            continue
        large = kind == pa.float64() and pc.max(pc.abs(found)).as_py() >= 2**63
        return None if large else found
    return None


def arrays(column: Column) -> tuple[Array, Array]:
    """Numbers and which of them are missing: int64 where they are whole numbers that fit, uint64
    where these are larger, else float64; what is infinite counts as missing.

    Args:
        column: of numbers.
    """
    kind = column.type
    gaps = pc.is_null(column).to_numpy()
    if pa.types.is_integer(kind):
        own = kind if _is_beyond(column) else pa.int64()
        return pc.fill_null(column, 0).cast(own).to_numpy(), gaps
    if pa.types.is_boolean(kind):
        return pc.fill_null(column, False).cast(pa.int64()).to_numpy(), gaps  # noqa: FBT003
    numbers = column.cast(pa.float64(), safe=False)
    found = pc.fill_null(numbers, float("nan")).to_numpy()
    return found, ~np.isfinite(found)


def truths(column: Column) -> Column:
    """Numbers, of which those that are neither 0 nor 1 are missing: Arrow would take them for true.

    Args:
        column: of numbers or truths.
    """
    if not (cells_of.is_whole(column.type) or pa.types.is_floating(column.type)):
        return column
    found, _ = arrays(column)
    return pc.if_else(pa.array(np.isin(found, (0, 1))), column, pa.scalar(None, column.type))


def _is_beyond(column: Column) -> bool:
    if column.type != pa.uint64():
        return False
    most = pc.max(column).as_py()
    return most is not None and most >= 2**63


def with_gaps(found: pa.Array, gaps: Array) -> pa.Array:
    """A column with gaps where they are said to be.

    Args:
        found: values.
        gaps: (N,) where there is none.
    """
    if not gaps.any():
        return found
    return pc.if_else(pa.array(~gaps), found, pa.scalar(None, found.type))


def safe_cells(column: Any) -> Any:
    """Text that no spreadsheet takes for a formula: an apostrophe stands before cells that begin
    with =, +, -, @, a tab or a carriage return. Numbers stay as they are.

    Args:
        column: of any type, pyarrow's.
    """
    if not cells_of.is_text(column.type):
        return column
    risky = pc.match_substring_regex(column, r"^[=+\-@\t\r]")
    numbers = pc.match_substring_regex(column, r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
    risky = pc.and_(risky, pc.invert(numbers))
    marked = pc.binary_join_element_wise(
        pa.scalar("'", column.type), column, pa.scalar("", column.type)
    )
    return pc.if_else(risky, marked, column)
