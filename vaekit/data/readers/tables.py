"""Tables: .csv, and .parquet in one file or many; large ones are read by groups of rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.layout import GUESS, Axis
from vaekit.data.on_disk import Decoded, Values, is_large
from vaekit.data.readers.arrays import label_numbers, standard_dtype, to_rows
from vaekit.data.readers.loading import UNREADABLE, first_line, import_extra
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.source import Source, source
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

DROP = "drop the column, or name it with --label or --given"
EXACT = 2**53
NUMBER = 4  # bytes of a number as rows are kept


def read_csv(
    path: Path, roles: ColumnRoles = NO_ROLES, form: object = None, axes: Axis = GUESS
) -> Source:
    """A table of numbers with a header line; ``roles`` names the columns that are not x."""
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
    return _from_columns(path, columns, roles)


def read_parquet(
    path: Path, roles: ColumnRoles = NO_ROLES, form: object = None, axes: Axis = GUESS
) -> Source:
    """A table of numbers; ``roles`` names the columns that are not x."""
    return read_tables(path, [path], roles)


def read_tables(
    place: Path, paths: Sequence[Path], roles: ColumnRoles = NO_ROLES, axes: Axis = GUESS
) -> Source:
    """Parquet files of the same columns, one after another: read if small, else left on disk.

    Raises:
        BadInput: naming the file whose columns differ, or that holds a cell that is no number.
    """
    found = [_columns_in(path) for path in tracked(paths, "looking at files", len(paths))]
    for path, columns in zip(paths, found, strict=True):
        _check_alike(path, columns, paths[0], found[0])
    roles = roles.among(found[0], f"column in {place}")
    names = tuple(name for name in found[0] if not roles.holds(name))
    require(bool(names), f"{place} has no columns of numbers")
    numbers, classes = label_numbers(None if roles.label is None else _cells_of(paths, roles.label))
    groups = [group for path in paths for group in _groups_in(path, names)]
    values = _values(str(place), groups, len(names))
    beside = {name: _cells_of(paths, name) for name in roles.columns}
    return source(
        str(place), values, labels=numbers, label_names=classes, columns=names, beside=beside
    )


@dataclass(frozen=True)
class Group:
    """Some neighbouring rows of a Parquet file, which were written and are read together.

    Args:
        path: of the file.
        number: of the group.
        start: the file's rows before it.
        rows: in it.
        columns: those that hold data.
    """

    path: Path
    number: int
    start: int
    rows: int
    columns: tuple[str, ...]

    def cells(self) -> Array:
        """(rows, columns) in float64.

        Raises:
            BadInput: for a cell that is no number, or a damaged file.
        """
        with _opened(self.path) as file:
            table = file.read_row_group(self.number, columns=list(self.columns))
            arrays = [table[name].to_numpy() for name in self.columns]
        named = zip(self.columns, arrays, strict=True)
        return np.stack([_column(self.path, name, part, self.start) for name, part in named], 1)

    def as_type(self, kind: type[np.generic]) -> Array:
        """(rows, columns) in int32 for a ``kind`` of whole numbers, else in float32."""
        return standard_dtype(self.cells().astype(kind), str(self.path))


def _values(name: str, groups: Sequence[Group], width: int) -> Values:
    """All rows, of integers if all numbers are whole, wherever they are kept."""
    lengths = [group.rows for group in groups]
    if not is_large(sum(lengths), (width,), NUMBER):
        cells = np.concatenate([np.empty((0, width)), *(group.cells() for group in groups)])
        return to_rows(_whole_if_possible(cells), name, exact=True)
    seen = tracked(groups, "looking at columns", len(groups))
    kind = np.int64 if all(_is_whole(group.cells()) for group in seen) else np.float64
    opening = [partial(group.as_type, kind) for group in groups]
    return Decoded(opening, lengths, partial(to_rows, name=name), width * NUMBER)


def _groups_in(path: Path, columns: tuple[str, ...]) -> list[Group]:
    with _opened(path) as file:
        about = file.metadata
        counts = [about.row_group(number).num_rows for number in range(about.num_row_groups)]
    starts = accumulate(counts, initial=0)
    return [
        Group(path, number, start, count, columns)
        for number, (start, count) in enumerate(zip(starts, counts, strict=False))
        if count
    ]


def _columns_in(path: Path) -> list[str]:
    """The names of a file's columns; nested columns and repeated names are refused."""
    types = import_extra("pyarrow.types", "frames")
    with _opened(path) as file:
        fields = list(file.schema_arrow)
    names = [field.name for field in fields]
    for field in fields:
        what = f"{path}: column {field.name!r}"
        require(names.count(field.name) == 1, f"{what} is there twice; rename one")
        require(not types.is_nested(field.type), f"{what} holds lists; give each number a column")
    return names


def _check_alike(path: Path, columns: list[str], first: Path, wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in columns]
    more = [name for name in columns if name not in wanted]
    require(not missing, f"{path} has no column {', '.join(missing)}, as {first} has")
    require(not more, f"{path} has a column {', '.join(more)}, which {first} has not")


def _cells_of(paths: Sequence[Path], column: str) -> Array:
    """One column, of all files."""
    found = []
    for path in paths:
        with _opened(path) as file:
            found.append(file.read(columns=[column])[column].to_numpy())
    return np.concatenate(found)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """A Parquet file; errors name its path."""
    parquet = import_extra("pyarrow.parquet", "frames")
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path} as Parquet: {first_line(error)}") from error


def _from_columns(path: Path, columns: dict[str, Any], roles: ColumnRoles) -> Source:
    roles = roles.among(columns)
    numbers, classes = label_numbers(None if roles.label is None else columns[roles.label])
    names = tuple(name for name in columns if not roles.holds(name))
    require(bool(names), f"{path} has no columns of numbers")
    cells = np.stack([_column(path, name, columns[name]) for name in names], 1)
    values = to_rows(_whole_if_possible(cells), str(path), exact=True)
    beside = {name: columns[name] for name in roles.columns}
    return source(
        str(path), values, labels=numbers, label_names=classes, columns=names, beside=beside
    )


def _column(path: Path, name: str, cells: Any, start: int = 0) -> Array:
    """Cells as float64; ``start`` is the number of the first."""
    kind = cells.dtype.kind if isinstance(cells, Array) else "O"
    if kind in "buif":
        return cells.astype(np.float64)
    require(kind not in "mM", f"{path}: column {name!r} holds dates or times; {DROP}")
    try:
        return np.asarray([c if c != "" else "nan" for c in cells], dtype=np.float64)
    except (ValueError, TypeError):
        row, cell = next((i, c) for i, c in enumerate(cells, start) if not _is_number(c))
        raise BadInput(
            f"{path}: column {name!r}, row {row} holds {cell!r}, which is not a number; {DROP}"
        ) from None


def _whole_if_possible(cells: Array) -> Array:
    """Text has no types: a table of whole numbers only is one of integers."""
    return cells.astype(np.int64) if _is_whole(cells) else cells


def _is_whole(cells: Array) -> bool:
    within = np.isfinite(cells) & (np.abs(cells) <= EXACT)  # larger floats are all whole
    return bool(within.all()) and bool((cells == cells.round()).all())


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
