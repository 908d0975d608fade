"""Two or more trained models on the same rows, side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data import CATALOGUE, Source
from vaekit.evaluation.scores import Scores
from vaekit.evaluation.spread import Spread, together
from vaekit.pages import html as page
from vaekit.pages import maps, panels, plots
from vaekit.pages.comparison.grid import NOTHING, SMALL_MAP, Line, best, grid, properties
from vaekit.pages.overview import training_time
from vaekit.pages.view import View
from vaekit.pages.words import measured, number, signed
from vaekit.pictures.scatter import PALETTE, Frame
from vaekit.runs.folder import CONFIG
from vaekit.runs.inspect import count
from vaekit.runs.job import reopen
from vaekit.runs.run import METRICS
from vaekit.runs.seeds import holds_seeds, runs_in
from vaekit.runs.trained import Trained
from vaekit.system.checks import require, size_text
from vaekit.system.files import replacing
from vaekit.training import read_metrics

ROWS, SAMPLES, PAIRS = 1000, 200, 24


@dataclass(frozen=True)
class RunComparison:
    """Models that were seen through the same rows.

    Args:
        groups: the models, their scores and the rows: of each name one, or one for each seed.
        names: what the models are called.
        others: names of models that were trained on other data than the rows come from.
    """

    groups: list[list[View]]
    names: list[str]
    others: list[str]

    @property
    def views(self) -> list[View]:
        """The first model of each name."""
        return [views[0] for views in self.groups]

    def over(self, number_of: Callable[[View], float | None]) -> list[Spread | None]:
        """A number of each, over its seeds; None where a model has none."""
        each = [[number_of(view) for view in views] for views in self.groups]
        return [_spread(values) for values in each]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: the numbers of one model, or of several seeds with their spread."""
        rows = self.views[0].rows
        scores = (
            together([v.scores.to_dict() for v in g]) if len(g) > 1 else g[0].scores.to_dict()
            for g in self.groups
        )  # fmt: skip
        models = dict(zip(self.names, scores, strict=True))
        return {"data": rows.name, "rows": len(rows), "models": models}

    @property
    def verdict(self) -> str:
        """What the numbers say, in a sentence."""
        found = zip(self.names, self.over(_log_likelihood), strict=True)
        density = {name: spread.mean for name, spread in found if spread is not None}
        if _alike(self) and len(density) > 1:
            first, second, *_ = sorted(density, key=density.__getitem__, reverse=True)
            return (
                f"{first} gives the test rows the highest log p(x), {number(density[first])} nats "
                f"per row: {number(density[first] - density[second])} more than {second}"
                f"{self._certainty(first, second)}."
            )
        errors = {n: s.mean for n, s in zip(self.names, _errors(self), strict=True) if s}
        first = min(errors, key=errors.__getitem__)
        return f"{first} rebuilds the test rows most closely, by squared error."

    def _certainty(self, first: str, second: str) -> str:
        """How a difference of two compares with that between seeds, where there are several."""
        spread = dict(zip(self.names, self.over(_log_likelihood), strict=True))
        both = [s.deviation for name in (first, second) if (s := spread[name]) and s.deviation]
        if not both:
            return ""
        return f" (between seeds it varies by {number(max(both))}, a standard deviation)"

    def table(self) -> str:
        """The table as text."""
        lines = [("", self.names), *((n, [*map(_plain, v)]) for n, v in _properties(self))]
        widths = [max(len(line[1][i]) for line in lines) for i in range(len(self.names))]
        first = max(len(name) for name, _ in lines)
        return "\n".join(
            f"{name:<{first}}  "
            + "  ".join(f"{v:>{w}}" for v, w in zip(values, widths, strict=True))
            for name, values in lines
        )


def is_run(place: str) -> bool:
    """Whether a model lies in this folder, or models of several seeds, and no data set has its
    name."""
    return place not in CATALOGUE and ((Path(place) / CONFIG).is_file() or holds_seeds(place))


def compare_runs(places: Sequence[str], *, seed: int = 0) -> RunComparison:
    """Evaluate models on the same rows: test rows of the first one's data.

    Args:
        places: folders of at least two models, or of runs that differ in their seeds alone: their
            numbers have a spread.
        seed: of everything random.

    Raises:
        BadInput: for models of rows of different shapes, or whose data cannot be opened.
    """
    require(len(places) > 1, f"give two or more models to compare, not {places[0]} alone")
    each = [_runs_of(place) for place in places]
    names, models = _names(places), [Trained.load(runs[0]) for runs in each]
    for name, model in zip(names, models, strict=True):
        shapes = [model.representation.shape, models[0].representation.shape]
        require(
            shapes[0] == shapes[1],
            f"{name} is a model of rows of {size_text(shapes[0])}, {names[0]} of "
            f"{size_text(shapes[1])}: only models of the same data can be compared",
        )
    source = reopen(models[0].config)
    rows = source.some("test", ROWS, seed)
    others = [
        name
        for name, model in zip(names, models, strict=True)
        if model.open(source).fingerprint != model.config.data.fingerprint
    ]
    groups = [[_view(Trained.load(run), run, rows, seed) for run in runs] for runs in each]
    return RunComparison(groups, names, others)


