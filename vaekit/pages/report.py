"""A model's report: report.html, and the scores it is made with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vaekit.data import Source
from vaekit.evaluation.scores import Scores
from vaekit.pages import html as page
from vaekit.pages.sections import ROWS_SHOWN, SECTIONS, Section, written
from vaekit.pages.view import View
from vaekit.runs.folder import METRICS, REPORT, SCORES
from vaekit.runs.forecast import SAMPLES, samples_for
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput
from vaekit.system.files import replacing
from vaekit.system.records import write_json
from vaekit.system.seeding import some
from vaekit.training import read_metrics

if TYPE_CHECKING:
    from vaekit.evaluation.tables import TableQuality

ROWS_FOR_LIKELIHOOD, FEWEST_ROWS, NUMBERS = 1000, 100, 2**28  # numbers that are decoded, at most
OTHERS = 2000


def rows_to_score(trained: Trained) -> int:
    """How many rows are scored: fewer of large rows, each of which takes its time."""
    fit = NUMBERS // (SAMPLES * math.prod(trained.representation.shape))
    return min(max(fit, FEWEST_ROWS), ROWS_FOR_LIKELIHOOD)


def summarize(trained: Trained, folder: Path, seed: int = 0, annealed: int = 0) -> Scores:
    """Evaluate on test rows and write scores.json."""
    scores = _judged(trained, rows_of(trained, None, rows_to_score(trained), seed), seed, annealed)
    write_json(folder / SCORES, scores.to_dict())
    return scores


def _judged(trained: Trained, rows: Source, seed: int, annealed: int) -> Scores:
    how: dict[str, Any] = {"samples": samples_for(trained), "seed": seed, "annealed_rows": annealed}
    return trained.evaluate(rows, split="all", **how)


def write_report(
    trained: Trained,
    folder: Path,
    output: Path | None = None,
    *,
    data: Any = None,
    annealed: int = 0,
    seed: int = 0,
    given: Mapping[str, Any] | None = None,
    scores: Scores | None = None,
    quality: TableQuality | None = None,
    sections: tuple[Section, ...] = SECTIONS,
    explorer: str = "",
) -> Path:
    """Write report.html (and scores.json beside it) for a model whose data can be opened.

    Args:
        trained: the model.
        folder: that it lies in.
        output: the page; by default report.html in the folder.
        data: other data than the model's own, all rows of which are then shown.
        annealed: rows to estimate by annealed importance sampling, for the figure of bounds.
        seed: of everything random.
        given: what a conditional model is given, if the data does not carry it.
        scores: those of the rows shown, if they are known.
        quality: of rows that a model of a table draws, if it is known.
        sections: of the page, in order.
        explorer: the name of a page beside this one that the latent map leads to.

    Returns:
        The path of the page.
    """
    folder = folder.parent if folder.is_file() else folder
    rows = rows_of(trained, data, ROWS_SHOWN, seed, given)
    if scores is None and data is not None:
        scores = _judged(trained, rows, seed, annealed)
    elif scores is None and output is None:
        scores = summarize(trained, folder, seed, annealed)
    elif scores is None:
        shown = rows_of(trained, None, rows_to_score(trained), seed)
        scores = _judged(trained, shown, seed, annealed)
    others = others_of(trained, seed) if data is None else None
    metrics = read_metrics(folder / METRICS)
    view = View(trained.to("cpu"), rows, scores, seed, metrics, others, quality, explorer)
    path = output or folder / REPORT
    text = page.page(view.title, written(sections, view))
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def others_of(trained: Trained, seed: int = 0) -> Source | None:
    """Some rows of the model's own data that it was trained or chosen by."""
    source = trained.source
    if source is None:
        return None
    both = torch.cat([source.indices(split) for split in ("train", "validation")])
    return trained.told(source.numbered().take(both[some(len(both), OTHERS, seed)]))


def rows_of(
    trained: Trained, data: Any, limit: int, seed: int, given: Mapping[str, Any] | None = None
) -> Source:
    """Rows to show, at most ``limit``, with what is given beside them: they and the first of them
    stand for all."""
    source = trained.source if data is None else trained.open(data)
    if source is None:
        raise BadInput("give the data to report on")
    source = source.numbered()
    rows = trained.told(source.part(trained.split_of(source)), given)
    return rows.some("all", limit, seed)
