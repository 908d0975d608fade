"""The cells that make rows of a table odd."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vaekit.data import Source
from vaekit.evaluation.figures import short
from vaekit.runs import tables
from vaekit.runs.trained import Trained
from vaekit.system.types import Array


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
    fewer where fewer are there.

    Args:
        trained: a model of a table.
        rows: of a table of the same columns.
        count: cells of each row.
        seed: of the codes that are drawn for each row.

    Raises:
        BadInput: for a model of something else.
    """
    found = tables.cell_scores(trained, rows, seed=seed)
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
