"""Looking at the beginning of a text table: separator, decimals, header, comments."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from vaekit.data.readers.dialect import MISSING, Dialect, shown
from vaekit.data.readers.marks import NUMBERLIKE, PLAIN, WITH_UNIT, decimals
from vaekit.data.readers.roles import check_once
from vaekit.data.readers.titles import titles
from vaekit.system.checks import BadInput, require

SEPARATORS = (",", ";", "\t", "|", " ")
RECORDS, FEW, MOSTLY = 1000, 4, 0.9
LESS, STRONGER = 0.9, re.compile(r"[;\t|]")
WHOLE = re.compile(r"\d+")
HINT = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
NOT_COMMENTS = tuple(mark for mark in MISSING if mark.startswith("#"))
Record = list[str]
Said = tuple[str, str]


@dataclass(frozen=True)
class Layout:
    """How a table is written, and where it begins.

    Args:
        dialect: with every field found.
        names: of the columns, from the first line or made up.
        lines: of the file before the first row.
        said: what is unusual, in words, each with the field of the dialect that it is about.
    """

    dialect: Dialect
    names: tuple[str, ...]
    lines: int
    said: tuple[Said, ...] = ()


class Lines:
    """The lines of a text, without those that are empty or comments.

    Args:
        text: what is read.
        comment: what comments begin with; "" for nothing.
        squeeze: whether runs of spaces are one.
    """

    def __init__(self, text: io.TextIOBase, comment: str = "", *, squeeze: bool = False) -> None:
        self.text, self.comment, self.squeeze = text, comment, squeeze
        self.number, self.first, self.skipped = 0, 0, list[str]()

    def __iter__(self) -> Iterator[str]:
        for line in self.text:
            self.number += 1
            if self.comment and is_comment(line, self.comment):
                self.skipped.append(line)
            elif line.strip():
                self.first = self.first or self.number
                yield re.sub(" +", " ", line.strip()) + "\n" if self.squeeze else line


def look(head: str, asked: Dialect, wanted: Collection[str] = (), *, strict: bool = True) -> Layout:
    """How a table is written.

    Args:
        head: its beginning, whole lines.
        asked: what somebody has said; it is not looked for.
        wanted: names that columns should have, where they are known.
        strict: whether what was said holds even for a table that has the names as it is.

    Raises:
        BadInput: for an empty table, names that are there twice, or numbers that can be read in two
            ways.
    """
    lines = Lines(io.StringIO(head, newline=""), _comment(head, asked))
    hint = HINT.fullmatch(head.split("\n", 1)[0])
    asked = asked.completed(comment=lines.comment, separator=hint and hint.group(1))
    free = None if strict else _separator_with(head, asked, wanted)
    if free and (asked.separator not in (None, free) or asked.decimal == free):
        asked = replace(asked, separator=free, decimal=None, thousands=None, header=None)
    separator = asked.separator or _separator(head, asked)
    found, start, ends = _records(head, separator, asked, 1 if hint else 0)
    require(bool(found), "the table is empty")
    if strict and separator not in head:
        _check_that_nothing_else_separates(head, asked)
    above = titles(found, wanted) if asked.header is None else 0
    if above:
        found, start, ends = found[above:], ends[above - 1] + 1, ends[above:]
        asked = asked.completed(header=True)
    first, width = found[0], _width(found)
    body = [r for r in found[1:] if len(r) == width] or found[1:]
    asked = asked.completed(separator=separator)
    commented = _commented_names(head, asked, width, found)
    asked, why = _header(asked, commented or first, body, wanted, named=bool(commented))
    rows = body if asked.header else [first, *body]
    asked = decimals(asked, rows)
    before = ends[0] if asked.header and not commented else start - 1
    names = _names(commented or first, width, wanted, rows) if asked.header else numbered(width)
    check_once(names)
    told = [(f"titles above the header, which is line {ends[0]}", "header")] if above else []
    told += _unnamed(commented or first, names, rows) if asked.header else ()
    return Layout(asked, names, before, (*_marks(asked, width), *told, *why))


def is_comment(line: str, mark: str) -> bool:
    """Whether a line is a comment; one that begins with #N/A is none."""
    line = line.lstrip()
    return line.startswith(mark) and not line.startswith(NOT_COMMENTS)


def numbered(width: int) -> tuple[str, ...]:
    """Names for columns without any."""
    return tuple(f"column{i}" for i in range(width))


def is_missing(cell: str, dialect: Dialect) -> bool:
    """Whether a cell says that there is nothing."""
    return cell.strip() in dialect.marks


def _comment(head: str, asked: Dialect) -> str:
    if asked.comment is not None:
        return asked.comment
    lines = head.splitlines()
    return "#" if 0 < sum(is_comment(line, "#") for line in lines) <= len(lines) / 2 else ""


