"""Getting back what a trained model compressed, bit by bit."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.codec.ans import Empty
from vaekit.codec.bits_back import Given
from vaekit.codec.blocks import Coder, part_of
from vaekit.codec.columns import check_of
from vaekit.codec.container import CELLS, Block, Reader
from vaekit.data.layout import RowLayout
from vaekit.data.readers.dialect import Dialect
from vaekit.runs.coder import coder_of, fingerprint, tables_hash
from vaekit.runs.given import Told, spans
from vaekit.runs.table_blocks import TableCoder
from vaekit.runs.table_form import TableForm
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.devices import memory
from vaekit.system.parallel import parallel_map
from vaekit.system.progress import tracked
from vaekit.system.records import Part
from vaekit.system.types import Array

DAMAGE = (
    ValueError, LookupError, OSError, ArithmeticError, RuntimeError, EOFError, struct.error,
    zlib.error, lzma.LZMAError, Empty,
)  # fmt: skip
Coded = tuple[Block, Given]


def _decoder(path: Path, files: tuple[bytes, bytes]) -> Callable[[Coded], Any]:
    """What a process of its own decodes blocks with."""
    return Archive(path, Trained.unpacked(*files)).decoded


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
    def table(self) -> TableForm | None:
        """How the table in the file is written; None for rows of numbers."""
        found = self.header.get(CELLS)
        name = f"{self.path}: the header"
        return None if found is None else TableForm.from_json(Part(found, name))

    @cached_property
    def coder(self) -> Coder | TableCoder:
        """What its blocks are coded with."""
        require(
            self.stated.tables == tables_hash(),
            "this machine computes other tables than the one that compressed the file; "
            "please report its processor and mathematics library",
        )
        if self.table is None:
            return coder_of(self.model, self.stated.dtype)
        said = Part(self.header[CELLS].get("dialect"), f"{self.path}: the header")
        return TableCoder.of(self.model, self.table, Dialect.from_json(said))

    def read(self, start: int = 0, stop: int | None = None) -> Any:
        """Rows from ``start`` to ``stop``, an array, or of a table a table of pyarrow's: only the
        blocks that hold them are decoded."""
        stop = self._stop(start, stop)
        self._check_room(stop - start)
        parts = [
            rows[max(start - first, 0) : stop - first] for first, rows in self.blocks(start, stop)
        ]
        return self._laid_out(self.coder.joined(parts))

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

    def parts(self) -> Iterator[Any]:
        """All rows, a block at a time, as :meth:`read` gives them."""
        return (self._laid_out(rows) for _, rows in self.blocks(0, self.rows))

    @cached_property
    def layout(self) -> RowLayout:
        """How a row lay in the array that was handed in."""
        given, axes = self.stated.layout, self.header.get("axes")
        wrong = f"{self.path}: the header makes no sense: rows were not {given}"
        try:
            found = RowLayout(str(axes), given) if axes else RowLayout.between(given, self.shape)
        except (ValueError, IndexError) as error:
            raise BadInput(wrong) from error
        require(found.stored == self.shape, wrong)
        return found

    def _check_room(self, rows: int) -> None:
        """Raise ``BadInput`` for more rows than there can be in this machine's memory."""
        size, room = rows * self.stated.row_bytes, memory()
        require(
            size <= room,
            f"{self.path} says that {rows:,} rows are {size:,} bytes, and there are {room:,} bytes "
            "of memory: take fewer rows, as --range 0:1000",
        )

    def _laid_out(self, rows: Any) -> Any:
        """Rows in the shape and of the type in which they were handed in."""
        if self.table is not None:
            return rows
        return self.layout.give(rows).astype(self.stated.dtype, copy=False)

    @cached_property
    def spans(self) -> list[slice]:
        """The rows of each block."""
        return list(spans(self.stated.blocks))

    def _wanted(self, start: int, stop: int) -> list[int]:
        return [i for i, at in enumerate(self.spans) if at.stop > start and at.start < stop]

    def blocks(self, start: int, stop: int) -> Iterator[tuple[int, Any]]:
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

    @property
    def needs_given(self) -> bool:
        """Whether what the model was given has to be handed in again."""
        return bool(self.given_names) and not (self.stated.beside and self.stated.beside.stored)

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

    def _all_decoded(self, blocks: Iterable[Coded]) -> Iterator[Any]:
        def arguments() -> tuple[Any, ...]:
            return self.path, self.model.packed()

        return parallel_map(self.decoded, _decoder, arguments, blocks, self.jobs)

    def salvage(self) -> tuple[Any, Array]:
        """All rows that whole blocks hold, and their numbers."""
        found = dict[int, Any]()
        for block in tracked(self.reader.salvaged(), "salvaging", len(self.spans)):
            if self._expected(block) and block.number not in found and self._is_told(block.number):
                found[block.number] = self.decoded((block, self._given_for(block.number)))
        require(bool(found), f"{self.path} holds no whole block")
        numbers = [np.arange(self.spans[i].start, self.spans[i].stop) for i in sorted(found)]
        rows = self.coder.joined([found[number] for number in sorted(found)])
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

    def decoded(self, coded: Coded) -> Any:
        """The rows of a block, checked, by what is given beside them."""
        block, given = coded
        self._check_room(block.rows)
        try:
            rows = self.coder.decode(block.kind, block.payload, block.rows, given)
        except DAMAGE as error:
            raise BadInput(f"{self.path}: block {block.number} makes no sense ({error})") from error
        require(
            self.coder.check_of(rows) == block.check,
            f"{self.path}: block {block.number} decodes to other rows than went in; please report "
            "your processor and the versions of torch and numpy",
        )
        return rows
