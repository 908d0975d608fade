"""The comparison of PCA, autoencoder and VAE as one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vaekit.pages import html as page
from vaekit.pages import maps, panels, plots
from vaekit.pages.comparison.grid import SMALL_MAP, Line, best, grid, properties
from vaekit.pages.comparison.trials import Comparison, Trial
from vaekit.pages.words import number
from vaekit.pictures import as_bytes
from vaekit.pictures.scatter import Frame
from vaekit.system.files import replacing
from vaekit.system.types import Array

LEAD = (
    "Three ways to squeeze each row into a few numbers and back. PCA is the best linear one. An "
    "autoencoder bends the space, but nothing keeps its codes in order: between and beyond them "
    "the decoder was never asked anything. A VAE is trained so that codes fill a known "
    "distribution, from which new ones can be drawn."
)
HOW = (
    "Squared error: per number, on test rows. log p(x): nats per test row, of the numbers that "
    "vary; PCA's with normal noise around its plane. Random: codes drawn from the VAE's prior, or, "
    "for the other two, from a normal distribution fitted to their training codes. Midpoint: "
    "halfway between the codes of two test rows. Near: share of decodes at least as near to a "
    "training row as 95 % of real rows are. Meaningful: near, and a classifier trained on real "
    "rows gives one label at least 80 %; without labels the same as near."
)


def write_comparison(found: Comparison, path: Path) -> None:
    """Write the page."""
    title = f"PCA, autoencoder and VAE on {Path(found.source.name).name}"
    numbers = f"{found.latent} number{'s' * (found.latent > 1)} in a code, {_seeds(found)}. "
    names = [trial.name for trial in found.trials]
    text = page.page(
        title,
        [
            page.heading(title, numbers + LEAD),
            page.verdict(found.verdict),
            page.section("In numbers", page.figure(_numbers(found), caption=HOW)),
            grid(names, [_maps(found), *_pictures(found)]),
        ],
    )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _seeds(found: Comparison) -> str:
    """With which seeds."""
    if not found.again:
        return f"seed {found.seed}"
    last = found.seed + len(found.again)
    return f"seeds {found.seed} to {last}, of the first of which the pictures are"


def _numbers(found: Comparison) -> str:
    """The table: a column for each model, and one for real rows."""
    trials, real = found.trials, found.real
    spreads = ["  ".join(number(round(s, 3)) for s in t.code_spread[:4]) for t in trials]

    def line(*path: str, form: str = "", high: bool = False, own: str = "") -> list[Any]:
        """The cells of a number, over all seeds."""
        each = [found.spread(t, *path) for t in trials]
        said = bool(found.again) or form == ".1%"
        texts = [found.shown(t, *path, form=form) for t in trials] if said else []
        return [*best([None if s is None else s.mean for s in each], texts, high=high), own]

    shares: list[Line] = [
        (
            f"{of} codes {what}",
            line(of, what, form=".1%", high=True, own=f"{getattr(real, what):.1%}"),
        )
        for of in ("random", "midpoint")
        for what in ("meaningful", "near")
    ]
    rows: list[Line] = [
        ("squared error", line("error", form=".5f")),
        ("log p(x), nats per row", line("log_likelihood", form=",.2f", high=True)),
        *shares,
        ("standard deviations of codes", [*spreads, ""]),
    ]
    return properties([*[t.name for t in trials], "real rows"], rows)


def _maps(found: Comparison) -> tuple[str, str, list[str]]:
    planes = [plots.plane(trial.shown["codes"]) for trial in found.trials]
    points = [at / max(float(at.std(0).max()), 1e-12) for at, _ in planes]
    points = [at - at.mean(0) for at in points]
    frame = Frame.around(np.clip(np.concatenate(points), -4, 4), text=SMALL_MAP)
    labels = found.labels
    colours = [
        maps.plain(len(at)) if labels is None else maps.by_label(labels, found.source.label_names)
        for at in points
    ]
    pictures = None
    if found.source.is_image:
        room = maps.fit_in(len(points[0]), int(np.prod(found.source.shape)))
        pictures = _images(found, found.trials[0].shown["test"][:room])
    drawn = [
        maps.mapped(
            at, coloured, axes, maps.Beside((), pictures), frame=frame,
            title=f"Codes of test rows by {trial.name}", caption="",
        )
        for at, (_, axes), coloured, trial in zip(
            points, planes, colours, found.trials, strict=True
        )
    ]  # fmt: skip
    caption = (
        "Codes of test rows, all on the same axes: each model's codes less their mean, in units of "
        "the larger of their standard deviations."
    )
    return "Latent space", caption, drawn


def _pictures(found: Comparison) -> list[tuple[str, str, list[str]]]:
    if not found.source.is_image:
        return []
    kinds = (
        ("Reconstructions", "Test rows, each above its reconstruction.", _pairs),
        ("Decoded random codes", "What random codes decode to.", _random),
        (
            "Halfway between two rows",
            "Two test rows (top and bottom), and between them the decoded midpoint of their codes.",
            _middles,
        ),
    )
    return [
        (
            title,
            caption,
            [
                page.figure(make(found, t).html(f"{t.name}: {caption}", page.THIRD))
                for t in found.trials
            ],
        )
        for title, caption, make in kinds
    ]


def _images(found: Comparison, rows: Array) -> Array:
    images = rows.reshape(-1, *found.source.shape)
    return as_bytes(np.moveaxis(images, 1, -1), found.tones)


def _pairs(found: Comparison, trial: Trial) -> page.Sheet:
    rows = np.stack([trial.shown[name].reshape(2, 8, -1) for name in ("originals", "rebuilt")], 1)
    return panels.laid_out(_images(found, rows.reshape(32, -1)), 8)


def _random(found: Comparison, trial: Trial) -> page.Sheet:
    return panels.laid_out(_images(found, trial.shown["random"]), 8)


def _middles(found: Comparison, trial: Trial) -> page.Sheet:
    triples = trial.shown["middles"]
    rows = triples.transpose(1, 0, 2).reshape(-1, triples.shape[2])
    return panels.laid_out(_images(found, rows), len(triples))
