"""Filled rows of a table in text, written as the file in which they came."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from vaekit.data import Source
from vaekit.data.as_written import AsWritten
from vaekit.data.kept import as_written
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Column
from vaekit.data.readers.refilling import page_of
from vaekit.data.readers.tables import KINDS, TEXTS, Table, ending_of
from vaekit.runs import in_parts
from vaekit.runs.table_files import write_as_it_came
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.system.types import Array


def text_ending(path: Path) -> str:
    """What the name of a table in text ends in, but for what packs it; "" for another file.

    Args:
        path: of the file.
    """
    ending = ending_of(path)
    return next(kind for kind in KINDS if ending.startswith(kind)) if ending in TEXTS else ""


def write_cells(
    trained: Trained, rows: Path, found: Source, out: Path, seed: int = 0, *, formulas: bool = False
) -> int:
    """Write one draw of all missing cells of a table; what is there stays as it is written.

    Args:
        trained: a model of a table.
        rows: the file of text in which the rows came.
        found: the rows, as the model takes them.
        out: the file that is written.
        seed: of everything random.
        formulas: whether words that are filled in may look like a spreadsheet's formula; else an
            apostrophe stands before them.

    Returns:
        How many rows there were.
    """
    assert found.whole is not None
    kept = as_written(coding_of(trained).schema, formulas=formulas)
    parts = partial(in_parts.filled, trained, found, seed, kept)
    return write_as_it_came(out, page_of(rows, found.whole), parts, [*found.whole.columns])


def write_numbers(rows: Path, own: Table, made: pa.Table, out: Path) -> int:
    """Write rows of numbers whose gaps were filled, likewise.

    Args:
        rows: the file of text in which they came.
        own: its columns.
        made: what :func:`vaekit.runs.gaps.impute` made of these.
        out: the file that is written.

    Returns:
        How many rows there were.
    """

    def gone(own: Table, name: str) -> Array:
        if not cells_of.is_number(made[name].type):
            return np.zeros(own.rows, bool)
        return cells_of.gaps(own.numbers(name))

    def same(column: Column, *_: object) -> Column:
        return column

    filled = AsWritten(gone, same).filled(made, own)
    return write_as_it_came(out, page_of(rows, own), lambda: [filled], [*own.columns])
