"""Columns that stay on disk: tables that are large are read in parts and kept in a temporary file
in Arrow's own format, which is mapped, so that only what is looked at takes memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import ipc

from vaekit.system.checks import require
from vaekit.system.progress import tracked
from vaekit.system.scratch import place, scratch

LARGE = 2**27  # bytes of text, or of cells at eight each: beyond it a table stays on disk
CELL, PACKED = 8, 4  # bytes of a cell; how much smaller text is where it is packed
AT_ONCE, CELLS_AT_ONCE = 2**17, 2**22  # rows, and cells, that are read together
END = b"\xff\xff\xff\xff\0\0\0\0"  # of a stream; each of its messages begins as this does


def is_large(rows: int, columns: int) -> bool:
    """Whether a table is better left on disk.

    Args:
        rows: of it.
        columns: of it.
    """
    return rows * columns * CELL > LARGE


def rows_at_once(columns: int) -> int:
    """How many rows of a large table are read together.

    Args:
        columns: of it; there may be none beside labels.
    """
    return max(min(AT_ONCE, CELLS_AT_ONCE // max(columns, 1)), 1)


def is_large_text(path: Path) -> bool:
    """The same of a table in text, by the size of its file.

    Args:
        path: of it.
    """
    packed = path.suffix.lower() in (".gz", ".bz2", ".zst", ".lz4")
    return path.stat().st_size * (PACKED if packed else 1) > LARGE


def on_disk(name: str, schema: pa.Schema, batches: Iterable[Any], count: int = 0) -> pa.Table:
    """A table of rows that come in parts, kept in a temporary file.

    Args:
        name: of the table, for people.
        schema: of the parts.
        batches: the parts.
        count: how many there are, if that is known.

    Raises:
        BadInput: where the disk has no room for them.
    """
    with scratch(name) as file:
        with ipc.new_stream(file, schema) as writer:
            for batch in tracked(batches, "reading rows", count) if count else batches:
                writer.write_batch(batch)
        mapped = pa.py_buffer(file.bytes())
    return ipc.open_stream(mapped).read_all()


def is_stream(path: Path) -> bool:
    """Whether a file holds Arrow's format for streams, not that for files.

    Args:
        path: of the file.
    """
    with path.open("rb") as file:
        return file.read(4) == END[:4]


def of_stream(path: Path) -> pa.Table:
    """The columns of a stream of Arrow's in a file; of a large one they stay there.

    Args:
        path: of the file.

    Raises:
        BadInput: if the stream has no end.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - len(END), 0))
        require(file.read() == END, f"{path} is cut off: its stream has no end")
    source = pa.memory_map(str(path)) if size > LARGE else path.read_bytes()
    return ipc.open_stream(source).read_all()


def of_arrow(path: Path) -> pa.Table:
    """The same of a file in Arrow's own format, whose parts may be compressed.

    Args:
        path: of it.
    """
    with ipc.open_file(pa.memory_map(str(path))) as file:
        count = file.num_record_batches
        parts = (file.get_batch(number) for number in range(count))
        return on_disk(str(path), file.schema, parts, count)


def note_of(name: str, size: int) -> str:
    """What people are told of it.

    Args:
        name: of the table.
        size: in bytes, as it lies there.
    """
    return (
        f"{name} is large: it is read in parts and stays on disk, in temporary files in {place()} "
        f"({size / 1e6:,.0f} MB; otherwise: TMPDIR)"
    )