def _runs_of(place: str) -> list[Path]:
    """The model of a folder, or those of its seeds."""
    if not holds_seeds(place):
        return [Path(place)]
    runs = runs_in(place)
    require(bool(runs), f"{place}: none of its runs has come to its end; vaekit train --resume it")
    return runs


def _spread(values: Sequence[float | None]) -> Spread | None:
    known = [value for value in values if value is not None]
    return Spread(tuple(known)) if known else None


def _log_likelihood(view: View) -> float | None:
    return view.scores.log_likelihood


def _view(model: Trained, place: Path, rows: Source, seed: int) -> View:
    told = model.told(model.open(rows))
    scores: Scores = model.evaluate(told, split="all", samples=SAMPLES, seed=seed)
    return View(model, told, scores, seed, read_metrics(Path(place, METRICS)))


def _names(places: Sequence[str]) -> list[str]:
    """The folders' names, with as much of their paths as tells them apart."""
    full = [str(Path(place).resolve()) for place in places]
    require(len({*full}) == len(full), "the same model is named twice")
    above = os.path.commonpath([str(Path(place).parent) for place in full])
    return [os.path.relpath(place, above) for place in full]


def write_runs(found: RunComparison, path: Path) -> None:
    """Write the page."""
    first = found.views[0]
    title = f"{' · '.join(found.names)}: models of {Path(first.rows.name).name}"
    lead = (
        f"{len(found.names)} models on the same {len(first.rows):,} test rows, chosen at random by "
        f"seed {first.seed}."
    )
    if any(len(views) > 1 for views in found.groups):
        lead += (
            " Numbers of several seeds are means ± standard deviations; pictures and curves are of "
            "the first seed."
        )
    warned = [
        page.warning(
            f"{name} was trained on other data, or on other rows of it: it may have seen some of "
            "these."
        )
        for name in found.others
    ]
    table = properties(found.names, _properties(found))
    numbers = page.section("In numbers", page.figure(table, caption=_how(found)))
    parts = [
        page.heading(title, lead),
        *warned,
        page.verdict(found.verdict),
        *_beside(numbers, _curves(found)),
        grid(found.names, _lines(found)),
    ]
    with replacing(path) as temporary:
        temporary.write_text(page.page(title, parts), encoding="utf-8")


def _alike(found: RunComparison) -> bool:
    """Whether log p(x) is of the same numbers for all that have one."""
    kinds = {
        (v.scores.bits.bits_of, v.trained.representation.scale)
        for v in found.views
        if v.scores.bits is not None
    }
    return len(kinds) <= 1


def _how(found: RunComparison) -> str:
    told = "The best is bold. Squared error is of the data's own numbers."
    if _alike(found):
        return told
    return (
        f"{told} The likelihoods are of different kinds (probabilities of whole values, densities, "
        "or of other units), so their log p(x) and bits cannot be compared."
    )


def _properties(found: RunComparison) -> list[Line]:
    """A line for each property of the models."""
    views, alike = found.views, _alike(found)
    density = [view.scores.density for view in views]
    likelihoods = found.over(_log_likelihood)
    texts = [
        measured(d.log_likelihood, d.log_likelihood_error) if d and s and not s.deviation else None
        for d, s in zip(density, likelihoods, strict=True)
    ]
    bits, units = found.over(lambda v: v.scores.bits_per_dimension), found.over(_units)
    used = [
        f"{s.text if s else NOTHING} of {view.scores.latent_units}"
        for view, s in zip(views, units, strict=True)
    ]
    seeds = [f"{len(group)}" for group in found.groups]
    several = [("seeds", seeds)] if {*seeds} != {"1"} else []
    return [
        ("recipe", [v.trained.config.recipe for v in views]),
        *several,
        ("likelihood", [v.trained.config.likelihood.name for v in views]),
        ("log p(x), nats per row", _best(likelihoods, texts, high=True, comparable=alike)),
        ("ELBO, nats per row", _best(found.over(_elbo), high=True, comparable=alike)),
        ("KL, nats per row", _best(found.over(_kl), comparable=False)),
        ("bits per number", _best(bits, comparable=alike)),
        ("squared error per number", _best(_errors(found))),
        ("latent units in use", used),
        ("parameters", [f"{count(v.trained.model):,}" for v in views]),
        ("epochs", [f"{v.trained.config.plan.epochs:,}" for v in views]),
        ("training took", [training_time(v.metrics) or NOTHING for v in views]),
    ]


