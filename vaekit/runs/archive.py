"""Compressing data with a trained model, and getting it back bit by bit."""

from __future__ import annotations

import hashlib
import json
import lzma
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.codec import fixed_point
from vaekit.codec.ans import Empty
from vaekit.codec.blocks import MODEL, Coder
from vaekit.codec.container import Block, Reader, Writer
from vaekit.codec.families import twin
from vaekit.data import Representation
from vaekit.data.readers.arrays import channels_first, laid_out
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import replacing
from vaekit.system.parallel import shared_out
from vaekit.system.progress import tracked
from vaekit.system.version import __version__

Array = np.ndarray
DAMAGE = (
    ValueError, KeyError, IndexError, OSError, struct.error, zlib.error, lzma.LZMAError, Empty,
)  # fmt: skip
NUMBERS_A_BLOCK, LARGEST_COUNT = 2**23, 2**40


@dataclass(frozen=True)
class Summary:
    """What a compression came to.

    Args:
        rows: how many. size: of the file, in bytes. raw: of the rows as they lie in memory.
        bits_per_dimension: of the whole file, model not counted.
        blocks: how many. plain: blocks that the model could not shorten.
        model: bytes of the embedded model, 0 if there is none.
    """

    rows: int
    size: int
    raw: int
    bits_per_dimension: float
    blocks: int
    plain: int
    model: int

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.raw / max(self.size, 1)}


