"""Arrays in .npy and .npz files, one after another as one array of rows.

Small ones are read. Large ones stay where they are: arrays as they lie in a file are mapped,
compressed ones are decompressed a file at a time.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.data.on_disk import Decoded, Shards, Values, is_large
from vaekit.data.readers.arrays import label_numbers, to_rows
from vaekit.data.readers.loading import UNREADABLE, check_holds_something, first_line, load, member
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.source import Source, held_out_test, source
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

Header = tuple[tuple[int, ...], bool, np.dtype]
VALUES = ("x", "X", "images", "data", "values", "arr_0")
LABELS = ("y", "labels", "label", "targets")
FACTORS = "factors"
LOCAL_HEADER, NAME_LENGTHS = 30, 26


@dataclass(frozen=True)
class StoredArray:
    """Rows in a file.

    Args:
        path: of the file.
        shape: (rows, *row).
        dtype: as stored.
        open: gives the rows.
        mapped: whether it does so without reading them all.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype
    open: Callable[[], Array]
    mapped: bool


def read_npy(
    path: Path, roles: ColumnRoles = NO_ROLES, size: tuple[int, int] | None = None
) -> Source:
    """One array."""
    return read_arrays(path, [path])


def read_npz(
    path: Path, roles: ColumnRoles = NO_ROLES, size: tuple[int, int] | None = None
) -> Source:
    """Arrays by name: x (and y for labels), or x_train and x_test, kept apart as published."""
    if {"x_train", "x_test"} <= set(names_in(path)):
        return _published(path, roles)
    return read_archives(path, [path], roles)


def read_arrays(place: Path, paths: Sequence[Path], roles: ColumnRoles = NO_ROLES) -> Source:
    """Arrays of .npy files."""
    parts = [_array_in(path) for path in tracked(paths, "looking at files", len(paths))]
    return source(str(place), as_one_array(str(place), parts))


def read_archives(place: Path, paths: Sequence[Path], roles: ColumnRoles = NO_ROLES) -> Source:
    """Array x of .npz files; y, or the array that is named as the label, holds labels.

    Raises:
        BadInput: naming the file that holds something else than the first.
    """
    found = names_in(paths[0])
    if roles.strict and roles.label:
        _check_holds(paths[0], roles.label)
    roles = roles.among(found, f"array in {paths[0]}")
    key = _any_of([name for name in VALUES if not roles.holds(name)], found)
    by = roles.label or _any_of(LABELS, found)
    require(key is not None, f"{paths[0]} has no array named x; it holds {_listed(found)}")
    parts = [_array_of(p, str(key)) for p in tracked(paths, "looking at files", len(paths))]
    numbers, names = label_numbers(_beside(parts, by) if by else None)
    factors = _beside(parts, FACTORS).astype(np.int64) if FACTORS in found else None
    return source(
        str(place),
        as_one_array(str(place), parts),
        labels=numbers,
        label_names=names,
        factors=None if factors is None else torch.from_numpy(factors),
        beside={name: _flat(_beside(parts, name), name) for name in roles.columns},
    )


def as_one_array(name: str, parts: Sequence[StoredArray]) -> Values:
    """Rows of one shape and type: read if small, else left on disk."""
    first = parts[0]
    row, kind = first.shape[1:], first.dtype.str
    for part in parts:
        require(
            (part.shape[1:], part.dtype.str) == (row, kind),
            f"{first.path} and {part.path} hold rows of different shapes or types; give one kind",
        )
    lengths, opening = [part.shape[0] for part in parts], [part.open for part in parts]
    if not is_large(sum(lengths), row, first.dtype.itemsize):
        return to_rows(np.concatenate([part() for part in opening]), name, exact=True)
    convert = partial(to_rows, name=name)
    if all(part.mapped for part in parts):
        return Shards(opening, lengths, convert)
    return Decoded(opening, lengths, convert, prod(row) * first.dtype.itemsize)


def names_in(path: Path) -> list[str]:
    """The names of an archive's arrays."""
    with _archive(path) as archive:
        return [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]


def _array_in(path: Path) -> StoredArray:
    """The array of a .npy file, mapped."""
    array = load(path, mapped=True)
    require(array.ndim > 0, f"{path} holds a single number, not rows")
    return StoredArray(
        path, array.shape, array.dtype, partial(load, path, mapped=True), mapped=True
    )


