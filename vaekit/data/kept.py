"""Filled cells beside those that are there: each column keeps what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.as_written import AsWritten
from vaekit.data.coding import as_type, said
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers import mapping
from vaekit.data.readers.columns import Column
from vaekit.data.readers.tables import Table
from vaekit.data.schema import TableSchema
from vaekit.data.schema.cells import Cells, safe_cells
from vaekit.data.schema.columns import ColumnSchema
from vaekit.data.schema.corrections import NUMBERS
from vaekit.system.checks import BadInput
from vaekit.system.types import Array

UNLIKE, PASSES = (pa.ArrowException, OverflowError), 3
UNLIKE_TYPES = (
    "{}: column {!r} holds values of type {}, and those of the training are of type {}, which "
    "cannot stand beside each other: make them alike"
)


class Filling(Protocol):
    """How the columns of rows are put together of what is there and what is made."""

    def filled(self, made: pa.Table, own: Table) -> pa.Table:
        """Rows as they were read, their gaps filled; columns that are not there come last.

        Args:
            made: values of all the model's columns.
            own: the rows with all columns, as they were read.
        """


@dataclass(frozen=True)
class Kept:
    """How columns with gaps are filled: what is there stays exactly as it is, also where the model
    does not know it; columns that the model does not make stay whole.

    Args:
        schema: of the model's columns.
        types: of the filled columns, by name: those of the model where they hold all that is
            there exactly, else such as hold both.
    """

    schema: TableSchema
    types: Mapping[str, pa.DataType]

    @classmethod
    def of(cls, schema: TableSchema, own: Table) -> Kept:
        """For some rows.

        Args:
            schema: of the model's columns.
            own: all rows with all columns, as they were read.

        Raises:
            BadInput: for a column whose values no type holds beside the model's.
        """
        made = schema.values(np.zeros((0, len(schema.names)), np.int32), np.random.default_rng(0))
        there = {name: made[name].type for name in own.columns if name in made}
        types: Mapping[str, pa.DataType] = there
        for _ in range(PASSES):  # what is wider for later rows must hold the earlier ones too
            before, types = types, _types(schema, own, types)
            if types == before:
                return cls(schema, types)
        odd = next(name for name in types if types[name] != before[name])
        raise BadInput(UNLIKE_TYPES.format(own.place.name, odd, own.columns[odd].type, there[odd]))

    def filled(self, made: pa.Table, own: Table) -> pa.Table:
        """Rows as they were read, their gaps filled; columns that are not there come last.

        Args:
            made: values of all the model's columns.
            own: the rows with all columns, as they were read.
        """
        modelled = _by_name(self.schema)
        columns = {
            n: self._column(n, made[n], own, modelled.get(n)) if n in self.types else c
            for n, c in own.columns.items()
        }
        absent = [name for name in made.column_names if name not in columns]
        return pa.table(columns | {name: made[name] for name in absent})

    def _column(self, name: str, made: Column, own: Table, modelled: ColumnSchema | None) -> Column:
        kind = self.types[name]
        inner = cells_of.value_type(kind)
        gone = gaps_of(own, name, modelled)
        there = _as(own, name, _known(own, name, modelled), inner)
        made = likened(made, own, name, modelled)
        filled = cells_of.plain(made).cast(inner, safe=False)
        both = pc.if_else(pa.array(gone), filled, there)
        return _with_levels(both, kind, made) if _levels(kind) else both


def _types(
    schema: TableSchema, own: Table, types: Mapping[str, pa.DataType]
) -> Mapping[str, pa.DataType]:
    """Types that hold all rows, looked at some at a time, and what is of these types."""
    modelled = _by_name(schema)
    for part in own.slices(mapping.rows_at_once(len(own.columns))):
        types = {n: _type(part, n, _known(part, n, modelled.get(n)), k) for n, k in types.items()}
    return types


def _by_name(schema: TableSchema) -> dict[str, ColumnSchema]:
    """The columns that are modelled; others that the model makes are constant."""
    return {column.name: column for column in schema.columns}


def _known(own: Table, name: str, modelled: ColumnSchema | None) -> Column:
    """A column in which what means that a cell is missing is a gap."""
    return own.columns[name] if modelled is None else modelled.known(own)


def as_written(schema: TableSchema, *, formulas: bool = True) -> AsWritten:
    """How the columns of a file of text are filled so that they stay as they are written.

    Args:
        schema: of the model's columns.
        formulas: whether what is filled in may look like a spreadsheet's formula.
    """
    modelled = _by_name(schema)

    def made_like(made: Column, own: Table, name: str) -> Column:
        known = modelled.get(name)
        found = likened(made, own, name, known)
        numbers = known is not None and known.kind in (*NUMBERS, "time")  # -5 kg is no formula
        return found if formulas or numbers else safe_cells(cells_of.plain(found))

    return AsWritten(lambda own, name: gaps_of(own, name, modelled.get(name)), made_like)


def likened(made: Column, own: Table, name: str, modelled: ColumnSchema | None) -> Column:
    """What is made for a column, in the way in which that writes it.

    Args:
        made: one value for each row.
        own: the table that holds the column.
        name: of the column.
        modelled: what the model knows of it; None for a constant.
    """
    if modelled is None:
        return made
    return modelled.coding.as_in(made, modelled.cells(Cells.of(own, name)))


def gaps_of(own: Table, name: str, modelled: ColumnSchema | None) -> Array:
    """Which cells are missing, (rows,): not those that the model does not know.

    Args:
        own: the table that holds the column.
        name: of the column.
        modelled: what the model knows of it; None for a constant.
    """
    cells = Cells.of(own, name)
    if modelled is None:
        return cells.missing
    codes, unknown = modelled.coding.codes(modelled.spelled(cells))
    return (codes < 0) & ~unknown


def _as(own: Table, name: str, column: Column, kind: pa.DataType) -> Column:
    """A column as values of a type that holds them."""
    if column.null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column), kind)])
    return as_type(replace(own, columns={name: column}), name, kind)


def _type(own: Table, name: str, column: Column, made: pa.DataType) -> pa.DataType:
    """The type for what is there and what is made.

    Raises:
        BadInput: where there is none.
    """
    kind = cells_of.value_type(made)
    column = said(replace(own, columns={name: column}), name, kind)
    fine = (k for k in (kind, _wider(column.type, kind), column.type) if _fits(k, kind, column))
    found = next(fine, None)
    if found is None:
        raise BadInput(UNLIKE_TYPES.format(own.place.name, name, column.type, kind))
    return pa.dictionary(made.index_type, found, made.ordered) if _levels(made) else found


def _fits(kind: pa.DataType | None, made: pa.DataType, column: Column) -> bool:
    """Whether a type holds a column exactly, and what is made."""
    if kind is None or _has_zone(made) != _has_zone(kind) or not _holds(kind, column):
        return False
    try:
        return bool(pa.array([], made).cast(kind).type == kind)
    except UNLIKE:
        return False


def _levels(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind))


def _holds(kind: pa.DataType, column: Column) -> bool:
    """Whether a type holds all values of a column exactly."""
    if column.type == kind or column.null_count == len(column):
        return True
    if _has_zone(column.type) != _has_zone(kind):
        return False
    try:
        again = column.cast(kind).cast(column.type, safe=False)
    except UNLIKE:
        return False
    same = pc.fill_null(pc.equal(again, column), pa.scalar(value=True))
    if pa.types.is_floating(column.type):
        same = pc.or_(same, pc.fill_null(pc.is_nan(column), pa.scalar(value=True)))
    return bool(pc.all(same, min_count=0).as_py())


def _has_zone(kind: pa.DataType) -> bool:
    """Whether times of a type have a zone."""
    return bool(pa.types.is_timestamp(kind) and kind.tz)


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """A type that holds values of both; None where there is none."""
    schemas = [pa.schema([("x", kind)]) for kind in (one, other)]
    try:
        found: pa.DataType = pa.unify_schemas(schemas, promote_options="permissive").field(0).type
    except UNLIKE:
        return None
    return found


def _with_levels(values: Column, kind: pa.DataType, made: Column) -> Column:
    """Values as categories: the model's in their order, then others."""
    values, known = values.combine_chunks(), pa.array([], kind.value_type)
    if _levels(made.type) and made.num_chunks:
        known = made.unify_dictionaries().chunk(0).dictionary.cast(kind.value_type)
    seen = pc.drop_null(pc.unique(values))
    more = seen.filter(pc.invert(pc.is_in(seen, value_set=known)))
    known = pa.concat_arrays([known, more.cast(known.type)])
    index = kind.index_type if len(known) < 2 ** (kind.index_type.bit_width - 1) else pa.int32()
    places = pc.index_in(values, value_set=known).cast(index)
    return pa.chunked_array([pa.DictionaryArray.from_arrays(places, known, ordered=kind.ordered)])
