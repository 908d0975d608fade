"""Files number by number, in the types they are written in: for what must come back exactly."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.published.catalogue import CATALOGUE
from vaekit.data.readers.folder import shards_in
from vaekit.data.readers.images import image_files
from vaekit.data.readers.loading import UNREADABLE, first_line, import_extra, load, member
from vaekit.data.readers.npy import PUBLISHED, array_of, is_published, name_of_rows, names_in
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

Named = dict[str, Array]
EXACT = 2**53  # float64 holds every whole number up to it
WIDE: tuple[np.dtype, ...] = tuple(map(np.dtype, ("int64", "uint64", "float64")))


@dataclass(frozen=True)
class Original:
    """Rows of a file, and how it holds them.

    Args:
        name: of the file.
        ending: of it.
        rows: (N, \\*row) in one type.
        parts: the names under which it holds the rows, and how many of them; of an archive.
        columns: names and types in the file's order; of a table.
        order: where each of these stands in a row.
        left_out: what else the file holds.
        again: reads the file once more with the library that everybody uses.
    """

    name: str
    ending: str
    rows: Array
    again: Callable[[], Named]
    parts: tuple[tuple[str, int], ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    order: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()

    def header(self) -> dict[str, Any]:
        """What a compressed file has to say of it; nothing of a plain array."""
        found: dict[str, Any] = {}
        if self.parts:
            found["parts"] = [list(part) for part in self.parts]
        if self.columns:
            columns = [list(column) for column in self.columns]
            found |= {"ending": self.ending, "columns": columns, "order": list(self.order)}
        flags = self.rows.flags
        if flags.f_contiguous and not flags.c_contiguous:
            found["fortran"] = True
        return {"original": found} if found else {}


def has_original(name: str) -> bool:
    """Whether a name is that of a file, or of a folder of shards, that can be read so."""
    path = Path(name)
    if name in CATALOGUE or not path.exists():
        return False
    if path.is_dir():
        return not image_files(path) and shards_in(path)[0].suffix in ORIGINALS
    return path.suffix.lower() in ORIGINALS


def original(path: Path, roles: ColumnRoles = NO_ROLES, columns: Sequence[str] = ()) -> Original:
    """What a file, or a folder of shards, holds of the rows of a model.

    Args:
        path: of a .npy, .npz, .parquet or .csv file, or a folder of one of the first three.
        roles: which columns or arrays are not x.
        columns: those of the model, in its order, where they have names.

    Raises:
        BadInput: for what cannot be kept exactly, saying where.
    """
    paths = shards_in(path) if path.is_dir() else [path]
    return ORIGINALS[paths[0].suffix.lower()](path, paths, roles, columns)


def _arrays(place: Path, paths: Sequence[Path], *_: Any) -> Original:
    rows = _joined(place, [load(path, mapped=True) for path in paths])
    return Original(str(place), ".npy", rows, lambda: {"x": _joined(place, _plain(paths))})


def _plain(paths: Sequence[Path]) -> list[Array]:
    return [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]


def _archives(place: Path, paths: Sequence[Path], roles: ColumnRoles, _: Any) -> Original:
    published = len(paths) == 1 and is_published(place)
    names = PUBLISHED if published else (name_of_rows(paths[0], roles)[0],)
    found = [(name, array_of(path, name).open()) for path in paths for name in names]
    rows = _joined(place, [array for _, array in found])
    parts = tuple((name, len(array)) for name, array in found) if len(paths) == 1 else ()
    left_out = tuple(name for name in names_in(paths[0]) if name not in names)

    def again() -> Named:
        return {"x": _joined(place, [_loaded(path, name) for path in paths for name in names])}

    return Original(str(place), ".npz", rows, again, parts, left_out=left_out)


def _loaded(path: Path, name: str) -> Array:
    with load(path) as arrays:
        return member(arrays, name, path)


def _joined(place: Path, arrays: Sequence[Array]) -> Array:
    """Arrays one after the other; one alone as it is."""
    kinds = {(array.dtype.str, array.shape[1:]) for array in arrays}
    require(
        len(kinds) == 1, f"{place} holds rows of different types or shapes: compress them apart"
    )
    require(arrays[0].ndim > 0, f"{place} holds a single number, not rows")
    if len(arrays) == 1:
        return arrays[0]
    whole = np.empty((sum(map(len, arrays)), *arrays[0].shape[1:]), arrays[0].dtype)
    return np.concatenate(arrays, out=whole)  # which alone keeps the order of bytes


def _tables(
    place: Path, paths: Sequence[Path], roles: ColumnRoles, columns: Sequence[str]
) -> Original:
    there = column_names(paths[0])
    own = bool(columns) and set(columns) <= set(there)
    coded = list(columns) if own else [name for name in there if not roles.holds(name)]
    kept = [name for name in there if name in coded]
    cells = exact_columns(paths, kept)
    return Original(
        str(place),
        paths[0].suffix.lower(),
        one_type(str(place), {name: cells[name] for name in coded}),
        partial(exact_columns, paths, kept),
        columns=tuple((name, cells[name].dtype.str) for name in kept),
        order=tuple(map(coded.index, kept)),
        left_out=tuple(name for name in there if name not in kept),
    )


def one_type(name: str, cells: Mapping[str, Array]) -> Array:
    """Columns side by side in a type that holds all of them exactly, (rows, columns).

    Raises:
        BadInput: if there is none, naming the column that fits least.
    """
    require(bool(cells), f"{name} has no columns of numbers")
    types = {column.dtype for column in cells.values()}
    for dtype in (*(types if len(types) == 1 else ()), *WIDE):
        bad = [n for n, column in cells.items() if not _survives(column, dtype)]
        if not bad:
            return np.stack([column.astype(dtype) for column in cells.values()], 1)
    raise BadInput(
        f"{name}: column {bad[0]!r} holds whole numbers beyond 2^53 beside fractions in others: no "
        "one type holds all exactly; compress it apart"
    )


def _survives(column: Array, dtype: np.dtype) -> bool:
    with np.errstate(invalid="ignore", over="ignore"):
        return bool(column.astype(dtype).astype(column.dtype).tobytes() == column.tobytes())


def column_names(path: Path) -> list[str]:
    """The names of a table's columns."""
    return list(_table(path).column_names)


