"""Tables of mixed columns written to files: the ending of the name says how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, ipc, parquet

from vaekit.data.readers.columns import plain
from vaekit.data.readers.refilling import Page
from vaekit.data.schema import safe_cells
from vaekit.runs.outputs import ROW, free
from vaekit.system.files import replacing
from vaekit.system.types import Array

HOW = csv.WriteOptions(quoting_style="needed", quoting_header="needed")
WRITERS: dict[str, Callable[[str, pa.Schema], Any]] = {
    ".csv": lambda path, schema: csv.CSVWriter(path, schema, write_options=HOW),
    ".parquet": lambda path, schema: parquet.ParquetWriter(path, schema),
    ".feather": lambda path, schema: ipc.new_file(path, schema),
}
TABLE_FILES = tuple(WRITERS)


def write_table(path: Path, table: pa.Table, *, formulas: bool = False) -> None:
    """Write a table to .csv, .parquet or .feather; gaps are empty cells of a .csv.

    Args:
        path: of the file.
        table: its columns.
        formulas: whether text that a spreadsheet would take for a formula goes to a .csv as it is;
            else an apostrophe stands before it.
    """
    write_tables(path, [table], formulas=formulas)


def write_tables(path: Path, parts: Iterable[pa.Table], *, formulas: bool = False) -> int:
    """Write a table whose rows come in parts, as :func:`write_table` does; it need not fit into
    memory.

    Args:
        path: of the file.
        parts: at least one, all of the same columns.
        formulas: as there.

    Returns:
        How many rows there were.
    """
    ending, rows = path.suffix.lower(), 0
    with replacing(path) as temporary, ExitStack() as stack:
        writer = None
        for part in parts:
            table = part if formulas or ending != ".csv" else _without_formulas(part)
            table = _written(table) if ending == ".csv" else table
            if writer is None:
                writer = stack.enter_context(WRITERS[ending](str(temporary), table.schema))
            writer.write_table(table)
            rows += len(part)
        stack.close()
    return rows


def write_as_it_came(
    path: Path, page: Page, parts: Callable[[], Iterable[pa.Table]], names: Sequence[str]
) -> int:
    """Write rows as the file in which they came: with its separator, header, quotes, ends of lines
    and encoding, or UTF-8 where that does not hold what is new in them.

    Args:
        path: of the file.
        page: what the other file is beside its cells.
        parts: gives the rows, in parts, whose columns are text.
        names: of the columns that the file had.

    Returns:
        How many rows there were.
    """
    try:
        return _written_on(path, page, parts(), names)
    except UnicodeEncodeError:
        return _written_on(path, replace(page, encoding="utf-8"), parts(), names)


def _written_on(path: Path, page: Page, parts: Iterable[pa.Table], names: Sequence[str]) -> int:
    rows = 0
    with (
        replacing(path) as temporary,
        temporary.open("w", encoding=page.encoding, newline="") as file,
    ):
        for part in parts:
            more = [name for name in part.column_names if name not in names]
            file.write(page.newline if rows else page.begun(more))
            file.write(page.rows(part))
            rows += len(part)
        file.write(page.newline if page.ended else "")
    return rows


def csv_of(table: pa.Table) -> bytes:
    """What :func:`write_table` writes into a .csv."""
    out = pa.BufferOutputStream()
    csv.write_csv(_written(_without_formulas(table)), out, HOW)
    return bytes(out.getvalue())


def _without_formulas(table: pa.Table) -> pa.Table:
    return pa.table({n: safe_cells(table[n]) for n in table.column_names})


def _written(table: pa.Table) -> pa.Table:
    """Dictionaries as the values they stand for."""
    return pa.table(list(map(plain, table.columns)), names=table.column_names)


def with_names(table: pa.Table, names: Array) -> pa.Table:
    """A table whose first column says what its rows are called."""
    return table.add_column(0, free(ROW, table.column_names), pa.array(names))


def with_number(path: Path, number: int) -> Path:
    """NAME-3.csv for NAME.csv and 3."""
    return path.with_name(f"{path.stem}-{number}{path.suffix}")


def safe(name: str) -> str:
    """A column's name as part of a file's."""
    return re.sub(r"[^\w.-]+", "-", name) or "column"
