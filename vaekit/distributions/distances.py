"""Distances between vectors."""

from __future__ import annotations

import torch
from torch import Tensor


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances of (*batch, N, d) from (M, d), (*batch, N, M): of differences, not of
    products, which lose what is near."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
