"""What a .vk file says of itself at its beginning, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod

import numpy as np

from vaekit.codec.columns import Layout
from vaekit.system.checks import BadInput, require
from vaekit.system.records import Json, Part, from_text

LARGEST_HEADER = 2**28
CONDITIONS, PICTURES, KEPT, CELLS = "conditions", "pictures", "kept", "cells"
MOST_ROWS, LARGEST_ROW, MOST_CHECK = 2**32 - 1, 2**40, 2**32 - 1
_NUMBERS = re.compile(r"[<>|=]?[buif][1248]")


@dataclass(frozen=True)
class Beside:
    """What a file says of what its rows' model was given beside them.

    Args:
        names: of the columns.
        stored: whether the file holds them.
        sizes: bytes of each block's columns, if so.
        checks: CRC-32 of what the model was given for each block.
        layout: how they lie, if so.
    """

    names: tuple[str, ...]
    stored: bool
    sizes: tuple[int, ...]
    checks: tuple[int, ...]
    layout: Layout | None

    @classmethod
    def from_json(cls, part: Part, blocks: int) -> Beside:
        """What a header's part says, for so many blocks."""
        names, stored = part.texts("names"), part.flag("stored")
        part.require(0 < len(set(names)) == len(names), "names", "a list of different texts")
        sizes = part.wholes("sizes") if stored else ()
        checks = part.wholes("checks", 0, MOST_CHECK)
        part.require(len(sizes) == (blocks if stored else 0), "sizes", "one of each block")
        part.require(len(checks) == blocks, "checks", "one of each block")
        layout = Layout.from_json(part.found) if stored else None
        return cls(names, stored, sizes, checks, layout)


@dataclass(frozen=True)
class Header:
    """A file's header.

    Args:
        model: fingerprint of the model.
        tables: sha256 of the codec's tables.
        shape: of a row, images channel after channel.
        layout: of a row as it was handed in.
        dtype: of the rows.
        rows: how many.
        blocks: rows of each block.
        embedded: bytes of the two files of the embedded model, if there is one.
        beside: what the model was given beside the rows, if anything.
        found: all of it, as the file has it.
    """

    model: str
    tables: str
    shape: tuple[int, ...]
    layout: tuple[int, ...]
    dtype: np.dtype
    rows: int
    blocks: tuple[int, ...]
    embedded: tuple[int, ...]
    beside: Beside | None
    found: Json

    @property
    def row_bytes(self) -> int:
        """Bytes of a row in memory."""
        return prod(self.shape) * self.dtype.itemsize

    @classmethod
    def from_text(cls, text: bytes, path: str) -> Header:
        """What a file's header says.

        Args:
            text: in JSON.
            path: of the file, for a complaint.

        Raises:
            BadInput: for a header that makes no sense.
        """
        try:
            return cls.from_json(Part(from_text(text, "it", LARGEST_HEADER), "it"))
        except BadInput as error:
            raise BadInput(f"{path}: the header makes no sense: {error}") from error

    @classmethod
    def from_json(cls, part: Part) -> Header:
        """What a header's entries say; those that are not known mean something to others."""
        shape, blocks = part.sizes("shape"), part.sizes("blocks", MOST_ROWS)
        layout = part.sizes("given") if "given" in part.found else shape
        part.require(prod(shape) <= LARGEST_ROW, "shape", f"at most {LARGEST_ROW:,} numbers")
        part.require(prod(layout) == prod(shape), "given", f"as many numbers as {shape}")
        dtype = part.text("dtype")
        part.require(bool(_NUMBERS.fullmatch(dtype)), "dtype", "a type of numbers")
        rows = part.whole("rows", 1)
        part.require(sum(blocks) == rows, "rows", f"the sum of its blocks, {sum(blocks)}")
        embedded = part.wholes("embedded") if part.has("embedded") else ()
        part.require(len(embedded) in (0, 2), "embedded", "two lengths")
        stated = part.has(CONDITIONS)
        return cls(
            model=part.text("model"),
            tables=part.text("tables"),
            shape=shape,
            layout=layout,
            dtype=part.made(lambda: np.dtype(dtype)),
            rows=rows,
            blocks=blocks,
            embedded=embedded,
            beside=Beside.from_json(part.part(CONDITIONS), len(blocks)) if stated else None,
            found=part.found,
        )


def check_sound(text: bytes) -> None:
    """Raise ``BadInput`` for a header that :meth:`Header.from_text` will refuse."""
    require(len(text) <= LARGEST_HEADER, "there are too many blocks for a file: make them larger")
    Header.from_text(text, "the new file")
