"""Columns of categories, found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Column
from vaekit.data.readers.dialect import if_missing
from vaekit.data.schema import categories
from vaekit.data.schema.category_coding import CategoryCoding, inside
from vaekit.data.schema.cells import TEXT
from vaekit.data.schema.looked import SHOWN, Found, Looked, distinct, modelled, text_of
from vaekit.system.types import Array

ENOUGH, NEARLY_ALL = 20, 0.99
LONG, LONGEST_ID, MANY, MOSTLY = 60, 40, 0.5, 0.5
NUMBER = r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$"
ZERO = r"^\s*[+-]?0\d+\s*$"


def holds_codes(column: Column) -> bool:
    """Whether a column is text, and some of it digits that begin with 0: no numbers to count with.

    Args:
        column: as it was read.
    """
    if not cells_of.is_text(column.type):
        return False
    return bool(pc.any(pc.match_substring_regex(column, ZERO), min_count=0).as_py())


def words_of(looked: Looked) -> Found:
    """Categories, unless nearly each row has its own."""
    values, rows = distinct(looked)
    present = int((rows >= 0).sum())
    if inside(looked.cells.column.type) == TEXT and present >= ENOUGH:
        lengths = pc.utf8_length(values)
        length = float(pc.mean(lengths).as_py() or 0)
        if length > LONG and len(values) > MANY * present:
            return looked.aside("text", "it holds texts, most of them different")
        if len(values) >= NEARLY_ALL * present:
            long = length > LONGEST_ID
            kind, why = (
                ("text", "it holds a text for each row")
                if long
                else ("identifier", "each row has its own")
            )
            return looked.aside(kind, why)
    return category_of(looked, "category")


def category_of(looked: Looked, kind: str) -> Found:
    """Values that are compared whole."""
    stored = looked.cells.column.type
    values, rows = distinct(looked)
    values = values.cast(inside(stored))
    counts = np.bincount(looked.training(rows) + 1, minlength=len(values) + 1)[1:]
    order = _order(looked, values, kind)
    places = pc.fill_null(pc.index_in(order, value_set=values), -1).to_numpy(zero_copy_only=False)
    counts = np.append(counts, 0)[places]
    each = kind != "category" or bool(looked.said.levels)
    seen = (counts > 0) | (looked.among > 0) | (counts.sum() == 0)
    there = order.filter(pa.array(seen))
    levels = categories.levels_of(there, counts[seen], each=each).among(order, seen)
    notes = _mixed(looked, values, rows) if kind == "category" else ()
    if len(levels.others):
        share = levels.rows[len(levels.values) :].sum() / max(levels.rows.sum(), 1)
        note = (
            f"column {looked.name!r}: {len(levels.others):,} rare ones of {len(there):,} "
            f"categories, {share:.0%} of the training rows, share a level, in which they are drawn "
            "by frequency"
        )
        notes = (*notes, note)
    coding = CategoryCoding(stored, levels, kind == "ordered")
    return modelled(looked, kind, coding, rows < 0, notes)


def _order(looked: Looked, values: pa.Array, kind: str) -> pa.Array:
    """Of the levels: as a person or the column's type says, else by value."""
    stored = looked.cells.column.type
    if looked.said.levels:
        wanted = pa.array(looked.said.levels, TEXT)
        try:
            order = wanted.cast(values.type)
        except pa.ArrowInvalid:
            raise looked.refuse(f"holds {values.type}, and so levels must do") from None
        odd = values.filter(pc.invert(pc.is_in(values, value_set=order)))
        if len(odd):
            raise looked.refuse(
                f"holds {text_of(odd)!r}, which is not among its levels in the schema; add it, or "
                f"say missing = [{text_of(odd)!r}]"
            )
        return order
    if pa.types.is_dictionary(stored):
        chunks = looked.cells.column.unify_dictionaries()
        known = chunks.chunk(0).dictionary.cast(values.type)
        return known.filter(pc.is_valid(known))
    if kind == "ordered" and values.type == TEXT:
        raise looked.refuse('is to be ordered; say how: levels = ["low", "high"] in the schema')
    return values.take(pc.sort_indices(values))


def _mixed(looked: Looked, values: pa.Array, rows: Array) -> tuple[str, ...]:
    """That most of the texts are numbers, and which is the first that is none."""
    if values.type != TEXT or not len(values) or looked.said.type:
        return ()
    number = pc.match_substring_regex(values, NUMBER)
    is_number = number.to_numpy(zero_copy_only=False)
    zeros = bool(pc.any(pc.match_substring_regex(values, ZERO)).as_py())
    if is_number.mean() < MOSTLY or zeros or is_number.all():
        return ()
    row = int(np.argmax(np.append(~is_number, False)[rows]))
    where = looked.cells.place.row(row)
    cell = values[int(rows[row])].as_py()
    said = if_missing(repr(cell) if len(cell) < SHOWN else "")
    note = (
        f"column {looked.name!r} is read as categories, since {where} holds {cell!r}, which is no "
        f"number; {said}"
    )
    return (note,)