def _records(
    head: str, separator: str, asked: Dialect, skip: int = 0
) -> tuple[list[Record], int, list[int]]:
    """The first records, the number of the first one's first line, and of the last line of each."""
    text = io.StringIO(head, newline="")
    for _ in range(skip):
        text.readline()
    lines = Lines(text, asked.comment or "", squeeze=separator == " ")
    lines.number, ends, found = skip, list[int](), list[Record]()
    try:
        for record in csv.reader(lines, delimiter=separator):
            ends.append(lines.number)
            found.append(record)
            if len(found) == RECORDS:
                break
    except csv.Error as error:
        raise BadInput(f"line {lines.number} makes no sense: {error}") from error
    return found, lines.first, ends


def _maybe_records(head: str, separator: str, asked: Dialect) -> list[Record]:
    """The first records, or none where they make no sense by this separator."""
    try:
        return _records(head, separator, asked)[0]
    except BadInput:
        return []


def _width(records: Sequence[Record]) -> int:
    """How many cells most rows have."""
    return Counter(map(len, records[1:] or records)).most_common(1)[0][0]


def _check_that_nothing_else_separates(head: str, asked: Dialect) -> None:
    """Raise ``BadInput`` where the separator that was said is nowhere, and another one is."""
    if other := _best_separator(head, asked):
        raise BadInput(
            f"{shown(asked.separator or '')} separates nothing here: the table seems to be "
            f"separated by {shown(other)}"
        )


def _best_separator(head: str, asked: Dialect) -> str | None:
    """What separates cells in a table; None where nothing does, as in that of a lone column."""
    scores = {s: _score(_maybe_records(head, s, asked), asked, s) for s in SEPARATORS}
    if asked.decimal == ",":
        scores[","] = 0.0
    best = max(SEPARATORS, key=lambda s: scores[s])
    return best if scores[best] > 0 else None


def _separator(head: str, asked: Dialect) -> str:
    if best := _best_separator(head, asked):
        return best
    first = next(iter(Lines(io.StringIO(head, newline=""), asked.comment or "")), "")
    return "," if "," in first and asked.decimal != "," else ";"  # a column alone has none


def _score(records: Sequence[Record], asked: Dialect, separator: str) -> float:
    """How well a separator does: as many cells in every row, and these are numbers, also with a
    unit. It does less well where the first line is short, or each line holds a stronger one. Spaces
    between nothing but words, here more and there fewer, separate none."""
    records = records[titles(records) if asked.header is None else 0 :]
    width = _width(records) if records else 0
    if width < 2 or not _fits(records[0], width, records[1:]):
        return 0.0
    body = [record for record in records[1:] if len(record) == width] or records[:1]
    agree = sum(len(record) == width for record in records) / len(records)
    cells = [cell.strip() for record in body for cell in record]
    numbers = sum(_counts(cell, asked) for cell in cells)
    if separator == " " and not numbers and agree < 1:
        return 0.0
    weak = len(records[0]) < width or all(any(map(STRONGER.search, r)) for r in records)
    return agree * (0.1 + numbers / len(cells)) * (LESS if weak else 1)


def _counts(cell: str, asked: Dialect) -> bool:
    return bool(NUMBERLIKE.fullmatch(cell) or WITH_UNIT.fullmatch(cell)) or is_missing(cell, asked)


def _fits(first: Record, width: int, body: Sequence[Record]) -> bool:
    """Whether the first line has a cell for each column, or each but the row's name."""
    return len(first) == width or (len(first) == width - 1 and _is_short(width, body))


def _is_short(width: int, body: Sequence[Record]) -> bool:
    """Whether rows have a cell more than names: what numbers or names them, or nothing at all."""
    rows = [row for row in body if len(row) == width]
    firsts, lasts = [row[0].strip() for row in rows], [row[-1].strip() for row in rows]
    return bool(rows) and (
        counts_up(firsts) or not any(map(NUMBERLIKE.fullmatch, firsts)) or not any(lasts)
    )


def counts_up(cells: Sequence[str], starts: Collection[int] | None = (0, 1)) -> bool:
    """Whether cells are whole numbers, each one more than the last."""
    if not cells or not all(map(WHOLE.fullmatch, cells)):
        return False
    first = int(cells[0])
    good = starts is None or first in starts
    return good and [int(c) for c in cells] == list(range(first, first + len(cells)))


def _separator_with(head: str, asked: Dialect, wanted: Collection[str]) -> str | None:
    """A separator with which the first line holds all the names that are wanted."""
    for separator in SEPARATORS if wanted else ():
        found = _maybe_records(head, separator, asked)
        if found and set(wanted) <= {cell.strip() for cell in found[0]}:
            return separator
    return None


