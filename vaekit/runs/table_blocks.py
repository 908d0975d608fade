"""Blocks of a table's rows: its cells by the model, and all that the model does not say."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from vaekit.codec.ans import LOW, Stack
from vaekit.codec.bits_back import Given
from vaekit.codec.blocks import (
    CELLS,
    FIRST_LANES,
    VERBATIM,
    Below,
    compress,
    decompress_above,
    lanes_near,
)
from vaekit.codec.graphs import fixed_point_copy
from vaekit.codec.within import Within
from vaekit.data.coding import TableCoding
from vaekit.data.readers.columns import Place
from vaekit.data.readers.dialect import Dialect
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.columns import ColumnSchema
from vaekit.data.verbatim import check_of, same
from vaekit.runs.literals import Literal, packed, unpacked
from vaekit.runs.table_form import TableForm, fingerprint_of
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.types import Array

BATCH, ROWS_A_LANE, ROWS_A_FIRST_LANE = 1024, 128, 1024
TRIED = 4096  # rows by which it is seen whether plain coders might do better
LENGTH = struct.Struct("<Q")


@dataclass(frozen=True)
class Rows:
    """Rows of a table, to be coded.

    Args:
        columns: all of the table's, in order, without dictionaries.
        levels: of the model's columns, (N, D); -1 for a gap.
    """

    columns: tuple[pa.Array, ...]
    levels: Array

    def __len__(self) -> int:
        return len(self.levels)

    def part(self, start: int, count: int) -> Rows:
        """Some of them, apart from the others: another process gets these alone."""
        each = (pa.concat_arrays([column.slice(start, count)]) for column in self.columns)
        return Rows(tuple(each), self.levels[start : start + count])


@dataclass(frozen=True)
class TableCoder:
    """What blocks of a table are coded with.

    Args:
        model: a fixed-point copy.
        coding: how the model's columns are levels.
        form: of the table.
        dialect: how its cells are read.
    """

    model: Any
    coding: TableCoding
    form: TableForm
    dialect: Dialect

    @classmethod
    def of(cls, trained: Trained, form: TableForm, dialect: Dialect) -> TableCoder:
        """That of a trained model.

        Raises:
            BadInput: for a model without an exact form, or another than wrote the form.
        """
        coding = coding_of(trained)
        same_coding = fingerprint_of(coding) == form.coding
        require(same_coding, "the file was compressed with a model of other columns")
        missing = set(coding.schema.names) - set(form.known)
        require(not missing, "the header makes no sense: columns of the model are not there")
        return cls(fixed_point_copy(trained.model), coding, form, dialect)

    @cached_property
    def within(self) -> list[Within]:
        """Of each of the model's columns, its values inside their levels."""
        each = (column.coding.pieces for column in self.coding.schema.columns)
        return [Within.of(p.first, p.weight, p.size, far=p.far) for p in each]

    @cached_property
    def places(self) -> list[int]:
        """Where each of the model's columns stands in the table."""
        return [self.form.known.index(name) for name in self.coding.schema.names]

    def encode(self, rows: Rows) -> tuple[int, bytes]:
        """The shortest coding of rows: its kind and its bytes."""
        modelled, few = self._by_model(rows), rows.part(0, TRIED)
        promise = len(_verbatim(few)) / len(few) * len(rows)
        plain = _verbatim(rows) if promise < len(modelled) else None
        if plain is not None and len(plain) < len(modelled):
            return VERBATIM, plain
        return CELLS, modelled

    def decode(self, kind: int, payload: bytes, rows: int, given: Given | None = None) -> pa.Table:
        """The rows of a block.

        Args:
            kind: of the block.
            payload: its bytes.
            rows: how many it holds.
            given: nothing.
        """
        require(kind in (CELLS, VERBATIM), f"there is no kind {kind} of blocks of tables")
        columns = dict[int, pa.Array]()
        literal_end, start = len(payload), 0
        if kind == CELLS:
            (length,) = LENGTH.unpack_from(payload)
            start, literal_end = LENGTH.size, LENGTH.size + length
            require(literal_end <= len(payload), "it is cut off")
        literals = unpacked(payload[start:literal_end], self.form.types, rows)
        if kind == CELLS:
            columns = self._modelled(payload[literal_end:], rows, literals)
        columns |= {i: one.over(columns.get(i), rows) for i, one in literals.items()}
        require(len(columns) == len(self.form.types), "columns are missing")
        return self.form.table([columns[i] for i in range(len(columns))])

    def check_of(self, rows: Rows | pa.Table) -> int:
        """A CRC-32 of all cells."""
        return check_of(rows.columns)

    def joined(self, parts: Sequence[pa.Table]) -> pa.Table:
        """Rows of several blocks, one after the other."""
        return pa.concat_tables(parts)

    def _by_model(self, rows: Rows) -> bytes:
        levels, untold = self._told(rows.levels)
        most = lanes_near(len(rows) // ROWS_A_LANE)
        stack = Stack.new(min(most, max(len(rows) // ROWS_A_FIRST_LANE, FIRST_LANES)))
        literals = {i: Literal(c) for i, c in enumerate(rows.columns) if i not in self.places}
        inside = []
        for j, column in enumerate(self.coding.schema.columns):
            codes = levels[:, len(self.coding.gaps) + j]
            piece, place = self._inside(column, rows, j)
            piece[untold[:, j]] = column.coding.pieces.any_of(self.usual[j])
            inside.append((codes, piece, place))
            wanted = rows.columns[self.places[j]]
            found = self._values(j, codes, piece, place)
            other = None if found is None else np.flatnonzero(~same(found, wanted))
            if other is None or len(other):
                cells = wanted if other is None else wanted.take(pa.array(other))
                literals[self.places[j]] = Literal(cells, other)
        for within, (codes, piece, place) in reversed([*zip(self.within, inside, strict=True)]):
            within.push(stack, codes, piece, place)
        beside = packed(dict(sorted(literals.items())))
        coded = compress(self.model, levels, below=Below(stack, most, BATCH))
        return LENGTH.pack(len(beside)) + beside + coded

    def _modelled(
        self, payload: bytes, rows: int, literals: Mapping[int, Literal]
    ) -> dict[int, pa.Array]:
        """The model's columns, by where they stand in the table; not those that are there
        anyhow."""
        shape = (len(self.coding.names),)
        levels, stack = decompress_above(self.model, payload, rows, shape, batch=BATCH)
        found = dict[int, pa.Array]()
        for j, (within, at) in enumerate(zip(self.within, self.places, strict=True)):
            codes = levels[:, len(self.coding.gaps) + j]
            piece, place = within.pop(stack, codes)
            if at in literals and literals[at].rows is None:
                continue
            column = self._values(j, codes, piece, place)
            require(column is not None, "a column is of another type")
            found[at] = column
        clean = not stack.size and bool((stack.heads == LOW).all())
        require(clean, "there is more in it than its rows")
        return found

    @cached_property
    def usual(self) -> list[int]:
        """The most frequent level of each of the model's columns."""
        return [int(np.argmax(column.coding.rows)) for column in self.coding.schema.columns]

    def _told(self, levels: Array) -> tuple[Array, Array]:
        """Levels in which no cell is missing without an earlier one that says so, and which were,
        (N, columns of the schema)."""
        own = levels[:, len(self.coding.gaps) :]
        untold = own < 0
        untold[:, self.coding.places] = False
        told = levels.astype(np.int64)
        told[:, len(self.coding.gaps) :][untold] = np.broadcast_to(self.usual, own.shape)[untold]
        return told, untold

    def _inside(self, column: ColumnSchema, rows: Rows, number: int) -> tuple[Array, Array]:
        one = pa.chunked_array([rows.columns[self.places[number]]])
        cells = column.cells(Cells(column.name, one, Place("the table"), self.dialect))
        codes = rows.levels[:, len(self.coding.gaps) + number].astype(np.int64)
        return column.coding.inside(cells, codes)

    def _values(self, number: int, codes: Array, piece: Array, place: Array) -> pa.Array | None:
        """A column's values as the table has them; None where they cannot be of its type."""
        column = self.coding.schema.columns[number]
        kind = self.form.types[self.places[number]]
        found = column.coding.held(piece, place)
        if column.name in self.form.texts:
            return self.form.texts[column.name].of(found, codes).cast(kind)
        found = found.dictionary_decode() if pa.types.is_dictionary(found.type) else found
        try:
            return found.cast(kind, safe=False)
        except pa.ArrowException:
            return None


def _verbatim(rows: Rows) -> bytes:
    """Rows without the model."""
    return packed({i: Literal(column) for i, column in enumerate(rows.columns)})
