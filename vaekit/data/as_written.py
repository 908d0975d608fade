"""Filled cells among those of a text: what is there stays the text that it is, what is made is
written as its column writes its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Column
from vaekit.data.readers.tables import Table
from vaekit.data.schema.cells import TEXT
from vaekit.data.schema.texts import SHORT, Texts, texts_of
from vaekit.system.types import Array

Gaps = Callable[[Table, str], Array]
Likened = Callable[[Column, Table, str], Column]


@dataclass(frozen=True)
class AsWritten:
    """How the columns of a text are filled.

    Args:
        gaps: which cells of a table's column are missing, (rows,).
        likened: what is made for a column, in the way in which the table's writes it.
    """

    gaps: Gaps
    likened: Likened

    def filled(self, made: pa.Table, own: Table) -> pa.Table:
        """Rows as they were read, in text, their gaps filled; columns that are not there come last.

        Args:
            made: values of columns.
            own: the rows with all columns, as they were read: text.
        """
        columns = {
            name: self._column(made[name], own, name) if name in made.column_names else column
            for name, column in own.columns.items()
        }
        absent = [name for name in made.column_names if name not in columns]
        return pa.table(columns | {name: texts_in(made[name], own) for name in absent})

    def _column(self, made: Column, own: Table, name: str) -> Column:
        gone, raw = self.gaps(own, name), own.columns[name].cast(TEXT)
        if not gone.any():
            return raw
        texts = texts_like(self.likened(made, own, name), own, name, gone)
        return pc.if_else(pa.array(gone), texts, raw)


def texts_like(made: Column, own: Table, name: str, gone: Array) -> Column:
    """Values in text, numbers as those of a column of text are written: with its marks, and as many
    decimals where these are enough.

    Args:
        made: one for each row.
        own: the table that holds the column.
        name: of the column.
        gone: which of its cells are missing, (rows,).
    """
    typed = own.typed(name)
    if not _counts(made.type) or not _counts(typed.type) or gone.all():
        return texts_in(made, own)
    raw = own.columns[name].cast(TEXT).combine_chunks()
    codes, dialect = np.where(gone, -1, 0), own.dialect
    how = texts_of(
        raw, typed.combine_chunks(), codes, single=np.zeros(1, bool),
        decimal=dialect.decimal or ".", thousands=dialect.thousands or "",
    )  # fmt: skip
    return _in(how, made)


def texts_in(made: Column, own: Table) -> Column:
    """Values in text, with a table's mark of decimals.

    Args:
        made: the values.
        own: the table.
    """
    made = cells_of.plain(made)
    mark = own.dialect.decimal or "."
    if _counts(made.type):
        return _in(Texts(decimal=mark), made)
    found = made.cast(TEXT)
    fractions = pa.types.is_decimal(made.type) and mark != "."
    return pc.replace_substring(found, ".", mark) if fractions else found


def _counts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _in(how: Texts, made: Column) -> Column:
    """Numbers as they are written, but for decimals that are too few for one of them."""
    numbers = made.drop_null().to_numpy()
    if how.places >= 0 and (np.round(numbers, how.places) != numbers).any():
        how = replace(how, places=SHORT)
    found = how.of(made.combine_chunks(), np.zeros(len(made), np.int64))
    return pa.chunked_array([pc.if_else(made.combine_chunks().is_null(), None, found)])
