"""Files compressed as they are, and written again as they were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather, parquet

from vaekit.data.on_disk import in_memory
from vaekit.data.readers.arrays import to_array
from vaekit.data.readers.exact import ORIGINALS, Named, Original, has_original, original
from vaekit.runs.archive import Archive
from vaekit.runs.coder import check_exact
from vaekit.runs.compression import Summary, compress
from vaekit.runs.table_compression import compress_table
from vaekit.runs.table_form import TableForm
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, known, require
from vaekit.system.files import replacing
from vaekit.system.types import Array

Given = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """How the rows of a compressed file are written: its header's word for it.

    Args:
        ending: of the file they came from.
        parts: names and numbers of rows, of an archive of arrays.
        columns: names and types, of a table.
        order: where each column stands in a row.
        fortran: whether the first axis was the fastest.
    """

    ending: str = ".npy"
    parts: tuple[tuple[str, int], ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    order: tuple[int, ...] = ()
    fortran: bool = False

    @classmethod
    def of(cls, header: Mapping[str, Any]) -> Form:
        """What a compressed file's header says; a plain array where it says nothing.

        Raises:
            BadInput: for what makes no sense.
        """
        try:
            found = dict(header.get("original", {}))
            columns = tuple((str(n), np.dtype(t).str) for n, t in found.get("columns", ()))
            form = cls(
                str(found.get("ending", ".npy")),
                tuple((str(n), int(count)) for n, count in found.get("parts", ())),
                columns,
                tuple(map(int, found.get("order", ()))),
                bool(found.get("fortran", False)),
            )
        except (TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"the header makes no sense ({error})") from error
        sound = sorted(form.order) == list(range(len(columns))) and form.ending in ORIGINALS
        require(sound, "the header makes no sense: it names columns that are not there")
        return form

    def named(self, rows: Array) -> Named:
        """Rows as the columns of the table that they came from, or as one array."""
        if not self.columns:
            return {"x": rows}
        return {
            name: rows[:, place].astype(dtype)
            for (name, dtype), place in zip(self.columns, self.order, strict=True)
        }

    def in_order(self, rows: Array) -> Array:
        """Rows with the columns of a table in the file's order, all in one type."""
        return rows[:, list(self.order)] if self.columns else rows

    @property
    def endings(self) -> list[str]:
        """Of the files that can be written, the natural one first."""
        if not self.columns:
            return [".npy", ".npz"]
        return [self.ending, *(e for e in _TABLES if e != self.ending), ".npy"]

    def write(self, path: Path, rows: Array) -> None:
        """Write rows to a file, of the kind that its name says."""
        with replacing(path) as temporary:
            _WRITERS[known("kind of file", path.suffix.lower(), _WRITERS)](temporary, self, rows)


def compress_file(
    trained: Trained,
    data: str,
    out: Path,
    *,
    split: str = "all",
    given: Given | None = None,
    verify: bool = True,
    **how: Any,
) -> Summary:
    """Write the rows of a file, a folder of shards or a named data set to a .vk file.

    Args:
        trained: the model.
        data: name or path.
        out: the file.
        split: which rows.
        given: what a conditional model is given, where the data does not carry it.
        verify: before the file appears, decode all and compare with the data, read once more by
            the library that everybody reads such files with.
        how: block_rows, embed, store_given, jobs; see :func:`vaekit.runs.compression.compress`.

    Returns:
        What it came to; its notes say what else the data holds that is not in the file.

    Raises:
        BadInput: for what cannot be kept exactly; nothing is written then.
    """
    path, config = Path(data), trained.config
    if config.coding is not None:
        require(not given, "a model of a table is given nothing beside it: leave out --given")
        own = {name: value for name, value in how.items() if name != "store_given"}
        return compress_table(trained, data, out, split=split, verify=verify, compare=True, **own)
    check_exact(trained)
    exact = has_original(data)
    carried = split != "all" or (bool(config.conditions) and path.suffix.lower() != ".npy")
    source = trained.open(data) if carried or not exact else None
    indices = None if source is None or split == "all" else source.indices(split).numpy()
    if source is not None:
        told = trained.told(source.part(split), given)
        given = config.conditions.carried(told.given, told.given_names)
    if not exact:
        assert source is not None
        values = to_array(in_memory(source.rows(split)), source.layout)
        return compress(trained, values, out, given=given, verify=verify, **how)
    found = original(path, config.opening.roles, config.opening.dialect)
    rows = found.rows if indices is None else found.rows[indices]
    form = Form.of(found.header())
    check = partial(_check, trained, found, form, indices, how.get("jobs", 1), given)
    summary = compress(
        trained, rows, out, given=given, verify=False, check=check if verify else None,
        extra=found.header(), **how,
    )  # fmt: skip
    aside = f"{', '.join(found.left_out)} of {data} will not come back: {out} keeps rows of x alone"
    return replace(summary, notes=(*summary.notes, aside)) if found.left_out else summary


