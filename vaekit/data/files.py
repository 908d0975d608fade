"""Files of numbers: .npy, .npz, .csv, .parquet, and folders of pictures."""

from __future__ import annotations

import csv
import importlib
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.checks import BadInput, known, require
from vaekit.data.archives import Member, in_archives
from vaekit.data.arrays import label_numbers, to_rows
from vaekit.data.images import (
    common_mode,
    find_images,
    header,
    image_files,
    read_image,
    read_images,
    to_tiles,
)
from vaekit.data.source import FEWEST_ROWS, Source, held_out_test, random_splits, source
from vaekit.data.stored import Shards, is_large
from vaekit.progress import tracked

VALUES = ("x", "X", "images", "data", "values", "arr_0")
LABELS = ("y", "labels", "label", "targets")


def read_folder(
    path: Path, label: str | None = None, size: tuple[int, int] | None = None
) -> Source:
    """Pictures below a folder, sub-folders being labels; or all its .npy or .tar files."""
    if paths := image_files(path):
        folders = [str(p.parent.relative_to(path)) for p in paths]
        return read_pictures(str(path), paths, size, folders)
    if arrays := sorted(path.rglob("*.npy")):
        return read_arrays(path, arrays)
    archives = sorted(path.rglob("*.tar"))
    require(bool(archives), f"no pictures (.png, .jpg, ...), .npy or .tar files in {path}")
    return read_pictures(str(path), in_archives(archives), size)


def read_tar(path: Path, label: str | None = None, size: tuple[int, int] | None = None) -> Source:
    """Pictures in an archive, as WebDataset keeps them; .cls files of the same name are labels."""
    return read_pictures(str(path), in_archives([path]), size)


def read_pictures(
    name: str,
    places: Sequence[Path | Member],
    size: tuple[int, int] | None,
    labels: Sequence[str] = (),
) -> Source:
    """Pictures brought to one size; many or large ones are left where they are."""
    values, note = read_images(places, size)
    found = labels or [place.label for place in places if isinstance(place, Member)]
    numbers, names = label_numbers(found if len(set(found)) > 1 else None)
    return source(name, values, labels=numbers, label_names=names, notes=(note,) if note else ())


def read_arrays(place: Path, paths: Sequence[Path]) -> Source:
    """Arrays of rows of one shape, one after another: read if small, else left on disk."""
    name, kinds, lengths = str(place), set(), []
    for path in tracked(paths, "looking at files", len(paths)):
        array = _rows_of(path)
        kinds.add((array.shape[1:], array.dtype.str))
        lengths.append(len(array))
    require(
        len(kinds) == 1,
        f"the .npy files of {name} hold rows of different shapes or types; give one kind",
    )
    first = _rows_of(paths[0])
    if is_large(sum(lengths), first.shape[1:], first.dtype.itemsize):
        parts = [partial(_rows_of, path) for path in paths]
        return source(name, Shards(parts, lengths, lambda part: to_rows(part, name)))
    return source(name, to_rows(np.concatenate([load(path) for path in paths]), name))


def _rows_of(path: Path) -> np.ndarray:
    """The array in a file, mapped."""
    array = load(path, mapped=True)
    require(array.ndim > 0, f"{path} holds a single number, not rows")
    return array


def read_tiles(path: Path, side: int) -> Source:
    """Pictures below a folder, cut into squares; all squares of a picture are in one split."""
    paths = find_images(path)
    headers = [header(path) for path in paths]
    mode = common_mode(headers)
    cut = [
        to_tiles(read_image(path, size, mode), (side, side))
        for path, (size, _) in zip(paths, headers, strict=True)
    ]
    note = f"{len(paths)} pictures cut into tiles of {side} x {side}"
    picture = torch.repeat_interleave(torch.arange(len(cut)), torch.tensor([len(t) for t in cut]))
    groups = random_splits(len(paths)) if len(paths) >= FEWEST_ROWS else None
    splits = groups and {n: torch.isin(picture, g).nonzero()[:, 0] for n, g in groups.items()}
    return source(str(path), torch.from_numpy(np.concatenate(cut)), splits, notes=(note,))


def read_npy(path: Path, label: str | None = None, size: tuple[int, int] | None = None) -> Source:
    """One array."""
    return read_arrays(path, [path])