def _array_of(path: Path, key: str) -> StoredArray:
    """An array of a .npz file: mapped if it lies there as it is, else decompressed when opened."""
    _check_holds(path, key)
    try:
        info, (shape, fortran, dtype), skipped = _read_header(path, key)
        start = _start_of(path, info.header_offset) + skipped
    except UNREADABLE as error:
        raise BadInput(f"cannot read array {key!r} of {path}: {first_line(error)}") from error
    require(bool(shape), f"{path}: {key} is a single number, not rows")
    require(not dtype.hasobject, f"{path}: {key} holds objects; only numbers can be used")
    check_holds_something(shape, dtype, f"{path}: {key}")
    size = skipped + prod(shape) * dtype.itemsize
    require(
        size == info.file_size,
        f"{path}: {key} is damaged: an array of shape {shape} is {size:,} bytes, not "
        f"{info.file_size:,}",
    )
    if info.compress_type != zipfile.ZIP_STORED or 0 in shape:
        return StoredArray(path, shape, dtype, partial(_read, path, key), mapped=0 in shape)
    order = "F" if fortran else "C"
    mapped = partial(np.memmap, path, dtype, "r", offset=start, shape=shape, order=order)
    return StoredArray(path, shape, dtype, mapped, mapped=True)


def _read_header(path: Path, key: str) -> tuple[zipfile.ZipInfo, Header, int]:
    """Of an archive's array: how it is packed, its header, and the header's bytes."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(f"{key}.npy")
        with archive.open(info) as file:
            return info, _header(file), file.tell()


def _header(file: Any) -> Header:
    """Shape, whether columns come first, and type, from the beginning of an array's file."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _start_of(path: Path, header: int) -> int:
    """Where a member's bytes begin: behind its own header, its name and its extra field."""
    with path.open("rb") as file:
        file.seek(header + NAME_LENGTHS)
        return header + LOCAL_HEADER + sum(struct.unpack("<HH", file.read(4)))


def _read(path: Path, key: str) -> Array:
    with load(path) as arrays:
        return member(arrays, key, path)


def _beside(parts: Sequence[StoredArray], key: str) -> Array:
    """An array with an entry for each row, from every file."""
    found = []
    for part in parts:
        _check_holds(part.path, key)
        array, rows = _read(part.path, key), part.shape[0]
        count = len(array) if array.ndim else 1
        require(count == rows, f"{part.path} has {rows} rows but {count} {key}; give one for each")
        found.append(array)
    return np.concatenate(found)


def _flat(array: Array, name: str) -> Array:
    require(array.ndim == 1, f"array {name!r} has shape {array.shape}; give one value for each row")
    return array


def _published(path: Path, roles: ColumnRoles) -> Source:
    with load(path) as arrays:
        arrays_by_name = {key: member(arrays, key, path) for key in arrays.files}
    pairs = {
        k.removesuffix("_train")
        for k in arrays_by_name
        if f"{k.removesuffix('_train')}_test" in arrays_by_name
    }
    roles = ColumnRoles(None, roles.given, roles.strict).among(pairs, f"array in {path}")
    parts = [to_rows(arrays_by_name[key], f"{path}: {key}") for key in ("x_train", "x_test")]
    ys = [arrays_by_name[key] for key in ("y_train", "y_test") if key in arrays_by_name]
    numbers, names = label_numbers(np.concatenate(ys) if len(ys) == 2 else None)
    splits = held_out_test(len(parts[0]), len(parts[1]))
    both = {n: (arrays_by_name[f"{n}_train"], arrays_by_name[f"{n}_test"]) for n in roles.columns}
    beside = {name: _flat(np.concatenate(pair), name) for name, pair in both.items()}
    _check_lengths(path, beside, sum(map(len, parts)))
    return source(
        str(path), torch.cat(parts), splits, labels=numbers, label_names=names, beside=beside
    )


def _check_lengths(path: Path, beside: dict[str, Array], rows: int) -> None:
    for name, cells in beside.items():
        count = len(cells)
        require(count == rows, f"{path} has {rows} rows but {count} {name}; give one for each")


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path} as NumPy data: {first_line(error)}") from error


def _any_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _check_holds(path: Path, key: str) -> None:
    names = names_in(path)
    require(key in names, f"{path} has no array named {key}; it holds {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
