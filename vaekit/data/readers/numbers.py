"""Rows of numbers of tables that stay on disk: looked at and kept part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from vaekit.data.on_disk import Mapped, Values
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers import mapping
from vaekit.data.readers.arrays import needs_float64, standard_dtype
from vaekit.data.readers.columns import Column
from vaekit.system.progress import tracked
from vaekit.system.scratch import scratch
from vaekit.system.types import Array

if TYPE_CHECKING:
    from vaekit.data.readers.tables import Table


def numbers_on_disk(table: Table, names: Sequence[str]) -> tuple[Values, tuple[str, ...]]:
    """All rows, as :meth:`vaekit.data.readers.tables.Table.source` has them in memory, in a
    temporary file; and the types of the columns.

    Args:
        table: whose columns stay on disk.
        names: of the columns, in order.

    Raises:
        BadInput: for a column that holds something else than numbers; gaps become NaN.
    """
    whole, wide, seen = True, False, list[tuple[str, ...]]()
    for x in _parts(table, names, "looking at columns"):
        cells = _matrix(x)
        whole, wide = whole and cells.dtype.kind in "ui", wide or needs_float64(cells)
        seen.append(cells_of.type_names(x))
    types = [np.result_type(*map(np.dtype, each)) for each in zip(*seen, strict=True)]
    kind = np.dtype(np.int64 if whole else np.float64)
    kept = kind if wide and not whole else standard_dtype(np.empty(0, kind), "").dtype
    with scratch(f"the numbers of {table.place.name}") as file:
        for x in _parts(table, names, "reading numbers"):
            cells = _matrix(x).astype(kind)
            narrow = cells if kept == kind else standard_dtype(cells, table.place.name)
            file.add(narrow)
        mapped = file.array(kept, (table.rows, len(names)))
    return Mapped(mapped, torch.from_numpy(mapped[:0]).dtype), tuple(map(str, types))


def _parts(table: Table, names: Sequence[str], title: str) -> Iterator[list[Column]]:
    at_once = mapping.rows_at_once(len(names))
    for part in tracked(table.slices(at_once), title, -(-table.rows // at_once)):
        yield [part.numbers(name) for name in names]


def _matrix(x: list[Column]) -> Array:
    return cells_of.matrix([*map(cells_of.filled, x)], by_value=True)