def _commented_names(
    head: str, asked: Dialect, width: int, records: Sequence[Record]
) -> Record | None:
    """Names in the comment right before the rows, as NumPy writes them."""
    if asked.header is not None or not asked.comment or not _is_data(records[0], records[1:]):
        return None
    lines = Lines(io.StringIO(head, newline=""), asked.comment, squeeze=asked.separator == " ")
    next(iter(lines), None)
    for line in lines.skipped[-1:]:
        text = line.strip().lstrip(str(asked.comment)).strip()
        names = next(csv.reader([text], delimiter=str(asked.separator)), [])
        fresh = names and not any(NUMBERLIKE.fullmatch(name.strip()) for name in names)
        if fresh and len(names) == width and width > 1:
            return names
    return None


def _is_data(first: Record, body: Sequence[Record]) -> bool:
    """Whether a first line's cells are mostly numbers where those below are."""
    numbers = _number_columns(body, len(first)) if body else range(len(first))
    cells = [first[i].strip() for i in numbers]
    votes = [bool(NUMBERLIKE.fullmatch(cell) or PLAIN.fullmatch(cell)) for cell in cells if cell]
    return sum(votes) > len(votes) / 2


def _number_columns(body: Sequence[Record], width: int) -> list[int]:
    """Columns that mostly hold numbers."""
    rows = [row for row in body if len(row) >= width]
    found = []
    for i in range(width):
        cells = [row[i].strip() for row in rows if row[i].strip()]
        numbers = sum(bool(NUMBERLIKE.fullmatch(cell) or PLAIN.fullmatch(cell)) for cell in cells)
        if cells and numbers >= MOSTLY * len(cells):
            found.append(i)
    return found


def _header(
    asked: Dialect, first: Record, body: Sequence[Record], wanted: Collection[str], *, named: bool
) -> tuple[Dialect, tuple[Said, ...]]:
    """Whether the first line names the columns, and what is to be said of it."""
    cells = [cell.strip() for cell in first]
    if wanted and set(wanted) <= {*cells, *first}:
        return replace(asked, header=True), ()
    if asked.header is not None or named:
        return asked.completed(header=True), ()
    made_up = bool(wanted) and set(wanted) <= set(numbered(len(first)))
    if not made_up and _are_numbers_as_names(cells, body):
        return asked.completed(header=True), (
            (f"a header of numbers ({', '.join(cells[:3])} ...)", "header"),
        )
    if made_up or _is_data(first, body):
        return asked.completed(header=False), (("no header", "header"),)
    return asked.completed(header=True), ()


def _are_numbers_as_names(cells: Sequence[str], body: Sequence[Record]) -> bool:
    """Whether a first line counts up (0, 1, 2 or 2019, 2020, 2021), above rows of another kind."""
    numbers = _number_columns(body, len(cells))
    counted = [i for i in numbers if i > 0 or WHOLE.fullmatch(cells[i])]
    if not counts_up([cells[i] for i in counted], None):
        return False
    fractions = any(
        not any(WHOLE.fullmatch(row[i].strip().lstrip("+-")) for row in body if len(row) > i)
        for i in counted
    )
    usual = int(cells[counted[0]]) in (0, 1)
    return len(counted) >= (1 if fractions else FEW) if usual else fractions and len(counted) > 2


def _names(
    first: Record, width: int, wanted: Collection[str], rows: Sequence[Record]
) -> tuple[str, ...]:
    """Names of the columns; one that has none is called by its place, but for the first."""
    if len(first) == width - 1 and _is_short(width, rows):
        last = not any(row[-1].strip() for row in rows if len(row) == width)
        first = [*first, ""] if last else ["", *first]
    return tuple(
        cell if cell in wanted else cell.strip() or (f"column{i}" if i else "")
        for i, cell in enumerate(first)
    )


def _unnamed(first: Record, names: Sequence[str], rows: Sequence[Record]) -> tuple[Said, ...]:
    """That columns without a name are called by their places, but for those that are empty."""
    given = {cell.strip() for cell in first}
    made = [
        name
        for i, name in enumerate(names)
        if name and name not in given and any(row[i].strip() for row in rows if len(row) > i)
    ]
    what = "column" if len(made) == 1 else f"{len(made):,} columns"
    shown = ", ".join(map(repr, made[:FEW])) + (", ..." if len(made) > FEW else "")
    return ((f"{what} without a name called {shown}, by place", "header"),) if made else ()


def _marks(dialect: Dialect, width: int) -> tuple[Said, ...]:
    """What is unusual of the marks, in words."""
    found = []
    if dialect.separator != "," and width > 1:
        found.append((f"separator {shown(str(dialect.separator))}", "separator"))
    if dialect.decimal == ",":
        found.append(("decimal commas", "decimal"))
    if dialect.thousands:
        found.append((f"thousands grouped by {shown(dialect.thousands)}", "thousands"))
    if dialect.comment:
        found.append((f"comments after {dialect.comment!r}", "comment"))
    return tuple(found)
