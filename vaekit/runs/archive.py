"""Compressing data with a trained model, and getting it back bit by bit."""

from __future__ import annotations

import hashlib
import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.codec.ans import Empty
from vaekit.codec.bits_back import Given
from vaekit.codec.blocks import MODELLED, Coder, part_of
from vaekit.codec.columns import check_of
from vaekit.codec.container import CONDITIONS, Block, Reader, Writer
from vaekit.data.readers.arrays import channels_first, restore_layout
from vaekit.runs.coder import coder_of, fingerprint, tables_hash
from vaekit.runs.given import Told, spans
from vaekit.runs.summary import Summary
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.devices import memory
from vaekit.system.files import replacing
from vaekit.system.parallel import parallel_map
from vaekit.system.progress import tracked
from vaekit.system.types import Array
from vaekit.system.version import __version__

DAMAGE = (
    ValueError, LookupError, OSError, ArithmeticError, RuntimeError, EOFError, struct.error,
    zlib.error, lzma.LZMAError, Empty,
)  # fmt: skip
NUMBERS_A_BLOCK = 2**23
Piece = tuple[int, Array, Given]
Coded = tuple[Block, Given]


def compress(
    trained: Trained,
    values: Array,
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
) -> Summary:
    """Write rows, (rows, *shape), to a .vk file; every block is decoded again and compared.

    Args:
        trained: the model.
        values: an array, also memory-mapped: blocks are read one at a time. Images may be given
            as (N, H, W) or (N, H, W, C) too, and come back so.
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

    Raises:
        BadInput: if the model cannot code, rows have another shape, or what is given does not fit.
    """
    shape, values = values.shape[1:], channels_first(values)
    _check(trained, values)
    coder = coder_of(trained, values.dtype)
    size = block_rows or max(NUMBERS_A_BLOCK // values[0].size, 1)
    counts = pieces or [min(size, len(values) - i) for i in range(0, len(values), size)]
    told = Told.of(trained, given, len(values))
    beside = told.packed(counts) if told.columns and store_given else None
    embedded = trained.packed() if embed else (b"", b"")
    header = {
        "vaekit": __version__, "model": fingerprint(trained), "tables": tables_hash(),
        "shape": list(values.shape[1:]), "given": list(shape), "dtype": values.dtype.str,
        "rows": len(values), "blocks": counts, "data": _hash_of(values, counts),
        "embedded": [len(part) for part in embedded] if embed else None,
        **({CONDITIONS: told.header(counts, beside)} if told.columns else {}),
        **(extra or {}),
    }  # fmt: skip
    plain, dtype = 0, values.dtype
    blocks = parallel_map(
        partial(_encoded, coder, verify),
        _encoder,
        lambda: (trained.packed(), dtype.str, verify),
        _pieces(values, told, counts),
        jobs,
    )
    with replacing(out) as temporary, temporary.open("wb") as file:
        writer = Writer(file, header, b"".join(embedded), beside or ())
        for block in tracked(blocks, "compressing", len(counts)):
            writer.add(block)
            plain += block.kind not in MODELLED
        writer.close()
        written = file.tell()
    model = sum(map(len, embedded))
    bits = 8 * (written - model) / values.size
    return Summary(len(values), written, values.nbytes, bits, len(counts), plain, model)


def _check(trained: Trained, values: Array) -> None:
    trained.representation.check(values)  # type: ignore[arg-type]
    require(len(values) > 0, "there are no rows to compress")
    fine = values.dtype.kind in "buif" and values.dtype.itemsize <= 8
    require(fine, f"rows of type {values.dtype} cannot be compressed")


def _hash_of(values: Array, counts: list[int]) -> str:
    """A sha256 of all rows, read a block at a time."""
    found = hashlib.sha256()
    for rows in spans(counts):
        found.update(np.ascontiguousarray(values[rows]).tobytes())
    return found.hexdigest()


def _pieces(values: Array, told: Told, counts: list[int]) -> Iterator[Piece]:
    """The rows of each block, with its number before and what is given behind them."""
    for number, rows in enumerate(spans(counts)):
        yield number, np.asarray(values[rows]), told.encoded(rows)


def _encoder(files: tuple[bytes, bytes], dtype: str, verify: bool) -> Callable[[Piece], Block]:
    """What a process of its own codes blocks with."""
    return partial(_encoded, coder_of(Trained.unpacked(*files), np.dtype(dtype)), verify)


def _decoder(path: Path, files: tuple[bytes, bytes]) -> Callable[[Coded], Array]:
    """What a process of its own decodes blocks with."""
    return Archive(path, Trained.unpacked(*files)).decoded


def _encoded(coder: Coder, verify: bool, piece: Piece) -> Block:
    number, rows, given = piece
    kind, payload = coder.encode(rows, given)
    if verify and coder.decode(kind, payload, len(rows), given).tobytes() != rows.tobytes():
        raise RuntimeError(f"block {number} does not decode to what it was made from")
    return Block(number, len(rows), kind, payload, zlib.crc32(rows.tobytes()))


class Archive:
    """A compressed file: its header, and any of its rows.

    Args:
        path: of the file.
        model: the model it was compressed with; not needed if the file holds it.
        jobs: processes that decode blocks side by side; 0 for one on each core.
        given: what the model was given beside the rows, all of it as handed to :func:`compress`;
            not needed if the file holds it.

    Raises:
        BadInput: for a damaged file, a missing or a wrong model, or wrong things given.
    """

    def __init__(
        self,
        path: str | Path,
        model: Trained | None = None,
        jobs: int = 1,
        *,
        given: Mapping[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        require(self.path.is_file(), f"there is no file {self.path}")
        self.reader = Reader(self.path)
        self.stated = self.reader.header
        self._model, self._given, self.jobs = model, given, jobs

    @property
    def header(self) -> dict[str, Any]:
        """All that the file says of itself, known to make sense."""
        return self.stated.found

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.stated.rows

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a row."""
        return self.stated.shape

    @cached_property
    def model(self) -> Trained:
        """The model, from the file or as given, checked to be the right one."""
        trained = self._model or self._embedded()
        found = fingerprint(trained)
        require(
            found == self.stated.model,
            f"{self.path} was compressed with another model: its fingerprint is "
            f"{self.stated.model[:12]}, this one's {found[:12]}",
        )
        require(
            trained.representation.shape == self.shape,
            f"{self.path}: the header makes no sense: its model takes rows of another shape",
        )
        return trained

    def _embedded(self) -> Trained:
        files = self.reader.embedded()
        if files is None:
            raise BadInput(
                f"{self.path} does not hold its model (fingerprint {self.stated.model[:12]}): "
                "give the model it was compressed with"
            )
        return Trained.unpacked(*files)

    @cached_property
    def coder(self) -> Coder:
        """What its blocks are coded with."""
        require(
            self.stated.tables == tables_hash(),
            "this machine computes other tables than the one that compressed the file; "
            "please report its processor and mathematics library",
        )
        return coder_of(self.model, self.stated.dtype)

    def read(self, start: int = 0, stop: int | None = None) -> Array:
        """Rows from ``start`` to ``stop``: only the blocks that hold them are decoded."""
        stop = self._stop(start, stop)
        self._check_room(stop - start)
        parts = [
            rows[max(start - first, 0) : stop - first] for first, rows in self.blocks(start, stop)
        ]
        return self._laid_out(np.concatenate(parts))

    def read_given(self, start: int = 0, stop: int | None = None) -> dict[str, Array]:
        """What was given beside rows ``start`` to ``stop``, by name, as it was handed in; nothing
        for most models.

        Raises:
            BadInput: if the file does not hold it.
        """
        stop = self._stop(start, stop)
        if not self.given_names:
            return {}
        parts = [(self._columns(i), self.spans[i]) for i in self._wanted(start, stop)]
        return {
            name: np.concatenate(
                [c[name][max(start - at.start, 0) : stop - at.start] for c, at in parts]
            )
            for name in self.given_names
        }

    def _stop(self, start: int, stop: int | None) -> int:
        stop = self.rows if stop is None else stop
        require(0 <= start < stop <= self.rows, f"rows {start}:{stop} are not among {self.rows}")
        return stop

    def _check_room(self, rows: int) -> None:
        """Raise ``BadInput`` for more rows than there can be in this machine's memory."""
        size, room = rows * self.stated.row_bytes, memory()
        require(
            size <= room,
            f"{self.path} says that {rows:,} rows are {size:,} bytes, and there are {room:,} bytes "
            "of memory: take fewer rows, as --range 0:1000",
        )

    def _laid_out(self, rows: Array) -> Array:
        """Rows in the shape and of the type in which they were handed in."""
        shape = self.stated.layout
        with suppress(ValueError, IndexError):
            rows = restore_layout(rows, shape)
        sound = rows.shape[1:] == shape
        require(sound, f"{self.path}: the header makes no sense: rows were not {shape}")
        return rows.astype(self.stated.dtype, copy=False)

    @cached_property
    def spans(self) -> list[slice]:
        """The rows of each block."""
        return list(spans(self.stated.blocks))

    def _wanted(self, start: int, stop: int) -> list[int]:
        return [i for i, at in enumerate(self.spans) if at.stop > start and at.start < stop]

    def blocks(self, start: int, stop: int) -> Iterator[tuple[int, Array]]:
        """The blocks that hold rows ``start`` to ``stop``, each with its first row's number."""
        offsets = self.reader.offsets()
        require(len(offsets) == len(self.spans), f"{self.path}: index and header disagree")
        wanted = self._wanted(start, stop)
        read = ((self._block(i, offsets[i]), self._given_for(i)) for i in wanted)
        parts = zip(wanted, self._all_decoded(read), strict=True)
        for i, rows in tracked(parts, "decompressing", len(wanted)):
            yield self.spans[i].start, rows

    @property
    def given_names(self) -> list[str]:
        """What the model was given beside rows; nothing for most models."""
        return [*self.stated.beside.names] if self.stated.beside else []

    def _given_for(self, number: int) -> Given:
        """What the model is given for the rows of a block.

        Raises:
            BadInput: if it is missing, or not what was given when the rows were compressed.
        """
        beside = self.stated.beside
        if beside is None:
            require(not self._given, f"{self.path} holds rows alone: nothing is given beside them")
        at = self.spans[number]
        columns = self._columns(number) if beside else {}
        found = Told(self.model.config.conditions, columns).encoded(slice(0, at.stop - at.start))
        require(
            beside is None or check_of(found) == beside.checks[number],
            f"what is given for rows {at.start}:{at.stop} is not what was given when {self.path} "
            "was compressed",
        )
        return found

    def _columns(self, number: int) -> Mapping[str, Array]:
        """What was handed in for the rows of a block."""
        at, told = self.spans[number], self._told
        if told is not None:
            return part_of(told.columns, at)
        layout: Any = self.stated.beside and self.stated.beside.layout
        return layout.unpack(self.reader.given(number), at.stop - at.start)

    @cached_property
    def _told(self) -> Told | None:
        """What was handed in to read the file; None where the file itself holds it."""
        beside, listed = self.stated.beside, ", ".join(self.given_names)
        if self._given:
            return Told.of(self.model, self._given, self.rows)
        stored = beside is not None and beside.stored
        require(stored, f"{self.path} does not hold what was given beside its rows: give {listed}")
        return None

    def _block(self, number: int, offset: int) -> Block:
        block = self.reader.block(offset)
        mixed = f"{self.path}: index and header disagree; --salvage saves whole blocks"
        require(block.number == number and self._expected(block), mixed)
        return block

    def _all_decoded(self, blocks: Iterable[Coded]) -> Iterator[Array]:
        def arguments() -> tuple[Any, ...]:
            return self.path, self.model.packed()

        return parallel_map(self.decoded, _decoder, arguments, blocks, self.jobs)

    def salvage(self) -> tuple[Array, Array]:
        """All rows that whole blocks hold, and their numbers."""
        found = dict[int, Array]()
        for block in tracked(self.reader.salvaged(), "salvaging", len(self.spans)):
            if self._expected(block) and block.number not in found and self._is_told(block.number):
                found[block.number] = self.decoded((block, self._given_for(block.number)))
        require(bool(found), f"{self.path} holds no whole block")
        numbers = [np.arange(self.spans[i].start, self.spans[i].stop) for i in sorted(found)]
        rows = np.concatenate([rows for _, rows in sorted(found.items())])
        return self._laid_out(rows), np.concatenate(numbers)

    def _is_told(self, number: int) -> bool:
        """Whether what is given for a block can be read, or nothing has to be."""
        if not self.given_names or self._told is not None:
            return True
        try:
            self._columns(number)
        except BadInput:
            return False
        return True

    def _expected(self, block: Block) -> bool:
        counts = self.stated.blocks
        return block.number < len(counts) and block.rows == counts[block.number]

    def decoded(self, coded: Coded) -> Array:
        """The rows of a block, checked, by what is given beside them."""
        block, given = coded
        self._check_room(block.rows)
        try:
            rows = self.coder.decode(block.kind, block.payload, block.rows, given)
        except DAMAGE as error:
            raise BadInput(f"{self.path}: block {block.number} makes no sense ({error})") from error
        require(
            zlib.crc32(rows.tobytes()) == block.check,
            f"{self.path}: block {block.number} decodes to other rows than went in; please report "
            "your processor and the versions of torch and numpy",
        )
        return rows
