"""Files number by number, in the types they are written in: for what must come back exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.published.catalogue import CATALOGUE
from vaekit.data.readers.columns import is_text
from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.folder import shards_in
from vaekit.data.readers.images import image_files
from vaekit.data.readers.loading import load, member
from vaekit.data.readers.npy import PUBLISHED, array_of, is_published, name_of_rows, names_in
from vaekit.data.readers.parquet import parquet_table
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.readers.tables import TEXTS, Table, ending_of, feather_table, text_table
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

Named = dict[str, Array]
WRITTEN = {".parquet": ".parquet", ".feather": ".feather", ".arrow": ".feather"}  # text as .csv
MOST_DIGITS = 17  # which tell every float64 from its neighbours
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
    return ending_of(path) in ORIGINALS


def original(path: Path, roles: ColumnRoles = NO_ROLES, dialect: Dialect = LOOK) -> Original:
    """What a file, or a folder of shards, holds of the rows of a model.

    Args:
        path: of a .npy or .npz file or a table, or a folder of files of one kind.
        roles: which columns or arrays are x, and which are not.
        dialect: how a table is written.

    Raises:
        BadInput: for what cannot be kept exactly, saying where.
    """
    paths = shards_in(path) if path.is_dir() else [path]
    return ORIGINALS[ending_of(paths[0])](path, paths, roles, dialect)


def _arrays(place: Path, paths: Sequence[Path], *_: Any) -> Original:
    rows = _joined(place, [load(path, mapped=True) for path in paths])
    return Original(str(place), ".npy", rows, lambda: {"x": _joined(place, _plain(paths))})


def _plain(paths: Sequence[Path]) -> list[Array]:
    return [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]


def _archives(place: Path, paths: Sequence[Path], roles: ColumnRoles, _: Dialect) -> Original:
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


def _tables(place: Path, paths: Sequence[Path], roles: ColumnRoles, dialect: Dialect) -> Original:
    tables, coded = _arranged(paths, roles, dialect)
    there = [name for name in tables[0].columns if name not in tables[0].index]
    kept = [name for name in there if name in coded]
    cells = _columns(tables, kept)
    return Original(
        str(place),
        WRITTEN.get(ending_of(paths[0]), ".csv"),
        one_type(str(place), {name: cells[name] for name in coded}),
        lambda: _columns(_arranged(paths, roles, dialect)[0], kept),
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


def _arranged(
    paths: Sequence[Path], roles: ColumnRoles, dialect: Dialect
) -> tuple[list[Table], list[str]]:
    """The tables, and the names of x in the model's order."""
    found = [TABLES[ending_of(path)](path, roles, dialect).arranged(roles) for path in paths]
    return [table for table, _, _ in found], list(found[0][1].x)


def _columns(tables: Sequence[Table], names: Sequence[str]) -> Named:
    """Columns of numbers of tables, one table after the other, in the types they have there; those
    of text are what its numbers say.

    Raises:
        BadInput: for an empty cell, a column that holds no numbers or differs in its type, or
            numbers that no type holds.
    """
    return {name: _one_column([_numbers(t, name) for t in tables], name) for name in names}


def _one_column(parts: Sequence[Array], name: str) -> Array:
    types = sorted({part.dtype.str for part in parts})
    require(
        len(types) == 1, f"column {name!r} is of types {' and '.join(types)}: compress files apart"
    )
    return np.concatenate(parts)


def _numbers(table: Table, name: str) -> Array:
    what = f"{table.place.name}: column {name!r}"
    require(name in table.columns, f"{table.place.name} has no column {name!r}")
    column = table.numbers(name)
    require(column.null_count == 0, f"{what} has {column.null_count:,} empty cells; fill them in")
    require(not pa.types.is_decimal(column.type), f"{what} holds more digits than a number keeps")
    longest = digits(table.columns[name])
    require(longest <= MOST_DIGITS, f"{what} holds {longest} digits, of which a number keeps 17")
    return column.to_numpy()


def digits(text: pa.ChunkedArray) -> int:
    """The most digits that a number in text has, but for those of its exponent and zeros at its
    ends; 0 of what is no text."""
    if not is_text(text.type):
        return 0
    plain = pc.replace_substring_regex(text, r"[eE].*$|[^0-9]", "")
    return int(pc.max(pc.utf8_length(pc.utf8_trim(plain, "0"))).as_py() or 0)


TABLES: dict[str, Callable[[Path, ColumnRoles, Dialect], Table]] = {
    ".parquet": parquet_table,
    **dict.fromkeys((".feather", ".arrow"), feather_table),
    **dict.fromkeys(TEXTS, text_table),
}
Reader = Callable[[Path, Sequence[Path], ColumnRoles, Dialect], Original]
ORIGINALS: dict[str, Reader] = {
    ".npy": _arrays,
    ".npz": _archives,
    **dict.fromkeys(TABLES, _tables),
}
