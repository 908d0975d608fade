"""Lines above a table's header, as spreadsheets and banks write them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence

MOST, FEWEST, DIGIT_SHARE = 30, 3, 0.5
DIGIT = re.compile(r"\d")


def titles(records: Sequence[Sequence[str]], wanted: Collection[str] = ()) -> int:
    """How many records stand above the header; 0 where that is the first.

    A title fills at most half of a table's columns, the first among them. The header is the first
    record that fills more: all of them with different words, over cells with digits in some column.

    Args:
        records: of cells, from the beginning.
        wanted: names that columns should have, where they are known.
    """
    widths = Counter(map(len, records))
    width = max(widths, key=lambda size: (widths[size], size), default=0)
    if width < FEWEST or (wanted and set(wanted) <= {cell.strip() for cell in records[0]}):
        return 0
    for place, record in enumerate(records[:MOST]):
        filled = [cell.strip() for cell in record if cell.strip()]
        if 2 * len(filled) > width:
            return place if _is_header(record, records[place + 1 :], width) else 0
        if not record[0].strip():
            return 0
    return 0


def _is_header(record: Sequence[str], body: Sequence[Sequence[str]], width: int) -> bool:
    """Whether a record names the columns of those below."""
    names = {cell.strip() for cell in record} - {""}
    if len(record) != width or len(names) < width or any(name[0].isdigit() for name in names):
        return False
    rows = [row for row in body if len(row) == width]
    return any(_has_digits([row[i] for row in rows]) > DIGIT_SHARE for i in range(width) if rows)


def _has_digits(cells: Sequence[str]) -> float:
    """The share of cells with a digit."""
    return sum(bool(DIGIT.search(cell)) for cell in cells) / len(cells)