def _elbo(view: View) -> float | None:
    return view.scores.elbo


def _kl(view: View) -> float | None:
    return view.scores.kl


def _units(view: View) -> float | None:
    return view.scores.active_units


def _best(
    spreads: Sequence[Spread | None], texts: Sequence[str | None] = (), **how: bool
) -> list[page.Cell]:
    """Means over seeds as cells, each with its spread, the best of them bold; a text that is given
    stands for a number."""
    said = [*texts] or [None] * len(spreads)
    shown = [text or _text(s) for text, s in zip(said, spreads, strict=True)]
    return best([None if s is None else s.mean for s in spreads], shown, **how)


def _text(spread: Spread | None) -> str | None:
    if spread is None:
        return None
    return signed(spread.text) if spread.deviation else number(spread.mean)


def _plain(cell: str | page.Cell) -> str:
    return cell.text if isinstance(cell, page.Cell) else cell


def _curves(found: RunComparison) -> str:
    lines = [
        [
            (v["epoch"], v["loss"])
            for v in view.metrics
            if v["split"] == "validation" and "loss" in v
        ]
        for view in found.views
    ]
    if not any(len(line) > 1 for line in lines):
        return ""
    colors = [PALETTE[n % len(PALETTE)] for n in range(len(lines))]
    drawn = plots.lines(lines, colors, "epoch", "nats per row", "Validation loss over the epochs")
    entries = zip(colors, found.names, strict=True)
    caption = "Each model's own loss on the validation rows of its data."
    figure = page.plot(drawn, caption, page.swatches(entries))
    return page.section("Validation loss", figure)


def _beside(numbers: str, curves: str) -> list[str]:
    return [page.half(numbers), page.half(curves)] if curves else [numbers]


def _errors(found: RunComparison) -> list[Spread | None]:
    """Squared error per number of each, in the data's own numbers; of tables of mixed columns the
    share of cells that are wrong."""
    return found.over(
        lambda v: (
            v.scores.cells_wrong
            if v.scores.mean_squared_error is None
            else v.scores.mean_squared_error * v.trained.representation.scale**2
        )
    )


def _lines(found: RunComparison) -> list[tuple[str, str, list[str]]]:
    views = found.views
    lines = [_maps(found)]
    if not views[0].image:
        lost = "Squared error of each column as a share of its variance, the worst first."
        return [*lines, ("Columns", lost, [_lost(view) for view in views])]
    given = [view.given(64) for view in views]
    rebuilt = [
        panels.pair_sheet(v.trained, v.values[:PAIRS], v.trained.reconstruct(v.first(PAIRS)))
        for v in views
    ]
    means = [
        panels.sheet(v.trained, v.trained.sample(64, seed=v.seed, mean=True, given=g), 8)
        for v, g in zip(views, given, strict=True)
    ]
    kinds = (
        ("Reconstructions", "The same test rows, each above its reconstruction.", rebuilt),
        ("Samples from the prior", "The decoder's mean for codes drawn from the prior.", means),
    )
    return [
        *lines,
        *(
            (title, caption, [page.figure(s.html(caption, page.HALF)) for s in made])
            for title, caption, made in kinds
        ),
    ]


def _lost(view: View) -> str:
    order = np.argsort(view.lost)[::-1][:24]
    return page.figure(
        page.bars(
            (view.columns[c], min(view.lost[c], 1.5), f"{view.lost[c]:.0%}", False) for c in order
        )
    )


def _maps(found: RunComparison) -> tuple[str, str, list[str]]:
    planes = [plots.plane(view.codes) for view in found.views]
    frame = Frame.around(np.concatenate([points for points, _ in planes]), text=SMALL_MAP)
    drawn = []
    for view, name, (points, axes) in zip(found.views, found.names, planes, strict=True):
        names = view.rows.label_names
        labels = view.labels
        coloured = maps.plain(len(points)) if labels is None else maps.by_label(labels, names)
        beside = maps.Beside()
        if view.image:
            room = maps.fit_in(len(points), int(np.prod(view.trained.representation.shape)))
            stored = panels.stored_values(view.values[:room])
            beside = maps.Beside((), panels.stored_pictures(view.trained, stored))
        title = f"Codes of test rows by {name}"
        drawn.append(
            maps.mapped(points, coloured, axes, beside, title=title, caption="", frame=frame)
        )
    caption = (
        "The mean codes of the same test rows, all on the same axes; by PCA where there are more "
        "than two units."
    )
    return "Latent space", caption, drawn
