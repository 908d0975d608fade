"""Pictures of any size, compressed with a model of small ones: cut into tiles, put together again.

Each page of a picture file is a block of its own and can be read alone. Tiles at the right and
lower edges repeat the last column and row; what was added is dropped again. What a file holds
beside the numbers that the model codes (a palette, transparency, ...) lies in the header.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from vaekit.codec.columns import as_columns
from vaekit.codec.header import KEPT, PICTURES
from vaekit.data.readers.folder import files_in
from vaekit.data.readers.images import find_images, from_tiles, to_tiles
from vaekit.data.readers.loading import first_line
from vaekit.data.readers.roles import LABEL
from vaekit.data.readers.whole_pictures import (
    Beside,
    WholePage,
    as_file,
    check_comes_back,
    ending_of,
    read_whole,
)
from vaekit.runs.archive import Archive
from vaekit.runs.compression import Summary, compress
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import make_folder, replacing
from vaekit.system.progress import tracked
from vaekit.system.records import Part
from vaekit.system.types import Array

MODES = {1: "L", 3: "RGB"}
SEVERAL = ".tif"  # ending of a file of several pages
ENDINGS = (".png", SEVERAL)
LARGEST_BLOB = 2**28
NONSENSE = (
    LookupError, ValueError, TypeError, AttributeError, OverflowError, OSError, struct.error,
    zlib.error, binascii.Error,
)  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """A picture file as it will be coded.

    Args:
        path: of the file.
        name: under which it comes back.
        planes: of each page, (C, H, W).
        beside: what lies beside the planes of each page.
        lost: names of what the file holds that is not kept.
    """

    path: Path
    name: str
    planes: list[Array]
    beside: list[Beside]
    lost: frozenset[str]

    @classmethod
    def of(cls, path: Path, name: str, shape: tuple[int, ...], dtype: str) -> Planned:
        """The plan for a file.

        Args:
            path: of it.
            name: what it is called.
            shape: of the model's rows.
            dtype: of the numbers that the model takes.

        Raises:
            BadInput: for a file that the model does not code, or that cannot be kept whole.
        """
        pages = read_whole(path)
        wide = next((p.mode for p in pages if p.kind.dtype is not np.uint8), None)
        require(
            wide is None or dtype != "uint8",
            f"{path} is of mode {wide}, with more than 8 bits; the model codes pictures of 8 bits",
        )
        parts = [page.split(shape[0], str(path)) for page in pages]
        renamed = PurePosixPath(name).with_suffix(ending_of(pages)).as_posix()
        lost = frozenset[str]().union(*(page.lost for page in pages))
        found = cls(path, renamed, [p for p, _ in parts], [b for _, b in parts], lost)
        check_comes_back(path, pages, found.joined(found.planes))
        return found

    def joined(self, planes: Sequence[Array]) -> list[WholePage]:
        """Pages of these planes, with what lies beside them."""
        return [WholePage.joined(p, b) for p, b in zip(planes, self.beside, strict=True)]

    def check(self, planes: Sequence[Array]) -> None:
        """Raise ``BadInput`` unless decoded planes give the file, read again."""
        check_comes_back(self.path, read_whole(self.path), self.joined(planes))


def compress_pictures(
    trained: Trained,
    place: Path,
    out: Path,
    *,
    given: Mapping[str, Any] | None = None,
    verify: bool = True,
    **options: Any,
) -> Summary:
    """Write a folder's pictures, or one, to a .vk file: all that is seen of them and their numbers
    at full depth. What is decoded is compared with the picture files.

    Args:
        trained: the model.
        place: the folder, or a picture file.
        out: the file.
        given: what a conditional model is given: by name, one value for each file, in the order
            of their paths, or one for all; by default labels are the names of the sub-folders.
        verify: decode all pictures before the file appears.
        options: embed, store_given, jobs; see :func:`vaekit.runs.compression.compress`.

    Raises:
        BadInput: for pictures that the model does not code, or that cannot be kept whole.
    """
    shape = trained.representation.shape
    require(len(shape) == 3, "this model describes rows of numbers, not pictures")
    require(shape[0] in MODES, f"the model describes pictures of {shape[0]} channels, not 1 or 3")
    plans = _plans(place, shape, trained.representation.dtype)
    pages = [planes for plan in plans for planes in plan.planes]
    dtype = _common_dtype(plans)
    tiles = [to_tiles(planes.astype(dtype), (shape[1], shape[2])) for planes in pages]
    counts = [len(t) for t in tiles]
    each = iter(counts)
    in_file = [sum(next(each) for _ in plan.planes) for plan in plans]
    told = as_columns(_told(trained, place, plans, given), len(plans))
    beside = {name: np.repeat(values, in_file, axis=0) for name, values in told.items()}
    found = {"pieces": counts, "extra": _header(plans, shape[0]), "given": beside, **options}
    with replacing(out) as temporary:
        summary = compress(trained, np.concatenate(tiles), temporary, verify=False, **found)
        if verify:
            archive = Archive(temporary, trained, options.get("jobs", 1), given=beside or None)
            _check_written(archive, plans)
    return replace(summary, notes=tuple(_notes(plans)))


def _plans(place: Path, shape: tuple[int, ...], dtype: str) -> list[Planned]:
    paths = find_images(place)
    named = zip(paths, files_in(place), strict=True)
    plans = [
        Planned.of(path, name, shape, dtype)
        for path, name in tracked(named, "reading pictures", len(paths))
    ]
    different = len({plan.name for plan in plans}) == len(plans)
    require(different, f"two pictures in {place} differ only in their ending")
    return plans


def _common_dtype(plans: Sequence[Planned]) -> np.dtype:
    """The type of all numbers: uint8, int32 for wider whole ones, float32."""
    first: dict[str, Path] = {}
    for plan in plans:
        for planes in plan.planes:
            first.setdefault(
                "float32" if planes.dtype.kind == "f" else planes.dtype.name, plan.path
            )
    fractions, whole = (
        first.get("float32"),
        next((p for k, p in first.items() if k != "float32"), None),
    )
    require(
        fractions is None or whole is None,
        f"{fractions} holds fractions, {whole} whole numbers: compress them apart",
    )
    if fractions:
        return np.dtype(np.float32)
    return np.dtype(np.uint8 if set(first) == {"uint8"} else np.int32)


def _told(
    trained: Trained, place: Path, plans: Sequence[Planned], given: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the model is given of each file."""
    told = dict(given or {})
    if LABEL in trained.config.conditions.names and LABEL not in told and place.is_dir():
        told[LABEL] = [str(plan.path.parent.relative_to(place)) for plan in plans]
    return told


