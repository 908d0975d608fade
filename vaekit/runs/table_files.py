"""Tables of mixed columns written to files: the ending of the name says how."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, ipc, parquet

from vaekit.data.readers.columns import plain
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
