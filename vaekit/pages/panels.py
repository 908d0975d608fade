"""Sheets of pictures: originals beside reconstructions, samples, walks, the decoded map."""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image

from vaekit.families.catalogue import LIKELIHOODS
from vaekit.models.drawing import at_mean
from vaekit.models.trace import trace
from vaekit.pictures import as_bytes, grid
from vaekit.recipes.parts import COUNTS, LEVELS, REAL
from vaekit.runs.trained import Given, Trained

Array = np.ndarray


def white(trained: Trained) -> float | None:
    """The stored value that means white, or None where there is no such thing."""
    kind, representation = trained.config.likelihood.name, trained.representation
    if kind in LEVELS:
        return (trained.config.levels - 1) * representation.scale
    image = len(representation.shape) == 3
    if kind in COUNTS or (kind in REAL and not image) or kind not in LIKELIHOODS:
        return None
    return representation.scale


def sheet(trained: Trained, rows: Array, columns: int) -> Image.Image:
    """Images in a grid, each grey value as the data means it."""
    return grid(as_bytes(rows, white(trained)), columns)


def pairs_sheet(trained: Trained, values: object, rebuilt: Array, columns: int = 16) -> Image.Image:
    """Rows of originals, each with the row of their reconstructions right below."""
    from vaekit.data.readers.arrays import to_array, to_rows

    originals = to_array(to_rows(values))
    lines = []
    for start in range(0, len(originals), columns):
        for images in (originals, rebuilt):
            line = as_bytes(images[start : start + columns], white(trained))
            missing = columns - len(line)
            lines.append(
                np.pad(line, ((0, missing), *[(0, 0)] * (line.ndim - 1)), constant_values=128)
            )
    return grid(np.concatenate(lines), columns)


def traversals(
    trained: Trained, code: Array, units: list[int], steps: int = 11, given: Given | None = None
) -> Array:
    """Decoded codes that differ from ``code`` in one unit at a time, at the prior's quantiles
    from 1 % to 99 %: (units * steps, *row)."""
    quantiles = torch.special.ndtri(torch.linspace(0.01, 0.99, steps)).numpy()
    codes = np.tile(code, (len(units), steps, 1))
    for row, unit in enumerate(units):
        codes[row, :, unit] = quantiles
    return trained.decode(codes.reshape(-1, len(code)), given=given)


def manifold(
    trained: Trained, axes: tuple[int, int], side: int = 20, given: Given | None = None
) -> Array:
    """Decoded codes on a grid over two latent dimensions at the prior's quantiles; all other
    dimensions are 0. Rows go from high to low, as on a map."""
    quantiles = torch.special.ndtri(torch.linspace(0.02, 0.98, side))
    codes = torch.zeros(side, side, trained.latent)
    codes[..., axes[0]] = quantiles[None, :]
    codes[..., axes[1]] = quantiles.flip(0)[:, None]
    return trained.decode(codes.flatten(0, 1), given=given)


def one_row_per_class(
    trained: Trained, name: str, rest: Given, columns: int = 10, seed: int = 0
) -> Array:
    """New rows of each class, the same codes for all: (classes * columns, *row).

    Args:
        trained: a conditional model.
        name: of the condition.
        rest: what else the model is given, one value each.
        columns: rows of a class.
        seed: of the codes.
    """
    condition = next(c for c in trained.config.conditions if c.name == name)
    made = [
        trained.sample(columns, seed=seed, mean=True, given={**rest, name: label})
        for label in condition.classes
    ]
    return np.concatenate(made)


def bits_by_place(trained: Trained, x: torch.Tensor) -> tuple[Array, float]:
    """Mean code length of each number of a row given its mean code, in bits, (*row); and of the
    latents, KL(q(z|x) || p(z)), in bits a row."""
    with torch.inference_mode():
        found = trace(trained.model, x, rule=at_mean)
        base = found.likelihood.base_dist  # type: ignore[attr-defined]
        bits = -base.log_prob(x).mean(0) / math.log(2)
    return bits.numpy(), found.kl.mean().item() / math.log(2)
