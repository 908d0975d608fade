"""The sections of a report that only tables of mixed columns have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from vaekit.data import Source
from vaekit.data.coding import TableCoding
from vaekit.evaluation.information import normalised_information
from vaekit.pages import html as page
from vaekit.pages import maps, plots
from vaekit.pages.view import View
from vaekit.pages.words import brief, measured, number, signed
from vaekit.pictures.svg import figure, svg
from vaekit.runs import tables
from vaekit.runs.oddest import oddest_cells, text_of
from vaekit.system.types import Array

MOST_COLUMNS, MOST_PAIRED, GROUPS, ODD, BLAMED, TOLD, FURTHEST = 24, 24, 24, 8, 3, 6, 3
LONGEST, LONGEST_VALUE = 14, 11  # letters of a column's name and of a value beside a small plot
TOO_FEW = "There are too few rows to judge new ones by."
NEARER = "how often the nearest real row of a new one was trained on; scaled: 0.5 is chance"
GUESSED = "AUC of a guess by the distance to the nearest new row"
COPIES = "share of rows that are, cell for cell, a training row"
CLEAN = "Nothing points to copying. That is no proof of privacy."
SHOWS = (
    "Training rows show through: new rows lie nearer to them than to rows that were not trained "
    "on, or are copies of them. Do not hand these rows on as if they were nobody's."
)


def is_cells(view: View) -> bool:
    """Whether rows are cells of mixed columns."""
    return view.trained.config.coding is not None


def is_numbers(view: View) -> bool:
    """Whether they are numbers, or pictures."""
    return not is_cells(view)


def safe(view: View) -> str:
    """What is safe to say of rows that the model draws."""
    found = view.quality
    if found is None:
        return page.section("What is safe to say of new rows", page.paragraph(TOO_FEW))
    counts = [f"{n:,} {what} rows" for what, n in found.rows.items() if n and what != "synthetic"]
    text = (
        f"Of {found.rows['synthetic']:,} rows that the model drew, beside {' and '.join(counts)}."
    )
    lines = [(f.name, signed(f.text), f.note) for g in found.figures for f in g.each]
    return page.section(
        "What is safe to say of new rows",
        page.items(found.sentences),
        page.folded("The figures", page.table(lines, ("measure", "value", "what it is"))),
        text=text,
    )


def privacy(view: View) -> str:
    """Whether new rows give training rows away."""
    found = view.quality and view.quality.privacy
    if not found:
        return ""
    n, m, made = found.rows
    share, auc = found.nearer_to_training, found.membership_auc
    lines = [
        ("nearer to training rows", _told_with(share, found.share_error), "0.5", NEARER),
        ("guessing who was trained on", _told_with(auc, found.noise), "0.5", GUESSED),
        ("exact copies", f"{found.copies:.2%}", f"{found.copies_by_chance:.2%}", COPIES),
    ]
    head = ("", "new rows", "if nothing is given away", "what it is")
    text = (
        f"Distances between {made:,} new rows, {n:,} training rows and {m:,} rows that were not "
        "trained on."
    )
    said = SHOWS if found.leans else CLEAN
    return page.section(
        "Privacy",
        page.warning(said) if found.leans else page.paragraph(said),
        page.table(lines, head),
        text=text,
    )


def _told_with(value: float, error: float) -> str:
    return measured(value, error or None)


def columns(view: View) -> str:
    """The types of the columns, and each column's values in the rows and in new ones."""
    coding = tables.coding_of(view.trained)
    real, made = view.values.numpy(), view.new_levels
    names = list(coding.names)
    shown = [i for i, name in enumerate(names) if name in coding.schema.names][:MOST_COLUMNS]
    scores = view.quality.shape.each if view.quality else {}
    drawn = [_shares(real[:, i], made[:, i], coding, names[i], scores.get(names[i])) for i in shown]
    left = len(coding.schema.names) - len(shown)
    more = f" The first {len(shown)}; {left} more are not shown." if left else ""
    what = " Behind a name stands the column's Shape, which is 1 at best." if scores else ""
    return page.section(
        "Columns",
        page.folded("What they are", page.code(coding.schema.describe())),
        page.plots(
            drawn,
            f"How often each value stands in {view.rows_called} (grey) and in new rows (outline); "
            f"values that are many are put together, the rarest categories as one.{what}{more}",
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
        f"entropies, 0 to 1. The two maps should look alike.{_furthest(view)}"
    )
    return page.section("Pairs of columns", page.plots(maps_, caption))


def _legible(text: str) -> str:
    """A cell; of a number with more digits than anybody reads, the first six."""
    try:
        value = float(text)
    except ValueError:
        return text
    return text if len(text) <= LONGEST_VALUE else f"{value:.6g}"


def odd_rows(view: View) -> str:
    """The rows with the lowest log p(x), and the cells that make them odd."""
    samples = 8
    scores = view.trained.log_likelihood(view.rows, samples=samples, seed=view.seed)
    order = np.argsort(scores)[:ODD]
    rows = view.rows.take(torch.from_numpy(order))
    lines = []
    for place, cells in zip(
        order, oddest_cells(view.trained, rows, BLAMED, seed=view.seed), strict=True
    ):
        why = [f"{cell.column}: {_legible(cell.value)} ({number(cell.log_p)})" for cell in cells]
        why += [""] * (BLAMED - len(why))
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
            told = [f"{n}: {text_of(part, n, i)}" for n in _columns(part)[:TOLD]]
            lines.append("\n".join([*names[len(lines) : len(lines) + 1], *told]))
    return maps.Beside(lines)


def _columns(rows: Source) -> list[str]:
    return [] if rows.table is None else list(rows.table.columns)


def _furthest(view: View) -> str:
    """The pairs that new rows have least like the real ones."""
    each = view.quality.trend.each if view.quality else {}
    known = sorted((score, name) for name, score in each.items() if score == score)
    named = ", ".join(f"{name} {score:.2f}" for score, name in known[:FURTHEST])
    return f" Farthest off by Trend, which is 1 at best: {named}." if named else ""


def _shares(real: Array, made: Array, coding: TableCoding, name: str, score: float | None) -> str:
    """Shares of a column's levels: ordered ones in their order, neighbours put together where they
    are many; others by how often they come, the rarest as one."""
    levels, ordered = coding.levels[name], coding.ordered[name]
    groups = min(levels, GROUPS)
    place = np.arange(levels) * groups // levels if ordered else _by_frequency(real, levels, groups)
    there = [place[rows[rows >= 0]] + 0.5 for rows in (real, made)]
    weights = [np.full(len(t), 1 / len(rows)) for t, rows in zip(there, (real, made), strict=True)]
    with figure(*plots.SMALL) as (drawn, axis):
        plots.two_histograms(axis, there, np.arange(groups + 1), weights)
        behind = "" if score is None else f"  {score:.2f}"
        axis.set(title=plots.shortened(name, LONGEST) + behind, yticks=[])
        _name_ends(axis, coding, name, place, groups)
        return plots.small(svg(drawn, f"{name}: rows and new rows"))


def _by_frequency(real: Array, levels: int, groups: int) -> Array:
    """The place of each level, the most frequent first; those beyond share the last."""
    order = np.argsort(-np.bincount(real[real >= 0], minlength=levels), kind="stable")
    place = np.empty(levels, int)
    place[order] = np.minimum(np.arange(levels), groups - 1)
    return place


def _name_ends(axis: Any, coding: TableCoding, name: str, place: Array, groups: int) -> None:
    """Write the first value below the left end of an axis, and the last below the right."""
    first, last = int(place.argmin()), int(place.argmax())
    values = coding.values_of(name, np.array([first, last])).to_pylist()
    texts = [_brief(value) for value in values]
    if (place == groups - 1).sum() > 1 and not coding.ordered[name]:
        texts[1] = "others"
    axis.set_xticks([0, groups], texts)
    for label, side in zip(axis.get_xticklabels(), ("left", "right"), strict=False):
        label.set_horizontalalignment(side)


def _brief(value: Any) -> str:
    text = brief(value) if isinstance(value, float) else str(value).removesuffix(" 00:00:00")
    return plots.shortened(text, LONGEST_VALUE)


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
