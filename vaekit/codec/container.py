"""The .vk file: a header, blocks, an index. docs/format.md describes it byte by byte."""

from __future__ import annotations

import json
import mmap
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from vaekit.codec.header import CELLS, CONDITIONS, KEPT, LARGEST_HEADER, Header, check_sound
from vaekit.system.checks import BadInput, require

MAGIC, END, MARK, INDEX = b"\x89VAEKIT\n", b"VAEKIT\x89\n", b"BLOK", b"INDX"
PLAIN_VERSION, VERSION = 2, 5
VERSIONS = {CELLS: VERSION, KEPT: 4, CONDITIONS: 3}  # of files whose header says something of this
START = struct.Struct("<8sHHI")
BLOCK = struct.Struct("<4sIIBxxxQII")
CHECK, TAIL = struct.Struct("<I"), struct.Struct("<Q8s")
MOST_SOUGHT = 8  # times a damaged file's length: what is read in search of its blocks


@dataclass(frozen=True)
class Block:
    """One block as it lies in a file.

    Args:
        number: from 0.
        rows: in it.
        kind: see :mod:`vaekit.codec.blocks`.
        payload: its bytes.
        check: CRC-32 of the decoded rows.
    """

    number: int
    rows: int
    kind: int
    payload: bytes
    check: int

    def packed(self, seed: int) -> bytes:
        """Its bytes; ``seed``, the header's checksum, ties them to their file."""
        fields = (self.number, self.rows, self.kind, len(self.payload), zlib.crc32(self.payload))
        head = BLOCK.pack(MARK, *fields, self.check)
        return head + CHECK.pack(zlib.crc32(head, seed)) + self.payload


class Writer:
    """Writes a file from its start to its end, block after block.

    Args:
        file: to write to.
        header: what it says of itself.
        embedded: the two files of the model, or nothing.
        given: deflated columns for each block, where they are stored.
    """

    def __init__(
        self,
        file: BinaryIO,
        header: dict[str, Any],
        embedded: bytes = b"",
        given: Sequence[bytes] = (),
    ) -> None:
        self.file, self.offsets = file, list[int]()
        text = json.dumps(header, separators=(",", ":"), sort_keys=True).encode()
        check_sound(text)
        version = next((v for key, v in VERSIONS.items() if key in header), PLAIN_VERSION)
        start = START.pack(MAGIC, version, 0, len(text)) + text
        self.seed = zlib.crc32(start)
        file.write(start + CHECK.pack(self.seed))
        if embedded:
            file.write(embedded + CHECK.pack(zlib.crc32(embedded)))
        for piece in given:
            file.write(piece + CHECK.pack(zlib.crc32(piece)))

    def add(self, block: Block) -> None:
        """Write one block."""
        self.offsets.append(self.file.tell())
        self.file.write(block.packed(self.seed))

    def close(self) -> None:
        """Write the index."""
        at = self.file.tell()
        index = INDEX + struct.pack(f"<I{len(self.offsets)}Q", len(self.offsets), *self.offsets)
        self.file.write(index + CHECK.pack(zlib.crc32(index)) + TAIL.pack(at, END))


