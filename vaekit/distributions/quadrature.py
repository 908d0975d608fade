"""Integrals and quantiles of densities of one number, by quadrature, with gradients."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

NODES, CELLS = 128, 512  # of quadrature; of a distribution function
TINY = 1e-12  # its square is a float32 too

LogDensity = Callable[[Tensor], Tensor]


def fejer(like: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes and weights of quadrature over -1 to 1, exact for polynomials (Fejér's first rule)."""
    turn = (count(0, NODES, like) + 0.5) * (math.pi / NODES)
    even = 2 * count(1, NODES // 2 + 1, like)
    ripple = ((turn[:, None] * even).cos() / (even.square() - 1)).sum(-1)
    return turn.cos(), (1 - 2 * ripple) * 2 / NODES


def count(first: int, end: int, like: Tensor) -> Tensor:
    """Whole numbers of the type and place of another tensor."""
    return torch.arange(first, end, dtype=like.dtype, device=like.device)


def mass(log_density: LogDensity, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Nodes, log of the integral over all, and what share of it each node stands for.

    Args:
        log_density: of (*batch, nodes) numbers.
        low: where the density begins, (*batch, 1).
        high: where it ends.
    """
    places, weights = fejer(low)
    nodes = low + (high - low) * (places + 1) / 2
    log_mass = log_density(nodes) + (weights * (high - low) / 2).log()
    total = log_mass.logsumexp(-1)
    return nodes, total, (log_mass - total[..., None]).exp()


def below(log_density: LogDensity, low: Tensor, high: Tensor, shares: Tensor) -> Tensor:
    """Numbers below which shares of the mass lie, (..., *batch), with gradients to the density.

    Args:
        log_density: of (*batch, cells) numbers.
        low: where the density begins, (*batch, 1).
        high: where it ends.
        shares: (..., *batch).
    """
    batch, step = low.shape[:-1], (high - low) / CELLS
    each = log_density(low + step * (count(0, CELLS, low) + 0.5)).softmax(-1)
    level = F.pad(each.cumsum(-1), (1, 0))
    shape = torch.broadcast_shapes(shares.shape, batch)
    asked = shares.double().expand(shape).reshape(-1, *batch).movedim(0, -1)
    cell = torch.searchsorted(level.detach(), asked.contiguous()).clamp(1, CELLS) - 1
    within = (asked - level.gather(-1, cell)) / each.gather(-1, cell).clamp_min(TINY)
    return (low + step * (cell + within)).movedim(-1, 0).reshape(shape)
