"""Tables in text written again as they were written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.text import whole_file
from vaekit.system.records import Json, Part

NEWLINES = ("\r\n", "\n", "\r")
LARGEST = 2**28  # of files that are compared byte by byte
TRIED = 256  # rows that are compared first


@dataclass(frozen=True)
class TextForm:
    """How a table stands in a text.

    Args:
        separator: of cells.
        header: whether the first line names the columns.
        newline: what ends a line.
        encoding: of the text.
        quoted: whether all cells are; else those that have to be.
        ended: whether the last line is.
        same: whether so the file comes back byte by byte.
    """

    separator: str = ","
    header: bool = True
    newline: str = "\n"
    encoding: str = "utf-8"
    quoted: bool = False
    ended: bool = True
    same: bool = False

    def written(self, table: pa.Table) -> bytes:
        """The text of a table.

        Args:
            table: of columns of any types.
        """
        out = io.StringIO(newline="")
        writer = csv.writer(
            out,
            delimiter=self.separator,
            lineterminator=self.newline,
            quoting=csv.QUOTE_ALL if self.quoted else csv.QUOTE_MINIMAL,
        )
        if self.header:
            writer.writerow(table.column_names)
        cells = (column.to_pylist() for column in table.columns)
        writer.writerows(zip(*cells, strict=True))
        text = out.getvalue()
        text = text if self.ended else text.removesuffix(self.newline)
        return text.encode(self.encoding)

    def to_json(self) -> Json:
        """All by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, part: Part) -> TextForm:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for what cannot be.
        """
        separator, newline = part.text("separator"), part.text("newline")
        encoding = part.text("encoding")
        part.require(newline in NEWLINES, "newline", "an end of a line")
        part.made(lambda: Dialect(separator=separator, encoding=encoding))
        part.require(len(separator) == 1, "separator", "one character")
        header, quoted = part.flag("header"), part.flag("quoted")
        ended, same = part.flag("ended"), part.flag("same")
        return cls(separator, header, newline, encoding, quoted, ended, same)


def form_of(path: Path, table: pa.Table, dialect: Dialect) -> tuple[TextForm, int]:
    """How a file is written, such that it would be written again byte by byte, if there is a way;
    and how many bytes these are, 0 where there is none.

    Args:
        path: of the file.
        table: its cells, as text.
        dialect: what is known of it.
    """
    separator, encoding = dialect.separator or ",", dialect.encoding or "utf-8"
    usual = TextForm(separator, bool(dialect.header), encoding=encoding)
    raw = whole_file(path, LARGEST)
    if raw is None:
        return usual, 0
    for form in _forms(raw, usual):
        try:
            begins = raw.startswith(form.written(table.slice(0, TRIED)))
            if begins and form.written(table) == raw:
                return form, len(raw)
        except UnicodeError:
            return TextForm(separator, bool(dialect.header)), 0
    return usual, 0


def _forms(raw: bytes, usual: TextForm) -> Iterator[TextForm]:
    """Those that a file may be in."""
    try:
        text = raw[: 2**16].decode(usual.encoding, "ignore")
        end = raw[-2:].decode("ascii", "ignore") if usual.encoding.startswith("utf-8") else "\n"
    except LookupError:
        return
    newline = next((mark for mark in NEWLINES if mark in text), "\n")
    ended = end.endswith(newline[-1])
    for quoted in (False, True) if '"' in text else (False,):
        yield TextForm(
            usual.separator, usual.header, newline, usual.encoding, quoted, ended, same=True
        )
