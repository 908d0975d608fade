"""A compressed file, from blocks that are coded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from vaekit.codec.blocks import MODELLED
from vaekit.codec.container import Block, Writer
from vaekit.system.files import replacing
from vaekit.system.progress import tracked
from vaekit.system.records import Json


def write_blocks(
    out: Path,
    header: Json,
    blocks: Iterable[Block],
    *,
    embedded: bytes = b"",
    beside: Sequence[bytes] = (),
    check: Callable[[Path], None] | None = None,
) -> tuple[int, int]:
    """Write a file, which is there when all of it is; its size, and how many of its blocks are
    without the model.

    Args:
        out: the file.
        header: of it.
        blocks: of the rows.
        embedded: the model, if it goes into the file.
        beside: what the model is given beside the rows of each block.
        check: called with the whole file before it gets its name.
    """
    plain = 0
    with replacing(out) as temporary:
        with temporary.open("wb") as file:
            writer = Writer(file, header, embedded, beside)
            for block in tracked(blocks, "compressing", len(header["blocks"])):
                writer.add(block)
                plain += block.kind not in MODELLED
            writer.close()
            size = file.tell()
        if check:
            check(temporary)
    return size, plain