def fingerprint(trained: Trained) -> str:
    """A sha256 over all that decides how a model codes: recipe, arguments, numbers, weights."""
    identity = json.dumps(trained.config.identity(), sort_keys=True)
    found = hashlib.sha256(identity.encode())
    for name, tensor in sorted(trained.model.state_dict().items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def coder_of(trained: Trained, dtype: np.dtype) -> Coder:
    """The block coder of a model for rows stored as ``dtype``.

    Raises:
        BadInput: for a model without an exact form, or one of real numbers.
    """
    model, representation = trained.model, trained.representation
    require(
        not trained.config.conditions,
        "a model that is given something beside x cannot compress: the file would not hold it",
    )
    exact, family = twin(model), model.likelihood.family
    top = min(family.range.high, LARGEST_COUNT)
    require(
        trained.is_discrete,
        "this model sees grey values as chances of a 1; compression needs whole levels: train with "
        "--likelihood logistic_mixture or beta_binomial",
    )

    def fits(x: Array) -> bool:
        return bool(x.min() >= 0 and x.max() <= top)

    forth, back = ways(representation)
    return Coder(exact, representation.shape, dtype, fits, forth, back)


def ways(
    representation: Representation,
) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """From stored values to a model's whole numbers, and back; exact wherever that is possible."""
    unit = 1.0 if representation.binarize != "none" else representation.scale
    parts = round(1 / unit) if unit < 1 else 1

    def forth(rows: Array) -> Array:
        if unit == 1:
            whole = rows.astype(np.int64)
        else:
            whole = np.rint(rows.astype(np.float64) * parts / max(unit, 1)).astype(np.int64)
        return representation.apart(torch.from_numpy(whole)).numpy()

    def back(x: Array) -> Array:
        whole = representation.together(torch.from_numpy(x)).numpy()
        return whole if unit == 1 else whole * max(unit, 1) / parts

    return forth, back


@cache
def tables_hash() -> str:
    """The sha256 of every table the codec uses."""
    more = {f"rises{n}": fixed_point.rises(n) for n in (17, 256)}
    more |= {"mantissas": fixed_point.mantissas()}
    return fixed_point.hashed(fixed_point.every_table() | more)


def compress(
    trained: Trained,
    values: Array,
    out: Path,
    *,
    block_rows: int = 0,
    embed: bool = False,
    verify: bool = True,
    jobs: int = 1,
    pieces: list[int] | None = None,
    extra: dict[str, Any] | None = None,
) -> Summary:
    """Write rows, (rows, *shape), to a .vk file; every block is decoded again and compared.

    Args:
        values: an array, also memory-mapped: blocks are read one at a time. Images may be given
            as (N, H, W) or (N, H, W, C) too, and come back so.
        block_rows: rows in each block; 0 for about eight million numbers.
        embed: put the model into the file. verify: decode every block before the file appears.
        jobs: processes that code blocks side by side; 0 for one on each core.
        pieces: rows of each block, in place of ``block_rows``.
        extra: more for the header.

    Raises:
        BadInput: if the model cannot code, or rows have another shape.
    """
    given, values = values.shape[1:], channels_first(values)
    trained.representation.check(values)  # type: ignore[arg-type]
    require(len(values) > 0, "there are no rows to compress")
    fine = values.dtype.kind in "buif" and values.dtype.itemsize <= 8
    require(fine, f"rows of type {values.dtype} cannot be compressed")
    coder = coder_of(trained, values.dtype)
    size = block_rows or max(NUMBERS_A_BLOCK // values[0].size, 1)
    counts = pieces or [min(size, len(values) - i) for i in range(0, len(values), size)]
    embedded = trained.packed() if embed else (b"", b"")
    header = {
        "vaekit": __version__, "model": fingerprint(trained), "tables": tables_hash(),
        "shape": list(values.shape[1:]), "given": list(given), "dtype": values.dtype.str,
        "rows": len(values), "blocks": counts, "data": _hash_of(values, counts),
        "embedded": [len(part) for part in embedded] if embed else None,
        **(extra or {}),
    }  # fmt: skip
    plain, dtype = 0, values.dtype
    here = partial(_encoded, coder, verify)
    blocks = shared_out(
        here,
        _encoder,
        lambda: (trained.packed(), dtype.str, verify),
        _pieces(values, counts),
        jobs,
    )
    with replacing(out) as temporary, temporary.open("wb") as file:
        writer = Writer(file, header, b"".join(embedded))
        for block in tracked(blocks, "compressing", len(counts)):
            writer.add(block)
            plain += block.kind != MODEL
        writer.close()
        written = file.tell()
    model = sum(map(len, embedded))
    bits = 8 * (written - model) / values.size
    return Summary(len(values), written, values.nbytes, bits, len(counts), plain, model)


def _hash_of(values: Array, counts: list[int]) -> str:
    """A sha256 of all rows, read a block at a time."""
    found = hashlib.sha256()
    for _, rows in _pieces(values, counts):
        found.update(np.ascontiguousarray(rows).tobytes())
    return found.hexdigest()


def _pieces(values: Array, counts: list[int]) -> Iterator[tuple[int, Array]]:
    """The rows of each block, with its number."""
    at = 0
    for number, count in enumerate(counts):
        yield number, np.asarray(values[at : at + count])
        at += count


def _encoder(files: tuple[bytes, bytes], dtype: str, verify: bool) -> Callable[..., Block]:
    """What a process of its own codes blocks with."""
    return partial(_encoded, coder_of(Trained.unpacked(*files), np.dtype(dtype)), verify)


def _decoder(path: Path, files: tuple[bytes, bytes]) -> Callable[[Block], Array]:
    """What a process of its own decodes blocks with."""
    return Archive(path, Trained.unpacked(*files)).decoded


def _encoded(coder: Coder, verify: bool, piece: tuple[int, Array]) -> Block:
    number, rows = piece
    kind, payload = coder.encode(rows)
    if verify and coder.decode(kind, payload, len(rows)).tobytes() != rows.tobytes():
        raise RuntimeError(f"block {number} does not decode to what it was made from")
    return Block(number, len(rows), kind, payload, zlib.crc32(rows.tobytes()))


class Archive:
    """A compressed file: its header, and any of its rows.

    Args:
        model: the model it was compressed with; not needed if the file holds it.
        jobs: processes that decode blocks side by side; 0 for one on each core.

    Raises:
        BadInput: for a damaged file, a missing or a wrong model.
    """

    def __init__(self, path: str | Path, model: Trained | None = None, jobs: int = 1) -> None:
        self.path = Path(path)
        require(self.path.is_file(), f"there is no file {self.path}")
        self.reader = Reader(self.path)
        self.header = self.reader.header
        self.given, self.jobs = model, jobs

    @property
    def rows(self) -> int:
        return int(self.header["rows"])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.header["shape"])

    @cached_property
    def model(self) -> Trained:
        """The model, from the file or as given, checked to be the right one."""
        trained = self.given or self._embedded()
        found = fingerprint(trained)
        require(
            found == self.header["model"],
            f"{self.path} was compressed with another model: its fingerprint is "
            f"{self.header['model'][:12]}, this one's {found[:12]}",
        )
        return trained

    def _embedded(self) -> Trained:
        files = self.reader.embedded()
        if files is None:
            raise BadInput(
                f"{self.path} does not hold its model (fingerprint {self.header['model'][:12]}): "
                "give the model it was compressed with"
            )
        return Trained.unpacked(*files)

    @cached_property
    def coder(self) -> Coder:
        require(
            self.header["tables"] == tables_hash(),
            "this machine computes other tables than the one that compressed the file; "
            "please report its processor and mathematics library",
        )
        return coder_of(self.model, np.dtype(self.header["dtype"]))

    def read(self, start: int = 0, stop: int | None = None) -> Array:
        """Rows from ``start`` to ``stop``: only the blocks that hold them are decoded."""
        stop = self.rows if stop is None else stop
        require(0 <= start < stop <= self.rows, f"rows {start}:{stop} are not among {self.rows}")
        parts = [
            rows[max(start - first, 0) : stop - first] for first, rows in self.blocks(start, stop)
        ]
        return self._as_given(np.concatenate(parts))

    def _as_given(self, rows: Array) -> Array:
        """Rows in the shape and of the type in which they were handed in."""
        shape = tuple(self.header.get("given", self.shape))
        return laid_out(rows, shape).astype(self.header["dtype"], copy=False)

    def blocks(self, start: int, stop: int) -> Iterator[tuple[int, Array]]:
        """The blocks that hold rows ``start`` to ``stop``, each with its first row's number."""
        offsets = self.reader.offsets()
        ends = np.cumsum(self.header["blocks"])
        require(len(offsets) == len(ends), f"{self.path}: index and header disagree")
        wanted = [
            i for i, n in enumerate(self.header["blocks"]) if ends[i] > start and ends[i] - n < stop
        ]
        read = (self._block(i, offsets[i]) for i in wanted)
        parts = zip(wanted, self._all_decoded(read), strict=True)
        for i, rows in tracked(parts, "decompressing", len(wanted)):
            yield int(ends[i]) - len(rows), rows

    def _block(self, number: int, offset: int) -> Block:
        block = self.reader.block(offset)
        mixed = f"{self.path}: index and header disagree; --salvage saves whole blocks"
        require(block.number == number and self._expected(block), mixed)
        return block

    def _all_decoded(self, blocks: Iterable[Block]) -> Iterator[Array]:
        def arguments() -> tuple[Any, ...]:
            return self.path, self.model.packed()

        return shared_out(self.decoded, _decoder, arguments, blocks, self.jobs)

    def salvage(self) -> tuple[Array, Array]:
        """All rows that whole blocks hold, and their numbers."""
        ends, found = np.cumsum(self.header["blocks"]), {}
        for block in tracked(self.reader.salvaged(), "salvaging", len(ends)):
            if self._expected(block) and block.number not in found:
                found[block.number] = self.decoded(block)
        require(bool(found), f"{self.path} holds no whole block")
        numbers = [np.arange(ends[i] - len(rows), ends[i]) for i, rows in sorted(found.items())]
        rows = np.concatenate([rows for _, rows in sorted(found.items())])
        return self._as_given(rows), np.concatenate(numbers)

    def _expected(self, block: Block) -> bool:
        counts = self.header["blocks"]
        return block.number < len(counts) and block.rows == counts[block.number]

    def decoded(self, block: Block) -> Array:
        """The rows of a block, checked."""
        try:
            rows = self.coder.decode(block.kind, block.payload, block.rows)
        except DAMAGE as error:
            raise BadInput(f"{self.path}: block {block.number} makes no sense ({error})") from error
        require(
            zlib.crc32(rows.tobytes()) == block.check,
            f"{self.path}: block {block.number} decodes to other rows than went in; please report "
            "your processor and the versions of torch and numpy",
        )
        return rows
