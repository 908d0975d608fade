"""Compressing rows with a trained model: to a file from which they come back bit by bit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.codec.bits_back import Given
from vaekit.codec.blocks import Coder
from vaekit.codec.container import CONDITIONS, Block
from vaekit.data.layout import Like, RowLayout
from vaekit.runs.coder import coder_of, fingerprint, tables_hash
from vaekit.runs.given import Told, spans, stored
from vaekit.runs.summary import Summary
from vaekit.runs.table_compression import compress_table
from vaekit.runs.trained import Trained
from vaekit.runs.writing import write_blocks
from vaekit.system.checks import require
from vaekit.system.parallel import parallel_map
from vaekit.system.types import Array
from vaekit.system.version import __version__

NUMBERS_A_BLOCK = 2**23
Piece = tuple[int, Array, Given]


def compress(
    trained: Trained,
    values: Any,
    out: Path,
    *,
    given: Mapping[str, Any] | None = None,
    store_given: bool = True,
    block_rows: int = 0,
    embed: bool = False,
    verify: bool = True,
    jobs: int = 1,
    pieces: list[int] | None = None,
    extra: dict[str, Any] | None = None,
    check: Callable[[Path], None] | None = None,
) -> Summary:
    """Write rows, (rows, *shape), to a .vk file; every block is decoded again and compared.

    Args:
        trained: the model.
        values: an array, also memory-mapped: blocks are read one at a time. Rows come back in the
            type and layout they are given in. Of a data frame the columns that the model knows, by
            their names; they come back as an array. Of a model of a table of mixed columns a data
            frame or a file, all columns of which come back.
        out: the file.
        given: what a conditional model is given beside the rows: by name, numbers or words, one
            for each row or one for all.
        store_given: put that into the file; else it must be given again to decompress.
        block_rows: rows in each block; 0 for about eight million numbers.
        embed: put the model into the file.
        verify: decode every block before the file appears.
        jobs: processes that code blocks side by side; 0 for one on each core.
        pieces: rows of each block, in place of ``block_rows``.
        extra: more for the header.
        check: called with the whole file before it gets its name.

    Raises:
        BadInput: if the model cannot code, rows have another shape, or what is given does not fit.
    """
    if trained.config.coding is not None:
        require(not given, "a model of a table is given nothing beside it: leave out given")
        return compress_table(
            trained, values, out, block_rows=block_rows, embed=embed, verify=verify, jobs=jobs,
            extra=extra,
        )  # fmt: skip
    values, carried = stored(trained, values)
    layout = _checked(trained, values)
    coder = coder_of(trained, values.dtype)
    size = block_rows or max(NUMBERS_A_BLOCK // values[0].size, 1)
    counts = pieces or [min(size, len(values) - i) for i in range(0, len(values), size)]
    told = Told.of(trained, {**carried, **(given or {})}, len(values))
    beside = told.packed(counts) if told.columns and store_given else None
    embedded = trained.packed() if embed else (b"", b"")
    header = {
        "vaekit": __version__, "model": fingerprint(trained), "tables": tables_hash(),
        "shape": list(layout.stored), "given": list(layout.shape), "dtype": values.dtype.str,
        "rows": len(values), "blocks": counts, "data": _hash_of(values, counts, layout),
        **({} if _told_by_shapes(layout) else {"axes": layout.axes}),
        "embedded": [len(part) for part in embedded] if embed else None,
        **({CONDITIONS: told.header(counts, beside)} if told.columns else {}),
        **(extra or {}),
    }  # fmt: skip
    dtype = values.dtype
    blocks = parallel_map(
        partial(_encoded, coder, verify),
        _encoder,
        lambda: (trained.packed(), dtype.str, verify),
        _pieces(values, told, counts, layout),
        jobs,
    )
    how: dict[str, Any] = {"embedded": b"".join(embedded), "beside": beside or (), "check": check}
    written, plain = write_blocks(out, header, blocks, **how)
    model = sum(map(len, embedded))
    bits = 8 * (written - model) / values.size
    return Summary(len(values), written, values.nbytes, bits, len(counts), plain, model)


def _checked(trained: Trained, values: Array) -> RowLayout:
    """How rows lie in an array that can be compressed."""
    require(len(values) > 0, "there are no rows to compress")
    fine = values.dtype.kind in "buif" and values.dtype.itemsize <= 8
    require(fine, f"rows of type {values.dtype} cannot be compressed")
    found = Like(trained.layout).layout(values.shape[1:], values.dtype, "the data")
    return RowLayout(found.axes, found.shape)


def _told_by_shapes(layout: RowLayout) -> bool:
    between = RowLayout.between(layout.shape, layout.stored)
    return between == layout or layout.noun == "series"


def _hash_of(values: Array, counts: list[int], layout: RowLayout) -> str:
    """A sha256 of all rows, read a block at a time."""
    found = hashlib.sha256()
    for rows in spans(counts):
        found.update(np.ascontiguousarray(layout.store(values[rows])).tobytes())
    return found.hexdigest()


def _pieces(values: Array, told: Told, counts: list[int], layout: RowLayout) -> Iterator[Piece]:
    """The rows of each block, with its number before and what is given behind them."""
    for number, rows in enumerate(spans(counts)):
        yield number, layout.store(np.asarray(values[rows])), told.encoded(rows)


def _encoder(files: tuple[bytes, bytes], dtype: str, verify: bool) -> Callable[[Piece], Block]:
    """What a process of its own codes blocks with."""
    return partial(_encoded, coder_of(Trained.unpacked(*files), np.dtype(dtype)), verify)


def _encoded(coder: Coder, verify: bool, piece: Piece) -> Block:
    number, rows, given = piece
    kind, payload = coder.encode(rows, given)
    if verify and coder.decode(kind, payload, len(rows), given).tobytes() != rows.tobytes():
        raise RuntimeError(f"block {number} does not decode to what it was made from")
    return Block(number, len(rows), kind, payload, coder.check_of(rows))
