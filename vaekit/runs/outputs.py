"""Rows written to files: the ending of the name says how."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
from pyarrow import parquet

from vaekit.data import Opening
from vaekit.data.on_disk import in_memory
from vaekit.data.readers.tables import text_table
from vaekit.pictures import sheet, to_image
from vaekit.system.checks import BadInput, known, require
from vaekit.system.files import filling, replacing

GROUP = 100_000  # rows of a .parquet file that are written together
ROW = "row"  # the column of a table that says what its rows are called
TABLES, PICTURES = (".csv", ".parquet", ".npy", ".npz"), (".png", "")  # "": a folder of .png


Columns = Callable[[np.ndarray], Mapping[str, np.ndarray]]
Beside = Mapping[str, np.ndarray]
Table = list[tuple[str, np.ndarray]]  # columns, each with its title
NOTHING: Beside = {}


def numbered(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of numbers as columns x0, x1, ..."""
    return {f"x{i}": rows[:, i] for i in range(rows.shape[1])}


def code_columns(rows: np.ndarray, latent: int) -> dict[str, np.ndarray]:
    """Codes as columns z0, z1, ..., and what stands behind them as their standard deviations z0_sd,
    z1_sd, ..."""
    names = [f"z{i}" for i in range(latent)]
    names += [f"z{i}_sd" for i in range(rows.shape[1] - latent)]
    return dict(zip(names, rows.T, strict=True))


def write_rows(
    path: Path,
    rows: np.ndarray,
    columns: Columns = numbered,
    across: int | None = None,
    names: np.ndarray | None = None,
    pictures: np.ndarray | None = None,
    after: Beside = NOTHING,
) -> None:
    """Write rows to ``path``: .npy, .npz, .csv, .parquet, .png (one sheet of pictures), or, with
    no ending, a folder of PNG files.

    Args:
        path: of the file or folder.
        rows: (N, *row).
        columns: makes columns with names and types of rows, (N, D), for tables.
        across: pictures in a row of the sheet.
        names: what the rows are called, (N,): the first column of a table, which is called "row".
        pictures: the same rows as uint8, (N, H, W) or (N, H, W, C), if they are pictures.
        after: more columns of a table, (N,) each.
    """
    ending = known("kind of output file", path.suffix.lower(), (*TABLES, *PICTURES))
    if ending in PICTURES:
        if pictures is None:
            raise BadInput(f"{path}: rows of numbers are no pictures")
        rows = pictures
    if not ending:
        _write_folder(path, rows)
        return
    with replacing(path) as temporary:
        if ending in _WHOLE:
            _WHOLE[ending](temporary, rows, across)
        else:
            _IN_PARTS[ending](temporary, [rows], len(rows), columns, names, after)


def write_parts(
    path: Path,
    parts: Iterable[np.ndarray],
    rows: int,
    columns: Columns = numbered,
    names: np.ndarray | None = None,
    after: Beside = NOTHING,
) -> None:
    """Write ``rows`` rows that come in parts, as :func:`write_rows` does. Those to .npy, .csv and
    .parquet are written as they come, so that they need not fit into memory."""
    writer = _IN_PARTS.get(path.suffix.lower())
    if writer is None:
        write_rows(path, np.concatenate(list(parts)), columns, names=names, after=after)
        return
    with replacing(path) as temporary:
        writer(temporary, parts, rows, columns, names, after)


def _npy_in_parts(path: Path, parts: Iterable[np.ndarray], rows: int, *_: Any) -> None:
    mapped, start = None, 0
    for part in parts:
        if mapped is None:
            shape = (rows, *part.shape[1:])
            mapped = np.lib.format.open_memmap(path, "w+", part.dtype, shape)
        mapped[start : start + len(part)] = part
        start += len(part)
    if mapped is not None:
        mapped.flush()


def _csv(path: Path, parts: Iterable[np.ndarray], _: int, *how: Any) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, table in enumerate(_in_columns(parts, *how)):
            _write_csv(file, table, header=number == 0)


def _parquet(path: Path, parts: Iterable[np.ndarray], _: int, *how: Any) -> None:
    with ExitStack() as stack:
        writer = None
        for columns in _in_columns(_joined(parts), *how):
            table = pyarrow.table(dict(columns))
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(path, table.schema))
            writer.write_table(table)


