"""Pictures inside tar archives, read in place."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from vaekit.data.readers.listing import PICTURES, is_hidden
from vaekit.data.readers.loading import UNREADABLE, why_not
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked

LONGEST_LABEL = 10_000


class _Entry(tarfile.TarInfo):
    """An entry whose size is never negative: older Pythons read one like that for ever."""

    def _block(self, count: int) -> int:
        if count < 0:
            raise tarfile.InvalidHeaderError("negative size")  # type: ignore[attr-defined]
        return super()._block(count)  # type: ignore[misc]


@dataclass(frozen=True)
class Member:
    """A picture in an archive: where its bytes lie, and its label."""

    archive: Path
    name: str
    start: int
    size: int
    label: str = ""

    def open(self) -> io.BytesIO:
        """Its bytes."""
        with self.archive.open("rb") as file:
            file.seek(self.start)
            return io.BytesIO(file.read(self.size))

    def text(self) -> str:
        """Its bytes as a word."""
        require(self.size <= LONGEST_LABEL, f"{self} is too long to be a label")
        try:
            return self.open().read().decode().strip()
        except UnicodeDecodeError as error:
            raise BadInput(f"{self} is no text: it should hold a label") from error

    def __str__(self) -> str:
        return f"{self.name} in {self.archive}"


def in_archives(paths: Sequence[Path]) -> list[Member]:
    """The pictures of archives, in order; a file KEY.cls is the label of the picture KEY.

    Raises:
        BadInput: for a file that is no archive, is compressed, or holds no pictures.
    """
    found = [m for path in tracked(paths, "reading archives", len(paths)) for m in _members(path)]
    require(bool(found), f"there are no pictures in {paths[0]}")
    return found


def _members(path: Path) -> list[Member]:
    try:
        with tarfile.open(path, "r:", tarinfo=_Entry) as archive:
            files = [f for f in archive if f.isfile() and not is_hidden(PurePath(f.name))]
    except (tarfile.TarError, *UNREADABLE) as error:
        raise BadInput(
            f"cannot read {path} as an archive ({why_not(path, error)}); it must be a plain "
            ".tar, not compressed"
        ) from error
    size = path.stat().st_size
    for file in files:
        require(file.offset_data + file.size <= size, f"{path} is cut off inside {file.name}")
    classes = [
        Member(path, f.name, f.offset_data, f.size) for f in files if f.name.endswith(".cls")
    ]
    labels = {key_of(c.name): c.text() for c in classes}
    return [
        Member(path, f.name, f.offset_data, f.size, labels.get(key_of(f.name), ""))
        for f in files
        if PurePath(f.name).suffix.lower() in PICTURES
    ]


def key_of(name: str) -> str:
    """What the files of one sample have in common: all up to the first dot of the file's name."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/{file.split('.')[0]}"