def read_npz(path: Path, label: str | None = None, size: tuple[int, int] | None = None) -> Source:
    """Arrays by name: x (and y for labels), or x_train and x_test, kept apart as published."""
    with load(path) as arrays:
        held = {key: _member(arrays, key, path) for key in arrays.files}
    if {"x_train", "x_test"} <= held.keys():
        return _published(path, held)
    key = next((k for k in VALUES if k in held), None)
    require(
        key is not None, f"{path} has no array named x; it holds {', '.join(held) or 'nothing'}"
    )
    by = label or next((k for k in LABELS if k in held), None)
    numbers, names = label_numbers(held[known("label", by, held)] if by else None)
    values = to_rows(held[str(key)], str(path))
    factors = torch.from_numpy(held["factors"].astype(np.int64)) if "factors" in held else None
    return source(str(path), values, labels=numbers, label_names=names, factors=factors)


def read_csv(path: Path, label: str | None = None, size: tuple[int, int] | None = None) -> Source:
    """A table of numbers with a header line; ``label`` names the column that is not data."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if row]
    require(bool(rows), f"{path} is empty")
    header, body = (rows[0], rows[1:]) if _is_header(rows[0]) else (_numbered(rows[0]), rows)
    for number, row in enumerate(body):
        require(
            len(row) == len(header),
            f"{path}: row {number} has {len(row)} cells, the first line has {len(header)}",
        )
    columns = {name: [row[i] for row in body] for i, name in enumerate(header)}
    return _from_columns(path, columns, label)


def read_parquet(
    path: Path, label: str | None = None, size: tuple[int, int] | None = None
) -> Source:
    """A table of numbers; ``label`` names the column that is not data."""
    parquet = needed("pyarrow.parquet", "frames")
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path} as Parquet: {_first_line(error)}") from error
    columns = {name: table[name].to_numpy() for name in table.column_names}
    return _from_columns(path, columns, label)


READERS: dict[str, Callable[..., Source]] = {
    ".npy": read_npy,
    ".npz": read_npz,
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".tar": read_tar,
}


def needed(module: str, extra: str) -> Any:
    """Import a module of an optional extra, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.split(".")[0]
        raise BadInput(f"this needs {name}: pip install 'vaekit[{extra}]'") from error


def load(path: Path, *, mapped: bool = False) -> Any:
    """An array (``mapped``: left on disk) or an archive of arrays; never a pickle."""
    try:
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"cannot read {path} as NumPy data: {_first_line(error)}") from error
    single = isinstance(found, np.ndarray)
    require(single or not mapped, f"{path} is an archive of arrays, not one array")
    return found


def _member(arrays: Any, key: str, path: Path) -> np.ndarray:
    try:
        return arrays[key]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"cannot read array {key!r} of {path}: {_first_line(error)}") from error


def _published(path: Path, held: dict[str, np.ndarray]) -> Source:
    parts = [to_rows(held[key], f"{path}: {key}") for key in ("x_train", "x_test")]
    ys = [held[key] for key in ("y_train", "y_test") if key in held]
    numbers, names = label_numbers(np.concatenate(ys) if len(ys) == 2 else None)
    splits = held_out_test(len(parts[0]), len(parts[1]))
    return source(str(path), torch.cat(parts), splits, labels=numbers, label_names=names)


def _from_columns(path: Path, columns: dict[str, Any], label: str | None) -> Source:
    numbers, names = label_numbers(None)
    if label is not None:
        numbers, names = label_numbers(columns.pop(known("column", label, columns)))
    require(bool(columns), f"{path} has no columns of numbers")
    cells = np.stack([_column(path, name, cells) for name, cells in columns.items()], 1)
    values = to_rows(_whole_if_possible(cells), str(path))
    return source(str(path), values, labels=numbers, label_names=names, columns=tuple(columns))


def _column(path: Path, name: str, cells: Any) -> np.ndarray:
    try:
        return np.asarray([c if c != "" else "nan" for c in cells], dtype=np.float64)
    except (ValueError, TypeError):
        row, cell = next((i, c) for i, c in enumerate(cells) if not _is_number(c))
        raise BadInput(
            f"{path}: column {name!r}, row {row} holds {cell!r}, which is not a number; "
            "drop the column, or name it with --label"
        ) from None


def _whole_if_possible(cells: np.ndarray) -> np.ndarray:
    """Text has no types: a table of whole numbers only is one of integers."""
    finite = bool(np.isfinite(cells).all())
    return cells.astype(np.int64) if finite and (cells == cells.round()).all() else cells


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (ValueError, TypeError):
        return cell == ""
    return True


def _is_header(cells: list[str]) -> bool:
    return not all(_is_number(cell) for cell in cells)


def _numbered(cells: list[str]) -> list[str]:
    return [f"column{i}" for i in range(len(cells))]


def _first_line(error: BaseException) -> str:
    return str(error).split("\n")[0]