def _in_columns(
    parts: Iterable[np.ndarray], columns: Columns, names: np.ndarray | None, after: Beside
) -> Iterator[Table]:
    """The columns of parts of a table, each with its title."""
    start = 0
    for part in parts:
        here = slice(start, start + len(part))
        own = columns(part.reshape(len(part), -1))
        called = {} if names is None else {free(ROW, own): names[here]}
        beside = {title: cells[here] for title, cells in after.items()}
        yield [*called.items(), *own.items(), *beside.items()]
        start = here.stop


def _joined(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Parts in a row put together, so that each but the last has at least so many rows."""
    held: list[np.ndarray] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= GROUP:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


_IN_PARTS: dict[str, Callable[..., None]] = {
    ".npy": _npy_in_parts,
    ".csv": _csv,
    ".parquet": _parquet,
}


def _write_folder(path: Path, pictures: np.ndarray) -> None:
    digits = len(str(len(pictures) - 1))
    with filling(path) as folder:
        for number, picture in enumerate(pictures):
            with replacing(folder / f"{number:0{digits}d}.png") as temporary:
                to_image(picture).save(temporary)


def _write_csv(file: Any, columns: Table, *, header: bool) -> None:
    titles, cells = zip(*columns, strict=True)
    kinds = [_FORMATS.get(values.dtype.kind, _digits)(values) for values in cells]
    table = np.rec.fromarrays([_quoted(v) if v.dtype.kind == "U" else v for v in cells])
    np.savetxt(file, table, kinds, ",", header=_line(titles) if header else "", comments="")


def _digits(values: np.ndarray) -> str:
    """As many as tell numbers apart: nine where they are no finer than float32."""
    with np.errstate(over="ignore", invalid="ignore"):
        coarse = np.array_equal(values, values.astype(np.float32), equal_nan=True)
    return "%.9g" if coarse else "%.17g"


_FORMATS: dict[str, Callable[[np.ndarray], str]] = {
    **dict.fromkeys("bui", lambda _: "%d"), "U": lambda _: "%s",
}  # fmt: skip


def free(title: str, taken: Container[str]) -> str:
    """A title that no other column has."""
    while title in taken:
        title += "_"
    return title


def _quoted(words: np.ndarray) -> np.ndarray:
    return np.array([_line([word]) for word in words.tolist()])


def _line(cells: Iterable[str]) -> str:
    """Cells as a line of a table, in quotes where that is needed."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


_WHOLE: dict[str, Callable[[Path, np.ndarray, int | None], None]] = {
    ".npy": lambda path, rows, _: np.save(path, rows, allow_pickle=False),
    ".npz": lambda path, rows, _: np.savez_compressed(path, x=rows),
    ".png": lambda path, rows, across: sheet(rows, across).save(path, "PNG"),
}


def read_codes(path: Path, latent: int) -> np.ndarray:
    """Codes from a .npy, .npz, .csv or .parquet file, (rows, latent): of a table the columns z0,
    z1, ... where they are there; what rows are called is no part of them.

    Raises:
        BadInput: for what cannot be read, and for a table that has some of these columns alone.
    """
    require(path.is_file(), f"there is no file {path}")
    held = _numbers_of_codes(path)
    require(held in (0, latent), f"{path} holds codes of {held} numbers; the model has {latent}")
    columns = tuple(f"z{i}" for i in range(held))
    label = None if columns else ROW
    values = in_memory(Opening(columns=columns, label=label, strict=False).open(path).values)
    if values.dim() != 2:
        raise BadInput(f"{path} must hold codes as (rows, latent), not {tuple(values.shape)}")
    return values.numpy()


def _numbers_of_codes(path: Path) -> int:
    """How many of the columns z0, z1, ... a table has; 0 for what is no table."""
    names = frozenset(_NAMES[path.suffix](path) if path.suffix in _NAMES else ())
    return next(n for n in count() if f"z{n}" not in names)


_NAMES: dict[str, Callable[[Path], Iterable[str]]] = {
    ".csv": lambda path: text_table(path).columns,
    ".parquet": lambda path: parquet.read_schema(path).names,
}
