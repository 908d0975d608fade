"""Rows of a table of mixed columns as whole levels, and back: what a model of cells sees."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.given_cells import check_given, one_row
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.tables import Table
from vaekit.data.schema import NONE, Corrections, TableSchema, infer
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.forms import moments_in
from vaekit.system.checks import BadInput, require
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

MISSING = "{} is missing"


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
        given = self.modelled(given)
        found = np.full((1, len(self.names)), -1, np.int32)
        if given:
            found = self.coded(one_row(given), allow_missing=True, unseen="refuse")[0]
        told = [name in given for name in self.gaps]
        found[:, : len(self.gaps)][:, np.logical_not(told)] = -1
        return found

    def modelled(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What is given of columns that are modelled: constants are as they are in all rows.

        Args:
            given: values of columns by name.

        Raises:
            BadInput: for a column that is not there, or a value that it cannot have.
        """
        check_given(given, self.schema)
        return {name: value for name, value in given.items() if name in self.schema.names}

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
        told = one_row(given).take(np.zeros(len(made), int))
        return _kept(made, np.repeat(self.gone(given)[None], len(made), 0), told)

    def gone(self, given: Mapping[str, Any]) -> Array:
        """Which cells are given as missing, (given,)."""
        row = dict(zip(self.names, self.row_of(given)[0].tolist(), strict=True))
        return np.array([row[name] < 0 for name in given], bool)

    def check_gone(self, given: Mapping[str, Any]) -> None:
        """Raise ``BadInput`` for a cell that is given as missing in a column without gaps."""
        for name, gone in zip(given, self.gone(given), strict=True):
            require(
                name in self.gaps or not gone,
                f"given: {name} is missing, and no training row is without it: give a value, or "
                "leave it out",
            )

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
