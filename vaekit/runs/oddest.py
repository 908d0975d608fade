"""The cells that make rows of a table odd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, overload

import numpy as np
import torch

from vaekit.data import Source
from vaekit.evaluation.figures import short
from vaekit.runs import tables
from vaekit.runs.trained import Trained
from vaekit.system.types import Array

BLOCK = 20_000  # rows that are looked at together


@dataclass(frozen=True)
class OddCell:
    """A cell, and how odd it is.

    Args:
        column: its column's name.
        value: what it says.
        log_p: log p(cell | all other cells of its row), in nats.
    """

    column: str
    value: str
    log_p: float

    @property
    def words(self) -> str:
        """Its column and what it says."""
        return f"{self.column}: {self.value}"

    def __str__(self) -> str:
        return f"{self.words} ({short(self.log_p)})"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def oddest_cells(
    trained: Trained, rows: Source, count: int = 2, *, seed: int = 0
) -> list[list[OddCell]]:
    """Of each row of a table the cells that are least likely given all others, the oddest first;
    fewer where fewer are there. What no training row holds, in columns that held one value too, is
    as likely as if it were in one of them and one more.

    Args:
        trained: a model of a table.
        rows: of a table of the same columns.
        count: cells of each row.
        seed: of the codes that are drawn for each row.

    Raises:
        BadInput: for a model of something else.
    """
    found = tables.cell_scores(trained, rows, seed=seed)
    for name, log_p in unseen_in(rows).items():
        known = found.get(name, np.full(len(rows), np.nan))
        found[name] = np.where(log_p < 0, np.fmin(known, log_p), known)
    names, each = [*found], np.stack([*found.values()], 1)
    order = np.argsort(np.where(np.isnan(each), np.inf, each), 1, kind="stable")[:, :count]
    return [
        [
            OddCell(names[j], text_of(rows, names[j], i), float(each[i, j]))
            for j in places
            if not np.isnan(each[i, j])
        ]
        for i, places in enumerate(order)
    ]


def unseen_in(rows: Source) -> dict[str, Array]:
    """Log probabilities of cells that hold what no training row does, see
    :meth:`vaekit.data.schema.TableSchema.unseen`.

    Args:
        rows: of a table.
    """
    assert rows.coding is not None
    assert rows.table is not None
    return rows.coding.schema.unseen(rows.table)


class OddCells(Sequence[list[OddCell]]):
    """The cells that make each of many rows odd, looked for when they are asked for, in the rows
    beside them too.

    Args:
        trained: a model of a table.
        rows: of a table of the same columns.
        seed: of the codes that are drawn for each row.
    """

    def __init__(self, trained: Trained, rows: Source, seed: int = 0) -> None:
        self.trained, self.rows, self.seed = trained, rows, seed
        self._block = lru_cache(1)(self._looked_for)
        self.columns_of = lru_cache(1)(lambda start, stop: as_columns(self[start:stop]))

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> list[OddCell]: ...

    @overload
    def __getitem__(self, index: slice) -> list[list[OddCell]]: ...

    def __getitem__(self, index: int | slice) -> Any:
        places = range(len(self))[index]
        if isinstance(places, int):
            return self._block(places // BLOCK)[places % BLOCK]
        return [self[place] for place in places]

    def of(self, places: Sequence[int]) -> list[list[OddCell]]:
        """Those of these rows, looked for in them alone.

        Args:
            places: numbers of the rows.
        """
        rows = self.rows.take(torch.tensor(places, dtype=torch.int64))
        return oddest_cells(self.trained, rows, seed=self.seed) if places else []

    def _looked_for(self, number: int) -> list[list[OddCell]]:
        rows = self.rows.between(number * BLOCK, (number + 1) * BLOCK)
        return oddest_cells(self.trained, rows, seed=self.seed)

    @property
    def columns(self) -> dict[str, Array]:
        """The oddest cell of each row, and its log probability, as columns of a table."""
        return {title: _Column(self, title) for title in as_columns([])}  # type: ignore[misc]


class _Column:
    """One of these columns, made of the rows that are asked for.

    Args:
        cells: of all rows.
        title: of the column.
    """

    def __init__(self, cells: OddCells, title: str) -> None:
        self.cells, self.title = cells, title

    def __getitem__(self, index: slice) -> Array:
        return self.cells.columns_of(index.start, index.stop)[self.title]


def text_of(rows: Source, name: str, row: int) -> str:
    """What a cell says."""
    assert rows.table is not None
    value = rows.table.columns[name][row].as_py()
    return "missing" if value is None else str(value)


def as_columns(cells: Sequence[Sequence[OddCell]]) -> dict[str, Array]:
    """The oddest cell of each row, and its log probability, as columns of a table."""
    first = [row[0] if row else OddCell("", "", np.nan) for row in cells]
    words = [cell.words if cell.column else "" for cell in first]
    return {
        "oddest_cell": np.array(words, str),
        "oddest_cell_log_p": np.array([cell.log_p for cell in first]),
    }
