"""Sprites with known factors, drawn on the fly: dSprites's factors and sizes, no download.

64 x 64 binary images of one shape: 3 shapes (square, ellipse, heart) x 6 scales x 40 orientations
x 32 positions across x 32 down, 737,280 in all, in that order with the last factor fastest.
The pictures are vaekit's own drawing: scores are comparable with dSprites's, images are not its.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

FACTORS = ("shape", "scale", "orientation", "x", "y")
SIZES = (3, 6, 40, 32, 32)
COUNT = math.prod(SIZES)
SIDE, RADIUS = 64, 11.0


def factors_of(index: Tensor) -> Tensor:
    """(rows,) indices to (rows, 5) factor values."""
    values = []
    for size in reversed(SIZES):
        values.append(index % size)
        index = index // size
    return torch.stack(values[::-1], 1)


def index_of(factors: Tensor) -> Tensor:
    """(rows, 5) factor values to (rows,) indices."""
    index = torch.zeros_like(factors[:, 0])
    for column, size in zip(factors.T, SIZES, strict=True):
        index = index * size + column
    return index


def draw(index: Tensor) -> Tensor:
    """The images of these indices: (rows, 1, 64, 64) uint8, 0 or 1."""
    return torch.cat([_draw(factors_of(part)) for part in index.split(512)])


def share_one_factor(factor: int, rows: int, random: np.random.Generator) -> np.ndarray:
    """New sprites, (rows, 64, 64), that share one random value of a factor, all else random."""
    values = random.integers(0, SIZES, (rows, len(SIZES)))
    values[:, factor] = values[0, factor]
    return draw(index_of(torch.from_numpy(values)))[:, 0].numpy()


def _draw(factors: Tensor) -> Tensor:
    shape, scale, turn, x, y = factors.T[:, :, None, None]
    centre_x, centre_y = (SIDE / 4 + v * (SIDE / 2 / 31) for v in (x, y))
    pixels = torch.arange(SIDE) + 0.5
    dx, dy = pixels[None, None] - centre_x, pixels[None, :, None] - centre_y
    angle = turn * (2 * math.pi / SIZES[2])
    size = RADIUS * (0.5 + 0.1 * scale)
    u = (dx * angle.cos() + dy * angle.sin()) / size
    v = (dy * angle.cos() - dx * angle.sin()) / size
    round_or_heart = torch.where(shape == 1, _ellipse(u, v), _heart(u, v))
    inside = torch.where(shape == 0, _square(u, v), round_or_heart)
    return inside[:, None].to(torch.uint8)


def _square(u: Tensor, v: Tensor) -> Tensor:
    return (u.abs() < 0.9) & (v.abs() < 0.9)


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    return (u / 1.2) ** 2 + (v / 0.7) ** 2 < 1


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """The inside of (a^2 + b^2 - 1)^3 = a^2 b^3, upright."""
    a, b = 1.1 * u, -1.1 * v + 0.1
    return (a * a + b * b - 1) ** 3 < a * a * b**3
