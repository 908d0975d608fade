"""The comparison as one page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from vaekit.pages import html as page
from vaekit.pages import plots
from vaekit.pages.comparison.trials import HEAD, Comparison, Trial
from vaekit.pictures import as_bytes, enlarge, grid
from vaekit.system.files import replacing
from vaekit.system.types import Array

LEAD = (
    "Three ways to squeeze each row into a few numbers and back. PCA is the best linear one. An "
    "autoencoder bends the space to lower the error further, but nothing keeps its codes in "
    "order: between and beyond them the decoder was never asked anything. A VAE pays a little "
    "error for codes that fill a known distribution without holes."
)
HOW = (
    "Squared error: per number, on test rows. Random: codes drawn from the VAE's prior, or, for "
    "the other two, from a normal distribution fitted to their training codes. Midpoint: halfway "
    "between the codes of two test rows. Near: share of decodes at least as near to a training "
    "row as 95 % of real rows are. Meaningful: near, and a classifier trained on real rows gives "
    "one label at least 80 %. The last line gives the same shares for real test rows."
)


def write_comparison(found: Comparison, path: Path) -> None:
    """Write the page."""
    title = f"PCA, autoencoder and VAE on {Path(found.source.name).name}"
    maps = [_map(found, trial) for trial in found.trials]
    text = page.page(
        title,
        [
            page.heading(title, f"{found.latent} numbers in a code, seed {found.seed}. {LEAD}"),
            page.section("In numbers", page.table(found.rows(), HEAD), text=HOW),
            page.section("The three latent spaces", page.side_by_side(*maps)),
            *_pictures(found),
        ],
    )
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _map(found: Comparison, trial: Trial) -> str:
    codes = trial.shown["codes"]
    plane, axes = plots.plane(codes)
    spread = ", ".join(f"{s:.3g}" for s in trial.code_spread[:8])
    svg = plots.latent_map(plane, found.labels, found.source.label_names, axes, 5.2)
    caption = f"{trial.name}: codes of test rows. Standard deviations: {spread}."
    return page.plot(svg, caption)


def _pictures(found: Comparison) -> list[str]:
    if not found.source.is_image:
        return []
    sections = {
        "Reconstructions": ("Test images (above) and reconstructions (below).", _pairs),
        "Decoded random codes": ("What random codes decode to.", _random),
        "Halfway between two images": (
            "Two test images, and between them the decoded midpoint of their codes.",
            _middles,
        ),
    }
    return [
        page.section(
            title,
            *(
                page.picture(
                    enlarge(make(found, t), 760), f"{t.name}: {caption[0].lower()}{caption[1:]}"
                )
                for t in found.trials
            ),
        )
        for title, (caption, make) in sections.items()
    ]


def _images(found: Comparison, rows: Array) -> Array:
    images = rows.reshape(-1, *found.source.shape)
    return as_bytes(np.moveaxis(images, 1, -1), 1.0)


def _pairs(found: Comparison, trial: Trial) -> Image.Image:
    rows = np.concatenate([trial.shown["originals"], trial.shown["rebuilt"]])
    return grid(_images(found, rows), len(trial.shown["originals"]))


def _random(found: Comparison, trial: Trial) -> Image.Image:
    return grid(_images(found, trial.shown["random"]), 16)


def _middles(found: Comparison, trial: Trial) -> Image.Image:
    triples = trial.shown["middles"]
    return grid(
        _images(found, triples.transpose(1, 0, 2).reshape(-1, triples.shape[2])), len(triples)
    )
