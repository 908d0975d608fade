"""Arrays in .npy and .npz files, one after another as one array of rows.

Small ones are read. Large ones stay where they are: arrays as they lie in a file are mapped,
compressed ones are decompressed a file at a time.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.data.layout import GUESS, Axis, Like
from vaekit.data.on_disk import Decoded, Shards, in_memory, is_large
from vaekit.data.readers.arrays import StoredRows, label_numbers, rows_of, to_rows
from vaekit.data.readers.containers import check_numbers
from vaekit.data.readers.loading import (
    UNREADABLE,
    check_holds_something,
    first_line,
    load,
    member,
    why_not,
)
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.source import Source, held_out_test, source
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

Header = tuple[tuple[int, ...], bool, np.dtype]
VALUES = ("x", "X", "images", "data", "values", "arr_0")
PUBLISHED = ("x_train", "x_test")
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
    path: Path, roles: ColumnRoles = NO_ROLES, form: object = None, axes: Axis = GUESS
) -> Source:
    """One array."""
    return read_arrays(path, [path], roles, axes)


def read_npz(
    path: Path, roles: ColumnRoles = NO_ROLES, form: object = None, axes: Axis = GUESS
) -> Source:
    """Arrays by name: x (and y for labels), or x_train and x_test, kept apart as published."""
    if is_published(path):
        return _published(path, roles, axes)
    return read_archives(path, [path], roles, axes)


def read_arrays(
    place: Path, paths: Sequence[Path], roles: ColumnRoles = NO_ROLES, axes: Axis = GUESS
) -> Source:
    """Arrays of .npy files."""
    parts = [array_in(path) for path in tracked(paths, "looking at files", len(paths))]
    rows = as_one_array(str(place), parts, axes)
    notes = axes.notes(rows.layout)
    return source(str(place), rows.values, notes=notes, gaps=roles.gaps, **rows.of)


def read_archives(
    place: Path, paths: Sequence[Path], roles: ColumnRoles = NO_ROLES, axes: Axis = GUESS
) -> Source:
    """Array x of .npz files; y, or the array that is named as the label, holds labels.

    Raises:
        BadInput: naming the file that holds something else than the first.
    """
    found = names_in(paths[0])
    if roles.strict and roles.label:
        _check_holds(paths[0], roles.label)
    key, roles = name_of_rows(paths[0], roles)
    by = roles.label or _any_of(LABELS, found)
    parts = [array_of(p, key) for p in tracked(paths, "looking at files", len(paths))]
    rows = as_one_array(str(place), parts, axes)
    numbers, names = label_numbers(_beside(parts, by) if by else None)
    factors = _beside(parts, FACTORS).astype(np.int64) if FACTORS in found else None
    return source(
        str(place),
        rows.values,
        notes=axes.notes(rows.layout),
        labels=numbers,
        label_names=names,
        factors=None if factors is None else torch.from_numpy(factors),
        beside={name: _flat(_beside(parts, name), name) for name in roles.columns},
        gaps=roles.gaps,
        **rows.of,
    )


def is_published(path: Path) -> bool:
    """Whether an archive holds training and test rows apart."""
    return set(PUBLISHED) <= set(names_in(path))


def name_of_rows(path: Path, roles: ColumnRoles = NO_ROLES) -> tuple[str, ColumnRoles]:
    """Which array of an archive holds the rows, and the roles of the others that are there.

    Raises:
        BadInput: if there is none.
    """
    found = names_in(path)
    roles = roles.among(found, f"array in {path}")
    key = _any_of([name for name in VALUES if not roles.holds(name)], found)
    if key is None:
        raise BadInput(f"{path} has no array named x; it holds {_listed(found)}")
    return key, roles


def as_one_array(name: str, parts: Sequence[StoredArray], axes: Axis = GUESS) -> StoredRows:
    """Rows of one shape and type: read if small, else left on disk."""
    first = parts[0]
    row, kind = first.shape[1:], first.dtype.str
    for part in parts:
        require(
            (part.shape[1:], part.dtype.str) == (row, kind),
            f"{first.path} and {part.path} hold rows of different shapes or types; give one kind",
        )
    check_numbers(first.dtype, name)
    lengths, opening = [part.shape[0] for part in parts], [part.open for part in parts]
    if not is_large(sum(lengths), row, first.dtype.itemsize):
        whole = np.concatenate([part() for part in opening])
        return rows_of(whole, name, exact=True, axes=axes)
    layout = axes.layout(row, first.dtype, name)
    convert = partial(to_rows, name=name, axes=Like(layout))
    if all(part.mapped for part in parts):
        return StoredRows(Shards(opening, lengths, convert), layout)
    size = prod(row) * first.dtype.itemsize
    return StoredRows(Decoded(opening, lengths, convert, size), layout)


def names_in(path: Path) -> list[str]:
    """The names of an archive's arrays."""
    with _archive(path) as archive:
        return [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]


