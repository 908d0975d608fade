"""Gaps filled in: of rows of numbers, in whatever holds them, and of tables of mixed columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc
from torch import Tensor

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.exact import TABLES
from vaekit.data.readers.frames import filled_frame, is_frame, table_of
from vaekit.data.readers.tables import Table, ending_of
from vaekit.evaluation.gaps import SAMPLES, drawn, expected
from vaekit.rows import AnyRows
from vaekit.runs import tables
from vaekit.runs.handed_back import handed_back
from vaekit.runs.outputs import write_rows
from vaekit.runs.table_files import write_table
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.types import Array

Fill = Callable[..., Tensor]


def impute(
    trained: Trained,
    data: Any,
    *,
    draws: int = 0,
    samples: int = SAMPLES,
    seed: int = 0,
) -> Any:
    """Rows whose gaps are filled in; what is there stays as it is.

    Args:
        trained: a model that knows gaps: of recipe gaps_vae, not_miwae, table_vae.
        data: rows with gaps: an array or tensor with NaN, a data frame, or a path.
        draws: how many times gaps are filled by draws given the rest of the row: then the result
            is a list, and the spread between its members says how sure they are. With 0, once, by
            what is expected given the rest: the mean of numbers, the likeliest category.
        samples: codes drawn for each row, of which rows of numbers are made.
        seed: of everything random.

    Returns:
        Rows in the kind of container that they came in; of a file, a table of pyarrow, or an
        array. Columns that the model does not know are left as they are.

    Raises:
        BadInput: for a model that knows no gaps, and for rows that are not its own.
    """
    require(draws >= 0, f"draws must not be negative, not {draws}")
    if trained.config.coding is not None:
        filled = (
            [tables.fill(trained, tables.cells_of(trained, data), seed + n) for n in range(draws)]
            if draws
            else [tables.expected(trained, data, seed=seed)]
        )
        made = [_as_it_came(data, table) for table in filled]
    else:
        check_knows_gaps(trained)
        usual = partial(expected, samples=samples, seed=seed)
        each = [partial(drawn, samples=samples, seed=seed + n) for n in range(draws)]
        made = _filled(trained, data, each or [usual])
    return made if draws else made[0]


def write_filled(path: Path, made: pa.Table | Array) -> None:
    """Write what :func:`impute` made of a file: a table as a table, an array as an array.

    Raises:
        BadInput: for the ending of the other.
    """
    array = path.suffix.lower() == ".npy"
    require(array != isinstance(made, pa.Table), f"{path}: {_OTHER[array]}")
    if isinstance(made, pa.Table):
        write_table(path, made)
    else:
        write_rows(path, made)


_OTHER = {True: "a table is no array: write it to .csv", False: "an array is no table: .npy"}


def check_knows_gaps(trained: Trained) -> None:
    """Raise ``BadInput`` for a model of numbers none of which may be missing."""
    require(
        trained.model.likelihood.family.range.missing,
        f"recipe {trained.config.recipe} knows no gaps: train gaps_vae on rows of numbers, or "
        "table_vae on a table of any columns",
    )


def _filled(trained: Trained, data: Any, fills: Sequence[Fill]) -> list[Any]:
    """Rows of numbers, read once and filled in each way."""
    table = table_in(trained, data)
    if table is None:
        rows, layout = trained._rows(data)
        each = (_values(trained, rows, fill) for fill in fills)
        return [handed_back(trained.config, data, values, layout) for values in each]
    source = trained.open(table)
    known = trained.rows(source)
    each = (_values(trained, known, fill) for fill in fills)
    return [_as_it_came(data, _put(table, source.columns, values.numpy())) for values in each]


def _as_it_came(data: Any, table: pa.Table) -> Any:
    """A table as a frame, for a frame; else the table."""
    return filled_frame(data, table) if is_frame(data) else table


def _put(table: Table, names: Sequence[str], values: Array) -> pa.Table:
    """A table in whose gaps are values, (rows, names)."""
    made = dict(table.columns)
    for number, name in enumerate(names):
        made[name] = _column(table, name, values[:, number])
    return pa.table(made)


def table_in(trained: Trained, data: Any) -> Table | None:
    """The columns of a frame or of a file of columns; None for anything else.

    Args:
        trained: whose rows they are.
        data: anything that can be opened.
    """
    opening = trained.config.opening
    if is_frame(data):
        table = table_of(data, "data", opening.dialect)
    elif isinstance(data, Table):
        table = data
    elif isinstance(data, str | os.PathLike) and ending_of(Path(data)) in TABLES:
        require(Path(data).exists(), f"there is no file {data}")
        table = TABLES[ending_of(Path(data))](Path(data), opening.roles, opening.dialect)
    else:
        return None
    return table.by_place(opening.roles).named(opening.roles)


def _values(trained: Trained, rows: AnyRows, fill: Fill) -> Tensor:
    """Filled rows as they are stored, (rows, *row)."""
    return trained.representation.decode(fill(trained.model, rows))


def _column(table: Table, name: str, values: Array) -> pa.ChunkedArray:
    """A column whose gaps have values: whole numbers, where its own are."""
    column = table.numbers(name)
    gone = cells_of.gaps(column)
    if not gone.any():
        return column
    kind = column.type if cells_of.is_whole(column.type) else pa.float64()
    if pa.types.is_boolean(kind):
        values = values > 0.5
    elif cells_of.is_whole(kind):
        info = np.iinfo(kind.to_pandas_dtype())
        values = values.round().clip(info.min, info.max)
    own = column.cast(pa.float64(), safe=False) if kind == pa.float64() else column
    put = pa.array(np.asarray(values)).cast(kind, safe=False)
    return pa.chunked_array([pc.if_else(pa.array(gone), put, own.combine_chunks())])