class Reader:
    """Reads a file's header at once and its blocks on demand.

    Raises:
        BadInput: for a file that is damaged, foreign or of a later version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            start = file.read(START.size)
            require(start[:8] == MAGIC, f"{path} is not a file that vaekit compressed")
            self._whole(start, START.size, "its header")
            _, version, _, length = START.unpack(start)
            require(
                version <= VERSION,
                f"{path} was written in format {version}, this vaekit reads up to {VERSION}: "
                "upgrade vaekit",
            )
            require(
                version >= PLAIN_VERSION,
                f"{path} was written in format {version}, from before the first release: "
                "decompress it with the vaekit that wrote it",
            )
            text = file.read(min(length, LARGEST_HEADER))
            check = file.read(CHECK.size)
            self._whole(text + check, length + CHECK.size, "its header")
            self.seed = zlib.crc32(start + text)
            sound = CHECK.unpack(check)[0] == self.seed
            require(sound, f"{path}: the header is damaged (checksum)")
            self.header = Header.from_text(text, str(path))
            self.size = os.fstat(file.fileno()).st_size
            model, beside = self.header.embedded, self.header.beside
            self.after_model = file.tell() + (sum(model) + CHECK.size if model else 0)
            sizes = [size + CHECK.size for size in beside.sizes] if beside else []
            self.given_ends = [*accumulate(sizes, initial=self.after_model)]
            self.first = self.given_ends[-1]

    def _whole(self, found: bytes, wanted: int, what: str) -> None:
        require(len(found) == wanted, f"{self.path} is cut off inside {what}")

    def embedded(self) -> tuple[bytes, bytes] | None:
        """The embedded model's configuration and weights, if there is one.

        Raises:
            BadInput: if it is damaged.
        """
        sizes = self.header.embedded
        if not sizes:
            return None
        found = self._from(
            self.after_model - sum(sizes) - CHECK.size, self.after_model, "the embedded model"
        )
        data, check = found[: -CHECK.size], found[-CHECK.size :]
        sound = CHECK.unpack(check)[0] == zlib.crc32(data)
        require(sound, f"{self.path}: the embedded model is damaged; give the model itself")
        return data[: sizes[0]], data[sizes[0] :]

    def given(self, number: int) -> bytes:
        """The deflated columns stored for a block.

        Raises:
            BadInput: if they are damaged.
        """
        start, end = self.given_ends[number : number + 2]
        found = self._from(start, end, "what is given")
        piece, check = found[: -CHECK.size], found[-CHECK.size :]
        sound = CHECK.unpack(check)[0] == zlib.crc32(piece)
        require(sound, f"{self.path}: what is given for block {number} is damaged")
        return piece

    def _from(self, start: int, end: int, what: str) -> bytes:
        """A piece of the file, known to lie within it before anything is read."""
        require(end <= self.size, f"{self.path} is cut off inside {what}")
        with self.path.open("rb") as file:
            file.seek(start)
            found = file.read(end - start)
        self._whole(found, end - start, what)
        return found

    def offsets(self) -> list[int]:
        """Where each block begins.

        Raises:
            BadInput: if the index, at the end, is missing or damaged.
        """
        with self.path.open("rb") as file:
            end = file.seek(0, 2)
            lost = f"{self.path} is cut off or its index is damaged; --salvage saves whole blocks"
            require(end >= self.first + TAIL.size, lost)
            file.seek(end - TAIL.size)
            at, mark = TAIL.unpack(file.read(TAIL.size))
            require(mark == END and self.first <= at <= end - TAIL.size, lost)
            file.seek(at)
            index = file.read(end - TAIL.size - at)
        require(len(index) >= 12 and index[:4] == INDEX, lost)
        (check,) = CHECK.unpack(index[-4:])
        (count,) = CHECK.unpack(index[4:8])
        require(check == zlib.crc32(index[:-4]) and len(index) == 12 + 8 * count, lost)
        return list(struct.unpack(f"<{count}Q", index[8:-4]))

    def block(self, offset: int) -> Block:
        """The block that begins at ``offset``.

        Raises:
            BadInput: if it is damaged.
        """
        with self.path.open("rb") as file:
            return self._block(file, offset)

    def _block(self, file: BinaryIO, offset: int) -> Block:
        head = self._head(file, offset)
        require(head is not None, self._damaged(offset))
        _, number, rows, kind, length, sound, rows_check = head  # type: ignore[misc]
        payload = file.read(length)
        fine = len(payload) == length and zlib.crc32(payload) == sound
        require(fine, self._damaged(offset))
        return Block(number, rows, kind, payload, rows_check)

    def _head(self, file: BinaryIO, offset: int) -> tuple[Any, ...] | None:
        """The head of a block that begins at ``offset`` and ends within the file, if there is
        one."""
        if offset > self.size - BLOCK.size - CHECK.size:
            return None
        file.seek(offset)
        head, check = file.read(BLOCK.size), file.read(CHECK.size)
        if head[:4] != MARK or CHECK.unpack(check)[0] != zlib.crc32(head, self.seed):
            return None
        found = BLOCK.unpack(head)
        return found if found[4] <= self.size - file.tell() else None

    def _damaged(self, offset: int) -> str:
        return f"{self.path}: the block at byte {offset} is damaged or cut off"

    def salvaged(self) -> Iterator[Block]:
        """Every whole block, found by its mark, whatever lies between.

        Raises:
            BadInput: for a file so full of false blocks that somebody must have put them there.
        """
        lost = 0
        with self.path.open("rb") as file, _mapped(file) as data:
            at = data.find(MARK, min(self.first, self.size))
            while at >= 0:
                head, step = self._head(file, at), 1
                if head is not None and self._may_be(*head[1:3]):
                    try:
                        block = self._block(file, at)
                        yield block
                        step = BLOCK.size + CHECK.size + len(block.payload)
                    except BadInput:
                        lost += head[4]
                require(lost <= MOST_SOUGHT * self.size, f"{self.path} is full of false blocks")
                at = data.find(MARK, at + step)

    def _may_be(self, number: int, rows: int) -> bool:
        """Whether the header knows of such a block."""
        blocks = self.header.blocks
        return number < len(blocks) and rows == blocks[number]


@contextmanager
def _mapped(file: BinaryIO) -> Iterator[mmap.mmap]:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data
