"""The sections of a report that only tables of mixed columns have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vaekit.data import Source
from vaekit.evaluation.information import normalised_information
from vaekit.pages import html as page
from vaekit.pages import maps, plots
from vaekit.pages.view import View
from vaekit.pages.words import number
from vaekit.pictures.svg import figure, svg
from vaekit.runs import tables
from vaekit.system.types import Array

MOST_COLUMNS, MOST_PAIRED, GROUPS, ODD, BLAMED, TOLD = 24, 24, 24, 8, 3, 6


def is_cells(view: View) -> bool:
    """Whether rows are cells of mixed columns."""
    return view.trained.config.coding is not None


def is_numbers(view: View) -> bool:
    """Whether they are numbers, or pictures."""
    return not is_cells(view)


def columns(view: View) -> str:
    """The types of the columns, and each column's values in the rows and in new ones."""
    coding = tables.coding_of(view.trained)
    real, made = view.values.numpy(), view.new_levels
    names = list(coding.names)
    shown = [i for i, name in enumerate(names) if name in coding.schema.names][:MOST_COLUMNS]
    drawn = [
        _shares(real[:, i], made[:, i], list(coding.levels.values())[i], names[i]) for i in shown
    ]
    left = len(coding.schema.names) - len(shown)
    more = f" The first {len(shown)}; {left} more are not shown." if left else ""
    return page.section(
        "Columns",
        page.folded("What they are", page.code(coding.schema.describe())),
        page.plots(
            drawn,
            f"How often each value stands in {view.rows_called} (grey) and in as many new rows "
            f"(outline); values that are many are put together.{more}",
            small=True,
        ),
    )


def pairs(view: View) -> str:
    """How much pairs of columns tell of each other, in the rows and in new ones."""
    coding = tables.coding_of(view.trained)
    own = slice(len(coding.gaps), len(coding.gaps) + MOST_PAIRED)
    names = list(coding.names)[own]
    maps_ = [
        plots.correlations(_told(rows[:, own]), names, title)
        for rows, title in (
            (view.values.numpy(), view.rows_called),
            (view.new_levels[: len(view.rows)], "as many new rows"),
        )
    ]
    caption = (
        "How much two columns tell of each other: their mutual information as a share of their "
        "entropies, 0 to 1. The two maps should look alike."
    )
    return page.section("Pairs of columns", page.plots(maps_, caption))


def odd_rows(view: View) -> str:
    """The rows with the lowest log p(x), and the cells that make them odd."""
    samples = 8
    scores = view.trained.log_likelihood(view.rows, samples=samples, seed=view.seed)
    order = np.argsort(scores)[:ODD]
    rows = view.rows.take(torch.from_numpy(order))
    cells = tables.cell_scores(view.trained, rows, seed=view.seed)
    each = np.stack([*cells.values()], 1)
    lines = []
    for i, place in enumerate(order):
        blamed = np.argsort(np.where(np.isnan(each[i]), np.inf, each[i]))[:BLAMED]
        why = [
            f"{list(cells)[j]}: {_text(rows, list(cells)[j], i)} ({number(each[i, j])})"
            for j in blamed
        ]
        name = view.rows.names[place] if view.rows.names else str(place)
        lines.append([name, number(float(scores[place])), *why])
    head = ["row", "log p(x)", "oddest cell", "then", "then"][: 2 + BLAMED]
    caption = "Beside a cell stands its log probability given all other cells of its row, in nats."
    return page.section("Odd rows", page.table(lines, head), text=caption)


def beside(view: View, sources: Sequence[Source]) -> maps.Beside:
    """What stands beside a row's point on a map: the values of its first columns."""
    names = [name for part in sources for name in part.names]
    lines: list[str] = []
    for part in sources:
        for i in range(min(len(part), maps.fit_in(len(part), 1))):
            told = [f"{n}: {_text(part, n, i)}" for n in _columns(part)[:TOLD]]
            lines.append("\n".join([*names[len(lines) : len(lines) + 1], *told]))
    return maps.Beside(lines)


def _columns(rows: Source) -> list[str]:
    return [] if rows.table is None else list(rows.table.columns)


def _text(rows: Source, name: str, row: int) -> str:
    assert rows.table is not None
    value = rows.table.columns[name][row].as_py()
    return "missing" if value is None else str(value)


def _shares(real: Array, made: Array, levels: int, name: str) -> str:
    """Shares of a column's levels, in order, neighbours put together where they are many."""
    groups = min(levels, GROUPS)
    edges = np.linspace(0, levels, groups + 1)
    there = [rows[rows >= 0] + 0.5 for rows in (real, made)]
    weights = [np.full(len(t), 1 / len(rows)) for t, rows in zip(there, (real, made), strict=True)]
    with figure(*plots.SMALL) as (drawn, axis):
        plots.two_histograms(axis, there, edges, weights)
        axis.set(title=plots.shortened(name), yticks=[], xticks=[])
        return plots.small(svg(drawn, f"{name}: rows and new rows"))


def _told(rows: Array) -> Array:
    """Normalised mutual information of each pair of columns, (columns, columns)."""
    size = rows.shape[1]
    coarse = np.stack([_grouped(rows[:, j]) for j in range(size)], 1)
    found = np.eye(size)
    for i in range(size):
        for j in range(i):
            found[i, j] = found[j, i] = normalised_information(coarse[:, i], coarse[:, j])
    return found


def _grouped(levels: Array) -> Array:
    """Levels in at most ten groups, as even as they can be; gaps are one more."""
    if len(np.unique(levels)) <= 11:
        return np.unique(levels, return_inverse=True)[1]
    cuts = np.unique(np.quantile(levels[levels >= 0], np.linspace(0, 1, 11)[1:-1]))
    return np.where(levels < 0, 0, 1 + np.searchsorted(cuts, levels, side="right"))
