"""Tables in .parquet files, one or many; large ones are read by groups of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from vaekit.data.on_disk import Decoded, Values, is_large
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers import mapping
from vaekit.data.readers.arrays import label_numbers, standard_dtype, to_rows
from vaekit.data.readers.columns import Column, Place
from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.loading import UNREADABLE, why_not
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles, check_once
from vaekit.data.readers.tables import UNNAMED, Table, arrow_table, cells, pandas_index
from vaekit.data.source import Source, source
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

NUMBER = 4  # bytes of a number as rows are kept
FOLDER = (
    "; the files of the folder {} are read as rows of numbers: for columns of any type write all "
    "rows into one file"
)
BUFFER = 2**20  # bytes of a column that are read at once


def read_parquet(path: Path, roles: ColumnRoles = NO_ROLES, dialect: Dialect = LOOK) -> Source:
    """A table of numbers; ``roles`` names the columns that are not x."""
    return read_tables(path, [path], roles, dialect)


def parquet_table(path: Path, roles: ColumnRoles = NO_ROLES, dialect: Dialect = LOOK) -> Table:
    """All columns of a file; of a large one they stay on disk."""
    with _opened(path) as file:
        about = file.metadata
        if not mapping.is_large(about.num_rows, about.num_columns):
            return arrow_table(path, file.read(), dialect)
    with _opened(path, buffer_size=BUFFER, pre_buffer=False) as file:
        at_once = mapping.rows_at_once(about.num_columns)
        parts = file.iter_batches(at_once, use_threads=False)
        count = -(-about.num_rows // at_once)
        found = mapping.on_disk(str(path), file.schema_arrow, parts, count)
    return replace(arrow_table(path, found, dialect), kept=found.nbytes)


def read_tables(
    place: Path, paths: Sequence[Path], roles: ColumnRoles = NO_ROLES, dialect: Dialect = LOOK
) -> Source:
    """Parquet files of the same columns, one after another: read if small, else left on disk.

    Raises:
        BadInput: naming the file whose columns differ, or that holds a cell that is no number.
    """
    schemas = [_schema_of(path) for path in tracked(paths, "looking at files", len(paths))]
    for path, schema in zip(paths, schemas, strict=True):
        _check_alike(path, schema.names, paths[0], schemas[0].names)
    index = [name for schema in schemas for name in pandas_index(schema)]
    empty = {field.name: pa.chunked_array([], field.type) for field in schemas[0]}
    index = list(dict.fromkeys(index))
    kind = f"column in {place}"
    header = Table(Place(str(place)), empty, dialect, tuple(index), kind=kind)
    header = replace(header, columns=_with_first(header, paths))
    _, roles, notes = header.arranged(roles)
    require(bool(roles.x), f"{place} has no columns of numbers")
    numbers, classes = label_numbers(None if roles.label is None else _beside(paths, roles.label))
    groups = [group for path in paths for group in _groups_in(path, roles.x, dialect)]
    try:
        values, types, lost = _values(str(place), groups, roles.x, gaps=roles.gaps)
    except BadInput as error:
        more = FOLDER.format(place) if place.is_dir() else ""
        raise BadInput(f"{error}{more}") from error
    beside = {name: _beside(paths, name) for name in roles.columns}
    if lost:
        notes += (f"whole numbers beyond 2^53 are rounded to it in {', '.join(lost)}",)
    return source(
        str(place), values, labels=numbers, label_names=classes, columns=roles.x, beside=beside,
        notes=notes, types=types, gaps=roles.gaps,
    )  # fmt: skip


def _with_first(header: Table, paths: Sequence[Path]) -> dict[str, Column]:
    """The columns, of which a first without a name is read, to see whether it numbers rows."""
    first = next(iter(header.columns), None)
    if first not in UNNAMED:
        return dict(header.columns)
    parts = [chunk for path in paths for chunk in _column_in(path, str(first)).chunks]
    return {**header.columns, str(first): pa.chunked_array(parts, header.columns[first].type)}


@dataclass(frozen=True)
class Group:
    """Some neighbouring rows of a Parquet file, which were written and are read together.

    Args:
        path: of the file.
        number: of the group.
        start: the file's rows before it.
        rows: in it.
        columns: those that hold data.
        dialect: which marks mean nothing.
    """

    path: Path
    number: int
    start: int
    rows: int
    columns: tuple[str, ...]
    dialect: Dialect = LOOK

    def numbers(self) -> list[Column]:
        """The columns, typed.

        Raises:
            BadInput: for a cell that is no number, or a damaged file.
        """
        with _opened(self.path) as file:
            table = file.read_row_group(self.number, columns=list(self.columns))
            named = {name: table[name] for name in self.columns}
        held = Table(Place(str(self.path), self.start), named, self.dialect)
        return [held.numbers(name) for name in self.columns]

    def cells(self) -> Array:
        """(rows, columns), of integers if all are whole, else in float64."""
        return cells_of.matrix([*map(cells_of.filled, self.numbers())], by_value=True)

    def as_type(self, kind: type[np.generic]) -> Array:
        """(rows, columns) in int32 for a ``kind`` of whole numbers, else in float32."""
        return standard_dtype(self.cells().astype(kind), str(self.path))


def _values(
    name: str, groups: Sequence[Group], names: Sequence[str], *, gaps: bool
) -> tuple[Values, tuple[str, ...], list[str]]:
    """All rows, of integers if all numbers are whole, wherever they are kept; the types of the
    columns; and those that lost digits."""
    lengths, width = [group.rows for group in groups], len(names)
    require(bool(groups), f"{name} holds no rows")
    if not is_large(sum(lengths), (width,), NUMBER):
        parts = [group.numbers() for group in groups]
        x = [joined([part[i] for part in parts]) for i in range(width)]
        if not gaps:
            cells_of.check_no_gaps(Place(name), names, x)
        array = cells_of.matrix([*map(cells_of.filled, x)], by_value=True)
        lost = cells_of.rounded(names, x) if array.dtype.kind == "f" else []
        return to_rows(array, name, exact=True), cells_of.type_names(x), lost
    seen = tracked(groups, "looking at columns", len(groups))
    kind = np.int64 if all(group.cells().dtype.kind in "ui" for group in seen) else np.float64
    opening = [partial(group.as_type, kind) for group in groups]
    types = cells_of.type_names(groups[0].numbers())
    return Decoded(opening, lengths, partial(to_rows, name=name), width * NUMBER), types, []


def joined(parts: Sequence[Column]) -> Column:
    """Typed columns one after another, of the type that holds all of them."""
    kinds = {part.type for part in parts}
    if len(kinds) > 1:
        whole = all(cells_of.is_whole(kind) for kind in kinds)
        parts = [part.cast(pa.int64() if whole else pa.float64(), safe=False) for part in parts]
    return pa.chunked_array([chunk for part in parts for chunk in part.chunks], parts[0].type)


def _groups_in(path: Path, columns: tuple[str, ...], dialect: Dialect) -> list[Group]:
    with _opened(path) as file:
        about = file.metadata
        counts = [about.row_group(number).num_rows for number in range(about.num_row_groups)]
    starts = accumulate(counts, initial=0)
    return [
        Group(path, number, start, count, columns, dialect)
        for number, (start, count) in enumerate(zip(starts, counts, strict=False))
        if count
    ]


def _schema_of(path: Path) -> pa.Schema:
    with _opened(path) as file:
        schema = file.schema_arrow
    check_once(schema.names, f"{path}: ")
    return schema


def _check_alike(path: Path, columns: list[str], first: Path, wanted: list[str]) -> None:
    missing = [name for name in wanted if name not in columns]
    more = [name for name in columns if name not in wanted]
    require(not missing, f"{path} has no column {', '.join(missing)}, as {first} has")
    require(not more, f"{path} has a column {', '.join(more)}, which {first} has not")


def _column_in(path: Path, column: str) -> Column:
    with _opened(path) as file:
        return file.read(columns=[column])[column]


def _beside(paths: Sequence[Path], column: str) -> Array:
    """One column, of all files."""
    return np.concatenate([cells(_column_in(path, column)) for path in paths])


@contextmanager
def _opened(path: Path, **how: Any) -> Iterator[Any]:
    """A Parquet file; errors name its path."""
    try:
        with parquet.ParquetFile(path, **how) as file:
            yield file
    except BadInput:
        raise
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path} as Parquet: {why_not(path, error)}") from error
