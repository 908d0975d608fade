"""From whatever a person names to a source: a data set's name, a path, or data in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from vaekit.data.published.catalogue import CATALOGUE
from vaekit.data.readers.arrays import from_memory, label_numbers
from vaekit.data.readers.folder import READERS, read_folder, read_tiles
from vaekit.data.readers.loading import load
from vaekit.data.source import Source
from vaekit.system.checks import BadInput, known, require


def open_source(
    data: Any,
    *,
    label: str | None = None,
    labels: Any = None,
    size: tuple[int, int] | None = None,
    tiles: int = 0,
) -> Source:
    """Open a named data set, a file, a folder of pictures, or data in memory.

    Args:
        data: "digits", "mnist", ...; a path; an array, tensor, data frame or torch Dataset.
        label: column or array that holds labels, not data. labels: one label for each row.
        size: (height, width) to which pictures of a folder are brought.
        tiles: cut pictures of a folder into squares of this side instead, as they are stored.

    Raises:
        BadInput: saying what cannot be used, where, and what to do.
    """
    if isinstance(data, Source):
        return data
    if not isinstance(data, str | os.PathLike):
        return from_memory(data, labels)
    found = open_named(str(data), label, size, tiles)
    return with_labels(found, labels) if labels is not None else found


def open_named(
    name: str, label: str | None, size: tuple[int, int] | None, tiles: int = 0
) -> Source:
    """A catalogue name, a file or a folder."""
    require(tiles >= 0, f"tiles must not be negative, not {tiles}")
    require(not tiles or Path(name).is_dir(), "tiles are cut from a folder of pictures")
    if name in CATALOGUE:
        return CATALOGUE[name].load()
    path = Path(name)
    if not path.exists():
        looks_like_path = os.sep in name or path.suffix
        require(not looks_like_path, f"there is no file or folder {name}")
        known("data set or path", name, CATALOGUE)
    if path.is_dir():
        return read_tiles(path, tiles) if tiles else read_folder(path, label, size)
    require(path.stat().st_size > 0, f"{path} is empty (0 bytes)")
    return READERS[known("kind of data file", path.suffix.lower(), READERS)](path, label, size)


def read_labels(path: str) -> Any:
    """One label for each row: a .npy array, or a text file with one on each line."""
    require(Path(path).is_file(), f"there is no file {path}")
    if Path(path).suffix == ".npy":
        return load(Path(path))
    return [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]


def with_labels(found: Source, labels: Any) -> Source:
    """The same source with labels from elsewhere: in memory, or a file with one for each row."""
    numbers, names = label_numbers(read_labels(labels) if isinstance(labels, str) else labels)
    if numbers is None or len(numbers) != len(found.values):
        count = 0 if numbers is None else len(numbers)
        raise BadInput(
            f"{found.name} has {len(found.values)} rows but {count} labels; give one for each row"
        )
    return Source(**{**vars(found), "labels": numbers, "label_names": names})
