"""A text of a table written again with other cells in its rows: all else is as it was."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.tables import Table
from vaekit.data.readers.text import decoded, whole_file

LOOKED = 2**16  # characters in which it is looked for how cells stand
LARGEST = 2**28  # bytes of files whose end is looked at
TEXT = pa.large_string()


@dataclass(frozen=True)
class Page:
    """What a text of a table is beside its cells.

    Args:
        head: all before the first row: titles, comments, the header, as they are.
        separator: of cells.
        newline: what ends a line.
        encoding: of the text.
        quoted: of each column, whether all its cells are; else those that have to be.
        ended: whether the last line is.
        comment: what a line that is no data begins with; "" for nothing.
    """

    head: str
    separator: str = ","
    newline: str = "\n"
    encoding: str = "utf-8"
    quoted: tuple[bool, ...] = ()
    ended: bool = True
    comment: str = ""

    def begun(self, more: Sequence[str] = ()) -> str:
        """All before the first row.

        Args:
            more: names of columns that come behind those that there were.
        """
        if not more or not self.head:
            return self.head
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self.separator, lineterminator="").writerow(more)
        names = self.head.removesuffix(self.newline)
        return f"{names}{self.separator}{out.getvalue()}{self.newline}"

    def rows(self, table: pa.Table) -> str:
        """Rows as lines, without an end of the last one.

        Args:
            table: of columns of text.
        """
        always = (*self.quoted, *[False] * table.num_columns)
        cells = [
            self._cells(column.cast(TEXT).combine_chunks(), quoted=quoted)
            for column, quoted in zip(table.columns, always, strict=False)
        ]
        lines = pc.binary_join_element_wise(*cells, pa.scalar(self.separator, TEXT))
        return self.newline.join(lines.to_pylist())

    def _cells(self, column: pa.Array, *, quoted: bool) -> pa.Array:
        """A column's cells as they stand between separators."""
        column = pc.fill_null(column, "")
        inner = pc.replace_substring(column, '"', '""')
        mark = pa.scalar('"', TEXT)
        whole = pc.binary_join_element_wise(mark, inner, mark, pa.scalar("", TEXT))
        if quoted:
            return whole
        comment = rf"|^\s*{re.escape(self.comment)}" if self.comment else ""
        lone = "|^$" if self.separator == " " else ""
        needed = pc.match_substring_regex(
            column, rf'["\r\n{re.escape(self.separator)}]{comment}{lone}'
        )
        return pc.if_else(needed, whole, column)


def page_of(path: Path, table: Table) -> Page:
    """How a file is written.

    Args:
        path: of the file.
        table: that was read of it.
    """
    dialect = table.dialect
    assert table.place.line is not None
    before = table.place.line(0) - 1
    with decoded(path, str(dialect.encoding)) as text:
        head = "".join(islice(iter(text.readline, ""), before))
        body = text.read(LOOKED)
    raw = whole_file(path, LARGEST)
    ended = raw is None or raw.rstrip(b"\0")[-1:] in (b"\n", b"\r")
    newline = next((m for m in ("\r\n", "\n", "\r") if m in (head or body)), "\n")
    return Page(
        head, str(dialect.separator), newline, str(dialect.encoding),
        _quoted(body, dialect, len(table.columns)), ended, dialect.comment or "",
    )  # fmt: skip


def _quoted(body: str, dialect: Dialect, width: int) -> tuple[bool, ...]:
    """Of each column, whether all cells that hold something stand in quotes at the beginning."""
    mark = re.escape(str(dialect.separator))
    cell = re.compile(rf'("(?:[^"]|"")*"|[^{mark}\r\n]*)({mark}|\r\n|\n|\r|\Z)')
    found: list[list[bool]] = [[] for _ in range(width)]
    place = 0
    for match in cell.finditer(body):
        text, end = match.groups()
        bare = text.strip()
        if place < width and bare and bare not in dialect.marks and match.end() < len(body):
            found[place].append(bare.startswith('"'))
        place = place + 1 if end == dialect.separator else 0
    return tuple(bool(column) and all(column) for column in found)
