"""Compressing tables of mixed columns: all columns, every cell as it is."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

from vaekit.codec.container import CELLS, Block
from vaekit.data import Source
from vaekit.data.readers.columns import Place
from vaekit.data.readers.dialect import Dialect
from vaekit.data.readers.exact import TABLES, WRITTEN
from vaekit.data.readers.folder import shards_in
from vaekit.data.readers.frames import is_frame
from vaekit.data.readers.rewriting import TextForm, form_of
from vaekit.data.readers.roles import ColumnRoles
from vaekit.data.readers.tables import Table, arrow_table, ending_of
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.columns import ColumnSchema
from vaekit.data.schema.texts import Texts, texts_of
from vaekit.data.schema.unseen import NeverSeen
from vaekit.data.source import SPLITS, random_splits
from vaekit.data.verbatim import hash_of
from vaekit.runs.coder import fingerprint, tables_hash
from vaekit.runs.given import spans
from vaekit.runs.summary import Summary
from vaekit.runs.table_blocks import Rows, TableCoder
from vaekit.runs.table_form import TableForm, fingerprint_of, undictionaried
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.runs.writing import write_blocks
from vaekit.system.checks import BadInput, known, require
from vaekit.system.parallel import parallel_map
from vaekit.system.types import Array
from vaekit.system.version import __version__

CELLS_A_BLOCK = 2**22
MOST_BESIDE = 2**26  # bytes that are packed by other programs too, for comparison
Piece = tuple[int, Rows]


@dataclass(frozen=True)
class Whole:
    """A table with all that is known of its file.

    Args:
        name: what people call it.
        arrow: all columns.
        read: the same, as a model finds columns in it.
        ending: of the file that is written.
        text: how a text is written; None for what is none.
        size: bytes of the text, where it comes back byte by byte.
    """

    name: str
    arrow: pa.Table
    read: Table
    ending: str
    text: TextForm | None = None
    size: int = 0

    def take(self, rows: Array) -> Whole:
        """Some rows, by their numbers."""
        text = None if self.text is None else replace(self.text, same=False)
        arrow, read = self.arrow.take(pa.array(rows)), self.read.take(rows)
        return replace(self, arrow=arrow, read=read, text=text, size=0)

    def written(self) -> bytes:
        """Its rows as text."""
        return (self.text or TextForm()).written(self.arrow)


def compress_table(
    trained: Trained,
    data: Any,
    out: Path,
    *,
    split: str = "all",
    block_rows: int = 0,
    embed: bool = False,
    verify: bool = True,
    jobs: int = 1,
    compare: bool = False,
    extra: Mapping[str, Any] | None = None,
) -> Summary:
    """Write a table to a .vk file from which every cell comes back, in its type and as it was
    written: also of columns that the model does not know, and what it has never seen.

    Args:
        trained: a model of a table.
        data: a file, a folder of files, or a data frame.
        out: the file.
        split: which rows.
        block_rows: rows in each block; 0 for about four million cells.
        embed: put the model into the file.
        verify: decode every block before the file appears.
        jobs: processes that code blocks side by side; 0 for one on each core.
        compare: say how long the same rows are when other programs pack them.
        extra: more for the header.

    Raises:
        BadInput: if the model cannot code, a column of it is not there, or a cell cannot be read.
    """
    whole = whole_of(data, trained)
    known("split", split, (*SPLITS, "all"))
    if split != "all":
        own = data.splits if isinstance(data, Source) else random_splits(whole.arrow.num_rows)
        whole = whole.take(own[split].numpy())
    require(whole.arrow.num_rows > 0, "there are no rows to compress")
    form, dialect, rows = _prepared(whole, trained)
    size = block_rows or max(CELLS_A_BLOCK // len(form.known), 1)
    counts = [min(size, len(rows) - i) for i in range(0, len(rows), size)]
    embedded = trained.packed() if embed else (b"", b"")
    header = {
        "vaekit": __version__, "model": fingerprint(trained), "tables": tables_hash(),
        "shape": [rows.levels.shape[1]], "dtype": "<i4", "rows": len(rows), "blocks": counts,
        "data": hash_of(whole.arrow.columns),
        "embedded": [len(part) for part in embedded] if embed else None,
        CELLS: {**form.to_json(), "dialect": dialect.to_json()}, **(extra or {}),
    }  # fmt: skip
    blocks = parallel_map(
        partial(_encoded, TableCoder.of(trained, form, dialect), verify),
        _encoder,
        lambda: (trained.packed(), form, dialect, verify),
        ((i, rows.part(at.start, at.stop - at.start)) for i, at in enumerate(spans(counts))),
        jobs,
    )
    written, plain = write_blocks(out, header, blocks, embedded=b"".join(embedded))
    model, cells = sum(map(len, embedded)), len(rows) * len(form.known)
    text = b"" if whole.size and not compare else whole.written()
    length = whole.size or len(text)
    return Summary(
        len(rows), written, length, 8 * (written - model) / cells, len(counts), plain, model,
        notes=_notes(form), noun="cell",
        beside=_beside(whole, text) if compare and length <= MOST_BESIDE else {},
    )  # fmt: skip


def _notes(form: TableForm) -> tuple[str, ...]:
    if form.text is None or form.text.same:
        return ()
    return ("cells come back as they are, the text around them (quotes, comments) does not",)


def whole_of(data: Any, trained: Trained) -> Whole:
    """A table with all its columns.

    Args:
        data: a file, a folder of files, or a data frame.
        trained: the model, which says how tables are read.

    Raises:
        BadInput: for what is no table.
    """
    opening = trained.config.opening
    if isinstance(data, Source):
        require(data.table is not None, f"{data.name} is no table")
        assert data.table is not None
        arrow = pa.table(dict(data.table.columns))
        return Whole(data.name, arrow, data.table, ".parquet")
    if is_frame(data):
        arrow, name = _arrow(data), "the data"
        return Whole(name, arrow, arrow_table(Path(name), arrow, opening.dialect), ".parquet")
    named = isinstance(data, str | os.PathLike)
    require(named, "a model of a table compresses a file of a table or a data frame")
    path = Path(data)
    require(path.exists(), f"there is no file {path}")
    paths = shards_in(path) if path.is_dir() else [path]
    ending = ending_of(paths[0])
    require(ending in TABLES, f"{path} is no table: take a .csv, .parquet or .feather file")
    parts = [_of_file(one, opening.roles, opening.dialect) for one in paths]
    return parts[0] if len(parts) == 1 else _joined(path, parts)


def _arrow(frame: Any) -> pa.Table:
    try:
        return nw.from_native(frame, eager_only=True).to_arrow()
    except (pa.ArrowException, TypeError, ValueError) as error:
        first = str(error).split("\n")[0]
        raise BadInput(f"a column of the data has no type of its own: {first}") from error


def _of_file(path: Path, roles: ColumnRoles, dialect: Dialect) -> Whole:
    ending = WRITTEN.get(ending_of(path), ".csv")
    read = TABLES[ending_of(path)](path, roles, dialect)
    if read.schema is not None:
        arrow = pa.Table.from_arrays([*read.columns.values()], schema=read.schema)
        return Whole(str(path), arrow, read, ending)
    arrow = pa.table({name: column.cast(pa.string()) for name, column in read.columns.items()})
    return Whole(str(path), arrow, read, ending, *form_of(path, arrow, read.dialect))


def _joined(path: Path, parts: list[Whole]) -> Whole:
    first = parts[0]
    for part in parts:
        alike = part.arrow.schema.equals(first.arrow.schema)
        require(alike, f"{part.name} has other columns than {first.name}: compress them apart")
    arrow = pa.concat_tables([part.arrow for part in parts])
    columns = dict(zip(first.read.columns, arrow.columns, strict=True))
    read = replace(first.read, columns=columns, place=Place(str(path)))
    return replace(first, name=str(path), arrow=arrow, read=read)


def _prepared(whole: Whole, trained: Trained) -> tuple[TableForm, Dialect, Rows]:
    """How the table is written again, how its cells are read, and its rows."""
    coding = coding_of(trained)
    found, _ = coding.schema.found(whole.read)
    levels = coding.with_flags(coding.schema.coded_part(found, NeverSeen())[0])
    columns, dictionaries = undictionaried(whole.arrow)
    known = tuple(found.columns)
    texts = {}
    for j, column in enumerate(coding.schema.columns if whole.text else ()):
        raw = columns[known.index(column.name)]
        codes = levels[:, len(coding.gaps) + j].astype(np.int64)
        texts[column.name] = _texts(column, Cells.of(found, column.name), raw, codes)
    form = TableForm(
        whole.ending, whole.arrow.schema, known, fingerprint_of(coding), whole.text, texts,
        dictionaries,
    )  # fmt: skip
    return form, found.dialect, Rows(tuple(columns), levels)


def _texts(column: ColumnSchema, cells: Cells, raw: pa.Array, codes: Array) -> Texts:
    """How a column of a text is written."""
    own = column.cells(cells)
    values = column.coding.held(*column.coding.inside(own, codes))
    return texts_of(
        raw, values, codes, single=column.coding.pieces.single,
        decimal=cells.dialect.decimal or ".", thousands=cells.dialect.thousands or "",
    )  # fmt: skip


def _encoder(
    files: tuple[bytes, bytes], form: TableForm, dialect: Dialect, verify: bool
) -> Callable[[Piece], Block]:
    """What a process of its own codes blocks with."""
    return partial(_encoded, TableCoder.of(Trained.unpacked(*files), form, dialect), verify)


def _encoded(coder: TableCoder, verify: bool, piece: Piece) -> Block:
    number, rows = piece
    kind, payload = coder.encode(rows)
    check = coder.check_of(rows)
    if verify and coder.check_of(coder.decode(kind, payload, len(rows))) != check:
        raise RuntimeError(f"block {number} does not decode to what it was made from")
    return Block(number, len(rows), kind, payload, check)


def _beside(whole: Whole, text: bytes) -> dict[str, int]:
    """Bytes of the same rows as other programs pack them."""
    out = pa.BufferOutputStream()
    typed = whole.arrow if whole.text is None else _typed(whole, text)
    parquet.write_table(typed, out, compression="zstd")
    return {
        "gzip -9": len(gzip.compress(text, 9)),
        "bzip2 -9": len(bz2.compress(text, 9)),
        "xz -9": len(lzma.compress(text, preset=9)),
        "Parquet, zstd": out.tell(),
    }


def _typed(whole: Whole, text: bytes) -> pa.Table:
    """A text as typed columns, as people would write them to Parquet."""
    assert whole.text is not None
    plain = replace(whole.text, encoding="utf-8", separator=",", newline="\n", header=True)
    raw = text if plain == whole.text else plain.written(whole.arrow)
    trimmed = csv.ConvertOptions(strings_can_be_null=False)
    return csv.read_csv(pa.py_buffer(raw), convert_options=trimmed)
