"""Tables in text: .csv and its kin, compressed or not, in any dialect."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.loading import first_line
from vaekit.data.readers.looking import Layout, Lines, Said, look
from vaekit.data.readers.mapping import is_large_text, on_disk
from vaekit.data.readers.signatures import instead
from vaekit.system.checks import BadInput, require

HEAD, MORE_LINES, BLOCK = 2**18, 20, 2**24
MARKS_OF_ORDER = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
BLANK = " \t\r\n\x1a"  # the last ended files once
WESTERN = ("cp1252", "latin-1")
ZEROS = (
    "it holds bytes that are zero; if it is UTF-16, say so with --encoding utf-16-le (in Python "
    "encoding=)"
)


@dataclass(frozen=True)
class TextTable:
    """A table as it stands in a file: every cell is text.

    Args:
        path: of the file.
        layout: how it is written.
        cells: a column of text for each of the layout's names, in order.
        said: what was assumed, in words, each with the field of the dialect that it is about.
        kept: bytes of the columns that stay on disk; 0 where they are in memory.
    """

    path: Path
    layout: Layout
    cells: pa.Table
    said: tuple[Said, ...] = ()
    kept: int = 0

    def line(self, row: int) -> int:
        """On which line of the file a row begins."""
        with _opened(self.path, self.layout) as lines:
            return _row_starts(lines, self.layout, row)


def read_text(
    path: Path, asked: Dialect = LOOK, wanted: Collection[str] = (), *, strict: bool = True
) -> TextTable:
    """All cells of a table in text.

    Args:
        path: of the file; .gz, .bz2, .zst and the like are decompressed.
        asked: what is known of how it is written; the rest is looked for.
        wanted: names that columns should have, where they are known.
        strict: whether what was asked for holds even for a table with all these names.

    Raises:
        BadInput: for what is no text, or no table: rows of different lengths, names that are there
            twice.
    """
    encoding, why = (asked.encoding, "") if asked.encoding else encoding_of(path)
    head = _head(path, encoding)
    require(bool(head.strip()), f"{path} is empty")
    try:
        layout = look(head, asked.completed(encoding=encoding), wanted, strict=strict)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None
    plain = encoding in ("utf-8", "utf-8-sig")
    said = [] if plain else [(f"encoding {encoding}{why}", "encoding")]
    said = [(words, field) for words, field in (*said, *layout.said) if field not in asked.asked()]
    cells, large = _cells(path, layout), is_large_text(path)
    return TextTable(path, layout, cells, tuple(said), cells.nbytes if large else 0)


def encoding_of(path: Path) -> tuple[str, str]:
    """A file's encoding, and why it is not UTF-8: by its mark, or else UTF-8 if all of it is that,
    or else that of Western European Windows.

    Raises:
        BadInput: for a file that holds zero bytes, and so is no text.
    """
    decoder, at = codecs.getincrementaldecoder("utf-8")(), 0
    failed, western = "", WESTERN[0]
    with _bytes(path) as file:
        while block := file.read(BLOCK):
            if at == 0:
                for mark, name in MARKS_OF_ORDER:
                    if block.startswith(mark):
                        return name, ""
            require(
                b"\0" not in block,
                f"{path} is no text: {instead(path, ZEROS)}",
            )
            try:
                decoder.decode(block) if not failed else None
            except UnicodeDecodeError as error:
                place = at + error.start - (len(error.object) - len(block))
                byte = error.object[error.start]
                failed = f"not UTF-8 (byte 0x{byte:02x} at {place})"
            if any(byte in block for byte in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")):
                western = WESTERN[1]
            at += len(block)
    if not failed and (cut := decoder.getstate()[0]):
        failed = f"not UTF-8 (byte 0x{cut[0]:02x} at the end)"
    return (western, f", being {failed}") if failed else ("utf-8", "")


def _head(path: Path, encoding: str) -> str:
    """The first lines."""
    with decoded(path, encoding) as text:
        head = text.read(HEAD)
        return head + "".join(text.readline() for _ in range(MORE_LINES))


def _cells(path: Path, layout: Layout) -> pa.Table:
    """Every cell as text, in columns that are called by their places; those of a large file stay on
    disk."""
    names = [str(i) for i in range(len(layout.names))]
    options = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    parse = arrow_csv.ParseOptions(
        delimiter=str(layout.dialect.separator),
        newlines_in_values=True,
        invalid_row_handler=lambda row: "error" if row.text.strip(BLANK) else "skip",
    )
    try:
        with _opened(path, layout) as lines:
            stream = Utf8(lines)
            first = stream.read(1)
            if not first:
                return pa.table({name: pa.array([], pa.string()) for name in names})
            stream.rest = first + stream.rest
            reading = arrow_csv.ReadOptions(column_names=names, block_size=BLOCK)
            if not is_large_text(path):
                return arrow_csv.read_csv(stream, reading, parse, options)
            parts = arrow_csv.open_csv(stream, reading, parse, options)
            return on_disk(str(path), parts.schema, parts)
    except pa.ArrowException as error:
        _check_rows(path, layout)
        raise BadInput(f"cannot read {path} as a table: {first_line(error)}") from error


def _check_rows(path: Path, layout: Layout) -> None:
    """Raise ``BadInput`` for the first row that has another number of cells than the first line."""
    width = len(layout.names)
    with _opened(path, layout) as lines:
        for line, row in _rows(lines, layout):
            require(
                len(row) == width,
                f"{path}: line {line} has {len(row)} cells, the first line has {width}",
            )


def _row_starts(lines: Lines, layout: Layout, row: int) -> int:
    return next(itertools.islice(_rows(lines, layout), row, None), (0, []))[0]


def _rows(lines: Lines, layout: Layout) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows, each with the number of its first line."""
    counted = csv.reader(_counting(lines, starts := list[int]()), **_csv_options(layout))
    try:
        for row in counted:
            yield starts[0], row
            starts.clear()
    except csv.Error as error:
        raise BadInput(f"line {lines.number} makes no sense: {error}") from error


