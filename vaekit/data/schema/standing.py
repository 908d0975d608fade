"""Rows that stand for all, where a table has very many: what its columns are is found by looking at
a million of them, and counted in all.

A column is looked at in rows chosen at random, and beside them in the first row of each value that
these do not hold: of a column that has at most a million different values no value goes unseen. Of
one with more, the smallest and the largest number are seen, and text that is no number among texts
that are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Column
from vaekit.data.schema.arrow_types import is_known
from vaekit.data.schema.cells import TEXT, Cells
from vaekit.data.schema.columns import ColumnSchema
from vaekit.data.schema.words import NUMBER
from vaekit.system.seeding import some
from vaekit.system.types import Array

MOST, FIRST, ODD = 2**20, 100, 1_000  # rows that are chosen; that come first; texts of no number


@dataclass(frozen=True)
class Standing:
    """Which of very many rows are looked at, the same of any table of so many rows.

    Args:
        chosen: numbers of rows, rising.
        training: whether each of all rows is trained on, (N,).
    """

    chosen: Array
    training: Array

    @classmethod
    def of(cls, count: int, rows: Array | None) -> Standing:
        """Of so many rows.

        Args:
            count: of all rows.
            rows: numbers of those that are trained on; None for all.
        """
        training = np.full(count, rows is None)
        if rows is not None:
            training[rows] = True
        return cls(some(count, MOST, "standing", count).sort().values.numpy(), training)

    def looked_at(self, cells: Cells) -> tuple[Cells, Array]:
        """The cells of a column that are looked at, and which of them are trained on and chosen, by
        their numbers among these.

        Args:
            cells: all of the column.
        """
        beside = _unseen(cells.column, self.chosen) if is_known(cells.column.type) else []
        wanted, own = np.zeros((2, len(self.training)), bool)
        wanted[:FIRST] = True
        for some_rows in (self.chosen, *beside):
            wanted[some_rows] = True
        own[self.chosen] = True
        rows = np.flatnonzero(wanted)
        place = replace(cells.place, rows=rows + cells.place.start)
        found = replace(cells, column=cells_of.taken(cells.column, rows), place=place)
        return found, np.flatnonzero((own & self.training)[rows])

    def counted(self, column: ColumnSchema, cells: Cells) -> ColumnSchema:
        """The column with what all training rows say of how often its levels, and gaps, come.

        Args:
            column: as it was found.
            cells: all of it.
        """
        total: Array = np.zeros(1, np.int64)
        for start, part in _slices(cells.column):
            own = self.training[start : start + len(part)]
            here = replace(cells, column=part.filter(pa.array(own)))
            total = total + column.coding.tally(column.cells(here))
        gaps = float(total[-1] / max(self.training.sum(), 1))
        return replace(column, coding=column.coding.with_rows(total[:-1]).used, gaps=gaps)


def _slices(column: Column) -> Iterator[tuple[int, Column]]:
    for start in range(0, len(column), MOST):
        yield start, column.slice(start, MOST)


def _plain(part: Column) -> pa.Array:
    """Without a dictionary, in one piece."""
    return cells_of.plain(part).combine_chunks()


def _unseen(column: Column, chosen: Array) -> list[Array]:
    """Numbers of the rows that are looked at beside those that are chosen."""
    known, found = _plain(cells_of.taken(column, chosen)).unique(), list[Array]()
    for start, part in _slices(column):
        encoded = _plain(part).dictionary_encode()
        new = pc.invert(pc.is_in(encoded.dictionary, value_set=known))
        known = pa.concat_arrays([known, encoded.dictionary.filter(new)])
        if len(known) > MOST:
            break
        places = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
        first = np.flatnonzero(np.diff(np.maximum.accumulate(places), prepend=-1))
        found.append(start + first[new.to_numpy(zero_copy_only=False)])  # in its values' order
        found.append(start + np.flatnonzero(places < 0)[:1])
    else:
        return found
    return [*found, *(start + _outermost(_plain(part)) for start, part in _slices(column))]


def _outermost(part: pa.Array) -> Array:
    """The rows of the smallest and the largest of some numbers; of text, of those it says, and of
    text that says none."""
    odd = np.empty(0, np.int64)
    if cells_of.is_text(part.type):
        fine = pc.match_substring_regex(pc.utf8_trim_whitespace(part.cast(TEXT)), NUMBER)
        odd = np.flatnonzero(~pc.fill_null(fine, fill_value=False).to_numpy(zero_copy_only=False))
        try:
            part = pc.if_else(fine, part, pa.scalar(None, part.type)).cast(pa.float64())
        except pa.ArrowInvalid:
            return odd[:ODD]
    ends = pc.min_max(part)
    each = [pc.index(part, ends[name]).as_py() for name in ("min", "max") if ends[name].is_valid]
    return np.concatenate([odd[:ODD], np.array(each, np.int64)])
