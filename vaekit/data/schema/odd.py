"""Cells that say something else than nearly all others of their column, numbers that may stand for
nothing, and rows of totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.dialect import if_missing
from vaekit.data.readers.tables import Table
from vaekit.data.schema.cells import TEXT
from vaekit.data.schema.looked import Looked
from vaekit.system.types import Array

ENOUGH, RARE, MOST = 20, 0.01, 3
OFTEN, VARIED = 3, 10  # rows of a code for missing; different numbers beside it
NO_DIGIT, BEGINS = r"^[^0-9]*$", r"^[\pL#]"
INFINITE = r"^[+-]?(?i:inf|infinity|nan)$"
TOTALS = (
    "total", "totals", "grand total", "subtotal", "sum", "sums", "summe", "gesamt", "gesamtsumme",
    "insgesamt", "endsumme", "totale", "somme", "suma", "totaal", "итого", "всего", "合计", "总计",
)  # fmt: skip


def odd_texts(looked: Looked) -> tuple[str, ...]:
    """The words in a column nearly all of whose cells hold digits: at most three different ones, in
    at most one cell of a hundred; nothing where there are more.

    Args:
        looked: a column of text.
    """
    values, rows = looked.cells.text.values, looked.cells.text.rows
    if int((rows >= 0).sum()) < ENOUGH or len(values) < ENOUGH:
        return ()
    infinite, plain, begins = (_match(values, p) for p in (INFINITE, NO_DIGIT, BEGINS))
    counts = np.bincount(rows[rows >= 0], minlength=len(values))
    for words in (plain | begins, plain):
        odd = words & ~infinite
        if _are_few(odd, counts):
            return tuple(values.filter(pa.array(odd)).to_pylist())
    return ()


def _match(values: pa.Array, pattern: str) -> Array:
    found: Array = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False)
    return found


def _are_few(odd: Array, counts: Array) -> bool:
    return 0 < odd.sum() <= MOST and counts[odd].sum() <= RARE * counts.sum()


def odd_note(looked: Looked, odd: Sequence[str], kind: str) -> str:
    """What becomes of odd cells, and what says otherwise.

    Args:
        looked: their column.
        odd: what they say.
        kind: of the column without them.
    """
    values, rows = looked.cells.text.values, looked.cells.text.rows
    known = np.append(
        pc.is_in(values, value_set=pa.array(odd, TEXT)).to_numpy(zero_copy_only=False), False
    )
    which = known[rows]
    first = int(which.argmax())
    where = looked.cells.place.row(first, f" holds {values[int(rows[first])].as_py()!r}")
    more = int(which.sum()) - 1
    others = f" (and {more:,} more cells)" if more else ""
    return (
        f"column {looked.name!r}: {where}{others}, unlike all others, which are of type {kind}: "
        'taken as missing (otherwise: type = "category" in a schema)'
    )


def codes_among(numbers: Array) -> Iterator[tuple[float, int]]:
    """The least and the greatest number, with its rows, where it looks like a code for a missing
    value: it comes several times, and farther from all others than these lie from each other.

    Args:
        numbers: of a column, without gaps.
    """
    for end in (np.min, np.max) if len(numbers) else ():
        code = end(numbers)
        others = numbers[numbers != code]
        count = len(numbers) - len(others)
        if count < OFTEN or not len(others):
            continue
        nearest, span = end(others), float(others.max()) - float(others.min())
        if abs(float(code) - float(nearest)) > span and len(np.unique(others)) >= VARIED:
            yield code.item(), count


def code_note(looked: Looked, shown: str, count: int) -> str:
    """That a number may stand for nothing, and how to say so.

    Args:
        looked: its column.
        shown: the number, as people write it.
        count: its rows.
    """
    return (
        f"column {looked.name!r}: {count:,} cells hold {shown}, far from all others; "
        f'{if_missing(shown)}, or missing = ["{shown}"] in a schema'
    )


def totals_note(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """That the last row looks like a row of totals.

    Args:
        table: of any columns.
        names: of those that count.
    """
    last = table.rows - 1
    for name in names:
        column = table.columns[name]
        if not cells_of.is_text(cells_of.value_type(column.type)):
            continue
        said = str(column[last].as_py()).strip(" :.").casefold()
        if said in TOTALS:
            where = table.place.row(last, f" holds {column[last].as_py()!r} in column {name!r}")
            return (f"{where}: if these are totals of the rows above, leave that row out",)
    return ()
