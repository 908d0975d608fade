"""Rows of a table of mixed columns as whole levels, and back: what a model of cells sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Place
from vaekit.data.readers.tables import Table
from vaekit.data.schema import NONE, Corrections, TableSchema, infer
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.columns import ColumnSchema
from vaekit.data.schema.corrections import NUMBERS
from vaekit.data.schema.forms import moments_in
from vaekit.system.checks import BadInput, known, require
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

MISSING = "{} is missing"
KINDS = {
    "number": "numbers",
    "whole": "numbers",
    "time": "dates or times (of which day and month are told apart)",
    "boolean": "truths",
    "category": "categories",
    "ordered": "categories",
}


@dataclass(frozen=True, eq=False)
class TableCoding:
    """How rows of a table are levels, (N, D) whole numbers, -1 where a cell is missing: first, for
    each column that had gaps in training, whether its cell is missing, then the columns' own.

    Args:
        schema: of the columns.
        gaps: names of the columns that had gaps.
    """

    schema: TableSchema
    gaps: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableCoding) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.names)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the D columns."""
        return (*map(MISSING.format, self.gaps), *self.schema.names)

    @property
    def levels(self) -> dict[str, int]:
        """How many each column has, by name."""
        own = (*[2] * len(self.gaps), *self.schema.levels)
        return dict(zip(self.names, own, strict=True))

    @property
    def ordered(self) -> dict[str, bool]:
        """Whether the levels of each column are ordered, by name."""
        own = (*[False] * len(self.gaps), *self.schema.ordered)
        return dict(zip(self.names, own, strict=True))

    @property
    def said_by(self) -> dict[str, str]:
        """The name of the column that says whether another's cell is missing, by the other's."""
        return {name: MISSING.format(name) for name in self.gaps}

    @property
    def places(self) -> list[int]:
        """Where the columns with gaps stand among the schema's."""
        return [self.schema.names.index(name) for name in self.gaps]

    def coded(
        self, table: Table, *, allow_missing: bool = False, unseen: str = "missing"
    ) -> tuple[Array, tuple[str, ...]]:
        """The levels of a table's rows, (N, D) int32, and notes for people; columns are found by
        their names.

        Args:
            table: the rows.
            allow_missing: whether a column may not be there: then all its cells are missing.
            unseen: what becomes of a category that was never seen: "missing" or "refuse".

        Raises:
            BadInput: for a column that is not there, or a value that it cannot have.
        """
        own, notes = self.schema.coded(table, allow_missing=allow_missing, unseen=unseen)
        return self.with_flags(own), notes

    def with_flags(self, own: Array) -> Array:
        """Levels of the columns' own, behind those that say whether cells are missing."""
        return np.concatenate([own[:, self.places] < 0, own], 1).astype(np.int32)

    def row_of(self, given: Mapping[str, Any]) -> Array:
        """The levels of a row of which some cells are known, (1, D); -1 for all others.

        Args:
            given: values of columns by name.

        Raises:
            BadInput: for a column that is not there, or a value that it cannot have.
        """
        for name, value in given.items():
            known("column", name, self.schema.names)
            require(np.ndim(value) == 0, f"given: {name} has one value, which all rows have")
        found, row = np.full((1, len(self.names)), -1, np.int32), one_row(given)
        for column in self.schema.columns:
            if column.name in given:
                _check_given(column, row)
        if given:
            found = self.coded(row, allow_missing=True, unseen="refuse")[0]
        told = [name in given for name in self.gaps]
        found[:, : len(self.gaps)][:, np.logical_not(told)] = -1
        return found

    def unsettled(self, rows: Array) -> Array:
        """The same rows where it is not known whether a missing cell is to be filled: the cells
        that say so are missing as well."""
        rows, count = rows.copy(), len(self.gaps)
        rows[:, :count][rows[:, :count] == 1] = -1
        return rows

    def values(self, rows: Array, seed: int = 0, *, gaps: bool = True) -> pa.Table:
        """Levels, (N, D), as a table with the columns' names and types.

        Args:
            rows: the levels.
            seed: of the draws of numbers inside their levels.
            gaps: whether cells that are said to be missing are; else they have their values.
        """
        own = (self.with_gaps(rows) if gaps else rows)[:, len(self.gaps) :]
        return pa.table(self.schema.values(own, np.random.default_rng(seed)))

    def with_gaps(self, rows: Array) -> Array:
        """The same rows where cells that are said to be missing are."""
        rows, count = rows.copy(), len(self.gaps)
        for place, missing in zip(self.places, rows[:, :count].T, strict=True):
            rows[missing == 1, count + place] = -1
        return rows

    def values_of(self, name: str, levels: Array, seed: int = 0) -> pa.ChunkedArray:
        """Levels of one column, (N,), as its values."""
        own = np.full((len(levels), len(self.schema.names)), -1, np.int32)
        own[:, self.schema.names.index(name)] = levels
        return self.schema.values(own, np.random.default_rng(seed))[name]

    def with_given(self, made: pa.Table, given: Mapping[str, Any]) -> pa.Table:
        """The same table where each cell that is given by name has exactly that value."""
        gone = np.array([[v is None for v in given.values()]])
        told = one_row(given).take(np.zeros(len(made), int))
        return _kept(made, np.repeat(gone, len(made), 0), told)

    def to_json(self) -> Json:
        """A dictionary of lists, numbers and strings."""
        return {"schema": self.schema.to_json(), "gaps": list(self.gaps)}

    @classmethod
    def from_json(cls, part: Part) -> TableCoding:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for anything that it cannot have written.
        """
        part.only(["schema", "gaps"])
        schema = TableSchema.from_json(part.get("schema"))
        gaps = part.texts("gaps")
        part.require(set(gaps) <= set(schema.names), "gaps", "names of columns")
        return cls(schema, gaps)


def _kept(made: pa.Table, missing: Array, own: Table) -> pa.Table:
    """A table in which cells that are there in another keep exactly their values.

    Args:
        made: values for all cells.
        missing: (N, columns of ``own`` in their order), whether its cell is missing.
        own: the other table, of some of the columns.
    """
    columns = dict(zip(made.column_names, made.columns, strict=True))
    for name, gone in zip(own.columns, missing.T, strict=True):
        if name in columns:
            there = as_type(own, name, columns[name].type)
            columns[name] = pc.if_else(pa.array(gone), columns[name], there)
    return pa.table(columns)


def _check_given(column: ColumnSchema, table: Table) -> None:
    """Raise ``BadInput`` for a given value that no cell of the column can hold, or that lies far
    from all that training rows hold."""
    cells = column.cells(Cells.of(table, column.name))
    try:
        column.coding.keys(cells)
        why = column.coding.why_not(cells)
    except BadInput as error:
        value = cells.plain[0].as_py()
        point = ": write a decimal point" if column.kind in NUMBERS and "," in value else ""
        raise BadInput(
            f"given: {column.name} is a column of {KINDS[column.kind]}, such as {column.example}, "
            f"and {value!r} is none{point}"
        ) from error
    require(not why, f"given: {column.name} = {cells.plain[0].as_py()} {why}")


def one_row(given: Mapping[str, Any], name: str = "what is given") -> Table:
    """Values by the names of their columns, as the text of a table of one row.

    Args:
        given: the values; None where one is missing.
        name: what the table is called.
    """
    return text_rows([given], list(given), name)


def text_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], name: str = "what is given"
) -> Table:
    """Rows of values by the names of their columns, as the text of a table.

    Args:
        rows: the values; None, or nothing, where one is missing.
        columns: names of them all.
        name: what the table is called.
    """
    texts = {c: [None if (v := row.get(c)) is None else str(v) for row in rows] for c in columns}
    return Table(
        Place(name), {c: pa.chunked_array([pa.array(t, pa.string())]) for c, t in texts.items()}
    )


def as_type(table: Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """A column as values of a type, as it was read or as the numbers it says."""
    return said(table, name, kind).cast(kind, safe=False)


def said(table: Table, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    """A column as it was read, without a dictionary; where numbers or moments are wanted of text,
    what it says: numbers of their type, if it plainly says such.

    Args:
        table: that holds it.
        name: of the column.
        kind: that is wanted.
    """
    column = cells_of.plain(table.columns[name])
    if not cells_of.is_text(column.type):
        return column
    if pa.types.is_temporal(kind):
        cells = Cells.of(table, name)
        with suppress(BadInput):
            return moments_in(cells) if len(cells.text.values) else column
        return column
    if not cells_of.is_number(kind):
        return column
    if table.dialect.is_plain:
        with suppress(pa.ArrowInvalid):
            return column.cast(kind)
    return table.typed(name)


def coding_of(table: Table, train: Array, said: Corrections = NONE) -> TableCoding:
    """The coding of a table's columns, by its training rows.

    Args:
        table: of the columns that are modelled.
        train: which rows are trained on.
        said: what a person says of the columns.
    """
    schema = infer(table, train, said)
    missing = zip(schema.names, schema.gaps, strict=True)
    return TableCoding(schema, tuple(name for name, share in missing if share > 0))