def _notes(plans: Sequence[Planned]) -> Iterator[str]:
    """What is not kept of some files."""
    some = [plan.lost for plan in plans if plan.lost]
    if some:
        listed = ", ".join(sorted(frozenset[str]().union(*some)))
        yield f"not kept of {len(some):,} of {len(plans):,} files: {listed}"


def _header(plans: Sequence[Planned], channels: int) -> dict[str, Any]:
    """What the header says of pictures; of what lies beside only where there is something."""
    listed = [[plan.name, *planes.shape[1:]] for plan in plans for planes in plan.planes]
    blobs = Blobs()
    pages = [blobs.packed(beside, channels) for plan in plans for beside in plan.beside]
    plain = not any(pages) and all(len(plan.planes) == 1 for plan in plans)
    return {"pictures": listed, **({} if plain else {KEPT: {"blobs": blobs.texts, "pages": pages}})}


class Blobs:
    """Bytes in a header, each of them once, deflated."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.texts, self.numbers = list(texts), dict[bytes, int]()

    def packed(self, beside: Beside, channels: int) -> dict[str, Any]:
        """What lies beside a page, for JSON; what is as in most pictures is left out."""
        usual = {"mode": MODES[channels], "turn": 1}
        found = {name: value for name, value in beside.items() if value != usual.get(name)}
        return {name: self._put(v) for name, v in found.items() if v not in (None, b"", ())}

    def _put(self, value: Any) -> Any:
        if not isinstance(value, bytes):
            return value
        number = self.numbers.setdefault(value, len(self.numbers))
        if number == len(self.texts):
            self.texts.append(base64.b64encode(zlib.compress(value, 9)).decode())
        return {"blob": number}

    def unpacked(self, packed: Mapping[str, Any]) -> Beside:
        """The reverse of :meth:`packed`."""
        return {name: self._get(value) for name, value in packed.items()}

    def _get(self, value: Any) -> Any:
        if isinstance(value, list):
            return tuple(value)
        if not isinstance(value, dict):
            return value
        stored = base64.b64decode(self.texts[value["blob"]])
        return zlib.decompressobj().decompress(stored, LARGEST_BLOB)


@dataclass(frozen=True)
class PageEntry:
    """What a header says of a page.

    Args:
        name: of its file.
        height: in pixels.
        width: in pixels.
    """

    name: str
    height: int
    width: int

    @classmethod
    def from_json(cls, found: Any) -> PageEntry:
        """What an entry says.

        Raises:
            BadInput: for one that makes no sense.
        """
        entry = found if isinstance(found, list) and len(found) == 3 else ["", 0, 0]
        keys = ("name", "height", "width")
        part = Part(dict(zip(keys, entry, strict=True)), "a picture's entry")
        name = part.text("name")
        sound = "\0" not in name and name.endswith(ENDINGS)
        part.require(sound, "name", f"the name of a {' or '.join(ENDINGS)} file")
        return cls(name, part.whole("height", 1), part.whole("width", 1))


@dataclass(frozen=True)
class Stored:
    """The picture files of an archive.

    Args:
        archive: that holds them.
    """

    archive: Archive

    @cached_property
    def pages(self) -> list[PageEntry]:
        """What the header says of each page.

        Raises:
            BadInput: for a list that does not go with the archive's blocks.
        """
        header = Part(self.archive.header, f"the header of {self.archive.path}")
        blocks, shape = self.archive.stated.blocks, self.archive.shape
        pages = [PageEntry.from_json(found) for found in header.items(PICTURES)]
        fits = len(shape) == 3 and shape[0] in MODES
        header.require(fits, PICTURES, f"of pictures, and rows are {shape}")
        header.require(len(pages) == len(blocks), PICTURES, "one for each block")
        for page, tiles in zip(pages, blocks, strict=True):
            wanted = -(-page.height // shape[1]) * -(-page.width // shape[2])
            named = repr(page.name[:60])
            header.require(wanted == tiles, PICTURES, f"cut into {wanted} tiles for {named}")
        return pages

    @cached_property
    def files(self) -> list[tuple[str, list[int]]]:
        """The name of each file, and the numbers of its pages among all.

        Raises:
            BadInput: for a name that is there twice.
        """
        grouped = groupby(range(len(self.pages)), key=lambda number: self.pages[number].name)
        files = [(name, list(numbers)) for name, numbers in grouped]
        header = Part(self.archive.header, f"the header of {self.archive.path}")
        once = len({name for name, _ in files}) == len(files)
        single = all(len(numbers) == 1 or name.endswith(SEVERAL) for name, numbers in files)
        header.require(once and single, PICTURES, "of files of different names")
        return files

    def planes(self, numbers: Sequence[int]) -> list[Array]:
        """The planes of neighbouring pages, each (C, H, W)."""
        ends = np.cumsum([0, *self.archive.stated.blocks])
        blocks = self.archive.blocks(int(ends[numbers[0]]), int(ends[numbers[-1] + 1]))
        pages = [self.pages[number] for number in numbers]
        return [
            from_tiles(tiles, page.height, page.width)
            for page, (_, tiles) in zip(pages, blocks, strict=True)
        ]

    def as_file(self, numbers: Sequence[int]) -> bytes:
        """The picture file of neighbouring pages, with all that lies beside them.

        Raises:
            BadInput: for a header that makes no sense.
        """
        planes = self.planes(numbers)
        try:
            beside = [self._beside(number) for number in numbers]
            return as_file([WholePage.joined(p, b) for p, b in zip(planes, beside, strict=True)])
        except NONSENSE as error:
            path, why = self.archive.path, first_line(error)
            raise BadInput(f"{path}: the header makes no sense ({why})") from error

    def _beside(self, number: int) -> Beside:
        header = self.archive.header
        if KEPT not in header:
            return {}
        kept = header[KEPT]
        return Blobs(kept["blobs"]).unpacked(kept["pages"][number])


def _check_written(archive: Archive, plans: Sequence[Planned]) -> None:
    """Raise ``BadInput`` unless all picture files are as they come back."""
    stored = Stored(archive)
    start = 0
    for plan in tracked(plans, "checking pictures", len(plans)):
        numbers = range(start, start + len(plan.planes))
        plan.check(stored.planes(numbers))
        start = numbers.stop


def restore_pictures(
    archive: Archive, folder: Path, start: int = 0, stop: int | None = None
) -> int:
    """Write picture files ``start`` to ``stop`` of an archive, as PNG or TIFF; returns how many."""
    stored = Stored(archive)
    files = stored.files
    stop = len(files) if stop is None else stop
    require(0 <= start < stop <= len(files), f"pictures {start}:{stop} of {len(files)}")
    for name, numbers in tracked(files[start:stop], "writing pictures", stop - start):
        path = _inside(folder, name)
        made = stored.as_file(numbers)
        with replacing(path) as temporary:
            temporary.write_bytes(made)
    return stop - start


def _inside(folder: Path, name: str) -> Path:
    """Where a stored name leads; never out of the folder."""
    path = (folder / name).resolve()
    require(path.is_relative_to(folder.resolve()), f"the name {name!r} leads out of the folder")
    make_folder(path.parent)
    return path
