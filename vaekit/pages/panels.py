"""Sheets of pictures: originals beside reconstructions, samples, walks, the decoded map."""

from __future__ import annotations

import math

import numpy as np
import torch

from vaekit.data.readers.arrays import to_array
from vaekit.distributions import log_prob_per_element
from vaekit.evaluation.annealing import FixedLatents
from vaekit.models.drawing import from_posterior
from vaekit.models.trace import trace
from vaekit.pages import html as page
from vaekit.pages.words import cell
from vaekit.pictures import as_bytes, blanks, grid
from vaekit.rows import Rows
from vaekit.runs.shown import pictures, tones
from vaekit.runs.trained import Given, Trained
from vaekit.system.seeding import seeded
from vaekit.system.types import Array

PRIOR_DRAWS, DRAWS, ACROSS = 10_000, 16, 8


def laid_out(shown: Array, columns: int, gap: int = 1) -> page.Sheet:
    """uint8 pictures as a sheet of a page."""
    return page.Sheet(grid(shown, columns, gap), (shown.shape[2], shown.shape[1]), columns, gap)


def sheet(trained: Trained, rows: Array, columns: int, gap: int = 1) -> page.Sheet:
    """Rows that the model made as a sheet of pictures."""
    return laid_out(pictures(trained, rows), columns, gap)


def pair_sheet(trained: Trained, values: torch.Tensor, rebuilt: Array) -> page.Sheet:
    """Rows as they are stored above their reconstructions."""
    columns = min(ACROSS, len(rebuilt))
    return laid_out(pairs(trained, values, rebuilt, columns), columns)


def stored_values(values: torch.Tensor) -> Array:
    """Rows as they are stored, as arrays: (N, D), (N, H, W) or (N, H, W, C)."""
    return to_array(values)


def stored_pictures(trained: Trained, rows: Array) -> Array:
    """Rows as they are stored, (N, H, W) or (N, H, W, C), as uint8."""
    return as_bytes(rows, tones(trained))


def arrow(before: float, after: float, kind: str = "") -> list[page.Cell]:
    """Two cells of a table: a value, and what becomes of it."""
    return [
        page.Cell(cell(float(before)), f"before {kind}".strip()),
        page.Cell(f"→ {cell(float(after))}", f"again {kind}".strip()),
    ]


def pairs(trained: Trained, values: torch.Tensor, rebuilt: Array, columns: int) -> Array:
    """Pictures of rows, as they are stored, and of their reconstructions as uint8, to be laid out
    ``columns`` wide: each reconstruction comes to stand right below its row."""
    lines = []
    shown = stored_pictures(trained, to_array(values)), pictures(trained, rebuilt)
    for start in range(0, len(rebuilt), columns):
        for images in shown:
            line = images[start : start + columns]
            lines += [line, blanks(line, columns - len(line))]
    return np.concatenate(lines)


def across(pictures: int) -> int:
    """How many pairs stand in a line, so that the sheet becomes a square."""
    return math.ceil(math.sqrt(2 * pictures))


def traversals(
    trained: Trained, code: Array, units: list[int], steps: int = 11, given: Given | None = None
) -> Array:
    """Decoded codes that differ from ``code`` in one unit at a time, at the prior's quantiles
    from 1 % to 99 %: (units * steps, *row)."""
    quantiles = prior_quantiles(trained, np.linspace(0.01, 0.99, steps))
    codes = np.tile(code, (len(units), steps, 1))
    for row, unit in enumerate(units):
        codes[row, :, unit] = quantiles[:, unit]
        codes[row] = fitting(trained, codes[row], [unit])
    return trained.decode(codes.reshape(-1, len(code)), given=given)


def manifold(
    trained: Trained, axes: tuple[int, int], side: int = 20, given: Given | None = None
) -> Array:
    """Decoded codes on a grid over two latent dimensions at the prior's quantiles; all other
    dimensions are at its median. Rows go from high to low, as on a map."""
    shares = np.append(np.linspace(0.02, 0.98, side), 0.5)
    found = prior_quantiles(trained, shares)
    quantiles, median = found[:-1], found[-1]
    codes = np.tile(median, (side, side, 1))
    codes[..., axes[0]] = quantiles[None, :, axes[0]]
    codes[..., axes[1]] = quantiles[::-1, None, axes[1]]
    codes = fitting(trained, codes, [*axes])
    return trained.decode(codes.reshape(-1, trained.latent), given=given)


def fitting(trained: Trained, codes: Array, held: list[int]) -> Array:
    """Codes that were made up, brought to where there are codes."""
    there = torch.from_numpy(codes).to(trained.device)
    return trained.model.fitting(there, held).cpu().numpy()


def prior_quantiles(trained: Trained, shares: Array) -> Array:
    """The values below which a share of the prior's mass lies in each dimension of a code,
    (shares, latent): exact where the prior knows them, else of many draws from it."""
    found = trained.model.quantiles(torch.from_numpy(shares).float().to(trained.device))
    if found is not None:
        return found.cpu().numpy()
    return np.quantile(prior_draws(trained), shares, axis=0).astype(np.float32)


def prior_draws(trained: Trained, rows: int = PRIOR_DRAWS, seed: int = 0) -> Array:
    """Codes drawn from the prior, (rows, latent)."""
    fixed = FixedLatents(rows)
    with torch.inference_mode(), seeded(seed, "prior"):
        told = Rows(None, trained.config.conditions.unknown(rows)).to(trained.device)
        trained.model.walk(fixed, told)
    return torch.cat(fixed.drawn, 1).cpu().numpy()


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


def bits_by_place(trained: Trained, rows: Rows, seed: int = 0) -> tuple[Array, float]:
    """Mean code length of each number of a row given codes drawn for it, in bits, (*row); and of
    the latents, KL(q(z|x) || p(z)), in bits a row. Together they are minus the ELBO."""
    where, latent = torch.zeros(trained.representation.shape), 0.0
    with torch.inference_mode(), seeded(seed, "bits"):
        for _ in range(DRAWS):
            found = trace(trained.model, rows, rule=from_posterior)
            each = log_prob_per_element(found.likelihood, rows.data)
            assert each is not None
            where -= each.mean(0) / DRAWS
            latent += found.kl.mean().item() / DRAWS
    return where.numpy() / math.log(2), latent / math.log(2)
