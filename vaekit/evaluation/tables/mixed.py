"""Tables of numbers and categories, in the form that every measure takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

MISSING = -1


@dataclass(frozen=True)
class MixedTable:
    """Columns of numbers and columns of categories, both with gaps.

    Args:
        names: of all columns, in order.
        numbers: by name, (N,) float64; NaN is a gap.
        categories: by name, (N,) int64 places in ``levels``; -1 is a gap.
        levels: by name of a column of categories, what its categories are called.
    """

    names: tuple[str, ...]
    numbers: Mapping[str, Array]
    categories: Mapping[str, Array]
    levels: Mapping[str, tuple[str, ...]]

    @cached_property
    def rows(self) -> int:
        """How many."""
        return len({**self.numbers, **self.categories}[self.names[0]])

    def take(self, rows: Array) -> MixedTable:
        """Some of the rows.

        Args:
            rows: their numbers, or a truth for each.
        """
        return MixedTable(
            self.names,
            {name: values[rows] for name, values in self.numbers.items()},
            {name: codes[rows] for name, codes in self.categories.items()},
            self.levels,
        )

    def some(self, most: int, generator: np.random.Generator) -> MixedTable:
        """All rows if they are few; else some of them at random.

        Args:
            most: rows.
            generator: says which.
        """
        if self.rows <= most:
            return self
        return self.take(np.sort(generator.choice(self.rows, most, replace=False)))

    def one_hot(self, *, gaps: bool) -> Array:
        """A column of 0 and 1 for each category of each column, (N, categories) float32.

        Args:
            gaps: whether each column has one more, for its gaps.
        """
        sizes = {name: len(self.levels[name]) + gaps for name in self.categories}
        found = np.zeros((self.rows, sum(sizes.values())), np.float32)
        start = 0
        for name, codes in self.categories.items():
            rows = np.flatnonzero((codes != MISSING) | gaps)
            found[rows, start + codes[rows] % sizes[name]] = 1
            start += sizes[name]
        return found

    def number_matrix(self) -> Array:
        """The numbers side by side, (N, columns of numbers)."""
        columns = [np.zeros((self.rows, 0)), *(v[:, None] for v in self.numbers.values())]
        return np.concatenate(columns, 1)

    def code_matrix(self) -> Array:
        """The categories side by side, (N, columns of categories)."""
        columns = [c[:, None] for c in self.categories.values()]
        return np.concatenate([np.zeros((self.rows, 0), np.int64), *columns], 1)


def mixed_tables(*frames: Any, categories: Collection[str] = ()) -> tuple[MixedTable, ...]:
    """Several tables of the same columns, with one set of categories for all.

    The first table says what a column is: numbers, dates and times are numbers; text, truths and
    dictionaries are categories. Whole numbers that are names (codes, grades) should be said to be
    categories.

    Args:
        frames: of pyarrow, or of any library that narwhals knows.
        categories: columns of numbers to be taken as categories.

    Raises:
        BadInput: for an empty table, a column that is missing, or one that holds text where the
            first table has numbers.
    """
    tables = [_arrow(frame) for frame in frames]
    first = tables[0]
    unknown = [name for name in categories if name not in first.column_names]
    require(not unknown, f"no column is called {', '.join(map(repr, unknown))}")
    for number, table in enumerate(tables):
        _check(table, first.column_names, number)
    columns = {name: [table.column(name) for table in tables] for name in first.column_names}
    counted = {n: _is_number(c[0].type) and n not in categories for n, c in columns.items()}
    numbers = {
        name: [_numbers(name, column, found[0].type) for column in found]
        for name, found in columns.items()
        if counted[name]
    }
    coded = {name: _codes(found) for name, found in columns.items() if not counted[name]}
    levels = {name: found[0] for name, found in coded.items()}
    return tuple(
        MixedTable(
            tuple(columns),
            {name: found[i] for name, found in numbers.items()},
            {name: found[1][i] for name, found in coded.items()},
            levels,
        )
        for i in range(len(tables))
    )


def _arrow(frame: Any) -> pa.Table:
    if isinstance(frame, pa.Table):
        return frame
    try:
        return nw.from_native(frame, eager_only=True).to_arrow()
    except TypeError as error:
        raise BadInput(f"a table must be a data frame, not a {type(frame).__name__}") from error


def _check(table: pa.Table, names: Sequence[str], number: int) -> None:
    missing = [name for name in names if name not in table.column_names]
    which = f"table {number + 1} of those compared"
    require(not missing, f"{which} has no column {', '.join(map(repr, missing))}")
    require(bool(names), f"{which} has no columns")
    require(table.num_rows > 0, f"{which} has no rows")


def _is_number(kind: pa.DataType) -> bool:
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    return bool(number or _is_time(kind))


def _is_time(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind))


def _numbers(name: str, column: pa.ChunkedArray, like: pa.DataType) -> Array:
    """Float64 with NaN for gaps; dates and times in the unit of the first table."""
    kind = column.type
    fits = pa.types.is_null(kind) or (_is_number(kind) and _is_time(kind) == _is_time(like))
    require(fits, f"column {name!r} holds {like} in the first table and {kind} in another")
    if _is_time(like):
        column = pc.cast(column, like, safe=False)
        column = column.cast(pa.int32() if like.bit_width == 32 else pa.int64())
    found = np.asarray(pc.cast(column, pa.float64(), safe=False).to_numpy(), np.float64)
    return np.where(np.isfinite(found), found, np.nan)


def _codes(columns: Sequence[pa.ChunkedArray]) -> tuple[tuple[str, ...], list[Array]]:
    """What the categories of a column are called in all tables together, and their places."""
    texts = [_texts(column) for column in columns]
    levels = sorted({text for found in texts for text in found if text is not None})
    place: dict[str | None, int] = {text: i for i, text in enumerate(levels)}
    place[None] = MISSING
    return tuple(levels), [np.array([place[t] for t in found], np.int64) for found in texts]


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    """Cells as text: 3 and 3.0 are the same category."""
    return [_text(cell) for cell in column.to_pylist()]


def _text(cell: Any) -> str | None:
    if cell is None or cell != cell:
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