def _check(
    trained: Trained,
    found: Original,
    form: Form,
    indices: Array | None,
    jobs: int,
    given: Given | None,
    path: Path,
) -> None:
    """Raise ``BadInput`` unless a compressed file gives back what the original holds."""
    archive = Archive(path, trained, jobs)
    archive = Archive(path, trained, jobs, given=given) if archive.needs_given else archive
    plain = {n: v if indices is None else v[indices] for n, v in found.again().items()}
    at = 0
    for rows in archive.parts():
        back, here = form.named(rows), slice(at, at + len(rows))
        for name, wanted in plain.items():
            require(
                _same(back.get(name), wanted[here]),
                f"rows {at}:{at + len(rows)} of {found.name} would not come back as they are; "
                "nothing was written; please report the type of the file",
            )
        at += len(rows)
    require(at == len(next(iter(plain.values()))), f"rows of {found.name} would be lost")


def _same(found: Array | None, wanted: Array) -> bool:
    """Whether type, shape and every bit are the same."""
    if found is None or (found.dtype, found.shape) != (wanted.dtype, wanted.shape):
        return False
    return bool(found.tobytes() == wanted.tobytes())


def restored_path(archive: Archive, output: Path | None) -> Path:
    """Where rows of an archive are written: as asked, or beside it, as the kind of file they came
    from; a file that is there already, which may be that one, is left alone.

    Raises:
        BadInput: for a kind of file that cannot hold them.
    """
    endings = form_of(archive).endings
    natural = archive.path.with_suffix(endings[0])
    beside = natural.with_stem(f"{natural.stem}-restored") if natural.exists() else natural
    path = output or beside
    require(
        path.suffix.lower() in endings,
        f"rows of {archive.path} are written as {' or '.join(endings)}, not {path.name}",
    )
    return path


def form_of(archive: Archive) -> Form | TableForm:
    """How the rows of a compressed file are written."""
    return archive.table or Form.of(archive.header)


def write_restored(archive: Archive, path: Path, rows: Any) -> None:
    """Write rows of an archive, all or some, to a path that :func:`restored_path` allowed."""
    form_of(archive).write(path, rows)


def _write_npy(path: Path, form: Form, rows: Array) -> None:
    rows = form.in_order(rows)
    np.save(path, np.asfortranarray(rows) if form.fortran else rows, allow_pickle=False)


def _write_npz(path: Path, form: Form, rows: Array) -> None:
    """All rows under the names that they had, or some as x."""
    ends = np.cumsum([count for _, count in form.parts])
    names = [name for name, _ in form.parts] if len(ends) and ends[-1] == len(rows) else ["x"]
    order = np.asfortranarray if form.fortran else np.ascontiguousarray
    parts = map(order, np.split(rows, ends[: len(names) - 1]))
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **dict(zip(names, parts, strict=True)))


def _write_parquet(path: Path, form: Form, rows: Array) -> None:
    parquet.write_table(pa.table(form.named(rows)), path)


def _write_feather(path: Path, form: Form, rows: Array) -> None:
    feather.write_feather(pa.table(form.named(rows)), path)


def _write_csv(path: Path, form: Form, rows: Array) -> None:
    """With as many digits as tell each number from all others."""
    import csv

    named = form.named(rows)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(named)
        writer.writerows(zip(*(_texts(column) for column in named.values()), strict=True))


def _texts(column: Array) -> list[str]:
    if column.dtype.kind == "b":
        return ["true" if cell else "false" for cell in column.tolist()]
    return [repr(cell) for cell in column.tolist()]


_TABLES = (".parquet", ".csv", ".feather")
_WRITERS: dict[str, Callable[[Path, Form, Array], None]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".parquet": _write_parquet,
    ".csv": _write_csv,
    ".feather": _write_feather,
}
ARRAYS_AND_TABLES = tuple(_WRITERS)