def _counting(lines: Lines, starts: list[int]) -> Iterator[str]:
    for line in lines:
        starts.append(lines.number)
        yield line


def _csv_options(layout: Layout) -> dict[str, Any]:
    return {"delimiter": str(layout.dialect.separator)}


class Utf8:
    """Lines as a file of UTF-8 bytes.

    Args:
        lines: what is read.
    """

    def __init__(self, lines: Lines) -> None:
        self.lines, self.rest, self.closed = lines, b"", False
        plain = not lines.comment and not lines.squeeze
        self.more = self._blocks() if plain else self._by_line()

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes; none at the end."""
        while not self.rest or size < 0:
            block = next(self.more, b"")
            if not block:
                break
            self.rest += block
        size = len(self.rest) if size < 0 else size
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def readable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Nothing is left to do."""
        self.closed = True

    def _blocks(self) -> Iterator[bytes]:
        while text := self.lines.text.read(BLOCK):
            yield text.encode()

    def _by_line(self) -> Iterator[bytes]:
        lines = iter(self.lines)
        while some := list(itertools.islice(lines, 10_000)):
            yield "".join(some).encode()


@contextmanager
def _opened(path: Path, layout: Layout) -> Iterator[Lines]:
    """The lines of the table that hold rows."""
    dialect = layout.dialect
    with decoded(path, str(dialect.encoding)) as text:
        for _ in range(layout.lines):
            text.readline()
        lines = Lines(text, dialect.comment or "", squeeze=dialect.separator == " ")
        lines.number = layout.lines
        yield lines


@contextmanager
def decoded(path: Path, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The text of a file, its ends of lines as they are."""
    try:
        with _bytes(path) as file, io.TextIOWrapper(file, encoding, newline="") as text:
            yield text
    except UnicodeError as error:
        raise BadInput(
            f"{path} is not {encoding} text: {error}; say what it is with --encoding "
            "(in Python encoding=)"
        ) from error


@contextmanager
def _bytes(path: Path) -> Iterator[Any]:
    """A file's bytes, decompressed if its name says that they are compressed."""
    try:
        with pa.input_stream(str(path), compression="detect") as file:
            yield file
    except OSError as error:
        raise BadInput(f"cannot read {path}: {first_line(error)}") from error


def whole_file(path: Path, largest: int) -> bytes | None:
    """A file's bytes, decompressed if its name says that they are compressed; None if they are
    too many.

    Args:
        path: of the file.
        largest: how many there may be.
    """
    with _bytes(path) as file:
        found = bytes(file.read(largest + 1))
    return found if len(found) <= largest else None