def exact_columns(paths: Sequence[Path], names: Sequence[str]) -> Named:
    """Columns of numbers of tables, one table after the other, in the types they have there: for
    .parquet those of the file, for .csv those that pyarrow sees in its text.

    Raises:
        BadInput: for an empty cell, or a column that holds no numbers, or differs in its type.
    """
    tables = [_table(path) for path in paths]
    return {
        name: _one_column([_numbers(p, t, name) for p, t in zip(paths, tables, strict=True)], name)
        for name in names
    }


def _one_column(parts: Sequence[Array], name: str) -> Array:
    types = sorted({part.dtype.str for part in parts})
    require(
        len(types) == 1, f"column {name!r} is of types {' and '.join(types)}: compress files apart"
    )
    return np.concatenate(parts)


def _numbers(path: Path, table: Any, name: str) -> Array:
    require(name in table.column_names, f"{path} has no column {name!r}")
    column = table[name]
    what = f"{path}: column {name!r}"
    require(column.null_count == 0, f"{what} has {column.null_count:,} empty cells; fill them in")
    cells = column.to_numpy()
    fine = cells.dtype.kind in "buif"
    require(fine, f"{what} holds {column.type} values; drop it, or name it with --label or --given")
    beyond = cells.dtype.kind == "f" and bool((np.abs(cells) > EXACT).any())
    require(
        path.suffix.lower() != ".csv" or not beyond,
        f"{what} holds numbers beyond 2^53, which are rounded when text is read; use .parquet",
    )
    return cells


def _table(path: Path) -> Any:
    """A table, as pyarrow reads it."""
    try:
        if path.suffix.lower() == ".parquet":
            return import_extra("pyarrow.parquet", "frames").read_table(path)
        return _csv_table(path)
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path}: {first_line(error)}") from error


def _csv_table(path: Path) -> Any:
    reader = import_extra("pyarrow.csv", "frames")
    with path.open(newline="", encoding="utf-8-sig") as file:
        first = next(csv.reader(file), [])
    require(bool(first), f"{path} is empty")
    names = None if has_names(first) else [f"column{i}" for i in range(len(first))]
    return reader.read_csv(path, reader.ReadOptions(column_names=names))


def has_names(first: Sequence[str]) -> bool:
    """Whether the first line of a table is one of names: not all of its cells are numbers."""
    try:
        _ = [float(cell) for cell in first if cell]
    except ValueError:
        return True
    return False


Reader = Callable[[Path, Sequence[Path], ColumnRoles, Sequence[str]], Original]
ORIGINALS: dict[str, Reader] = {
    ".npy": _arrays,
    ".npz": _archives,
    ".parquet": _tables,
    ".csv": _tables,
}