def array_in(path: Path) -> StoredArray:
    """The array of a .npy file, mapped."""
    array = load(path, mapped=True)
    require(array.ndim > 0, f"{path} holds a single number, not rows")
    return StoredArray(
        path, array.shape, array.dtype, partial(load, path, mapped=True), mapped=True
    )


def array_of(path: Path, key: str) -> StoredArray:
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


def array_in_bytes(body: bytes, name: str) -> Array:
    """The array that the bytes of a .npy file hold, which is as large as they say.

    Args:
        body: the bytes.
        name: what people call them.

    Raises:
        BadInput: for anything else than an array of numbers.
    """
    file = io.BytesIO(body)
    try:
        shape, fortran, dtype = _header(file)
    except UNREADABLE as error:
        raise BadInput(f"{name} is no array of NumPy's (.npy): {first_line(error)}") from error
    check_numbers(dtype, name)
    size, there = prod(shape) * dtype.itemsize, len(body) - file.tell()
    whole = size == there and all(length >= 0 for length in shape)
    require(whole, f"{name}: an array of shape {shape} is {size:,} bytes, not {there:,}")
    flat = np.frombuffer(body, dtype, offset=file.tell()) if size else np.zeros(0, dtype)
    found = flat.reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(found, dtype.newbyteorder("="))


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


def _published(path: Path, roles: ColumnRoles, axes: Axis) -> Source:
    with load(path) as arrays:
        found = {key: member(arrays, key, path) for key in arrays.files}
    pairs = {k.removesuffix("_train") for k in found if f"{k.removesuffix('_train')}_test" in found}
    roles = replace(roles, label=None, x=()).among(pairs, f"array in {path}")
    rows = [rows_of(found[key], f"{path}: {key}", axes=axes) for key in PUBLISHED]
    values = [in_memory(part.values) for part in rows]
    ys = [found[key] for key in ("y_train", "y_test") if key in found]
    numbers, names = label_numbers(np.concatenate(ys) if len(ys) == 2 else None)
    splits = held_out_test(*map(len, values))
    both = {n: (found[f"{n}_train"], found[f"{n}_test"]) for n in roles.columns}
    beside = {name: _flat(np.concatenate(pair), name) for name, pair in both.items()}
    _check_lengths(path, beside, sum(map(len, values)))
    return source(
        str(path),
        torch.cat(values),
        splits,
        labels=numbers,
        label_names=names,
        beside=beside,
        notes=axes.notes(rows[0].layout),
        gaps=roles.gaps,
        **rows[0].of,
    )


def _check_lengths(path: Path, beside: dict[str, Array], rows: int) -> None:
    for name, cells in beside.items():
        count = len(cells)
        require(count == rows, f"{path} has {rows} rows but {count} {name}; give one for each")


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path} as NumPy data: {why_not(path, error)}") from error


def _any_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _check_holds(path: Path, key: str) -> None:
    names = names_in(path)
    require(key in names, f"{path} has no array named {key}; it holds {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
