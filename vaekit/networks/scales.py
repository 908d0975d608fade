"""Places at several scales: averages of what lies there, and what is interpolated from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.system.types import Shape


class Scale(nn.Module):
    """Places on a line or a map, and fewer of them that stand for all.

    Args:
        size: (n,) of a line, or (h, w) of a map, line by line.
        whole: size of the line or map that has all places.
    """

    down: Tensor | None
    up: Tensor | None

    def __init__(self, size: Shape, whole: Shape) -> None:
        super().__init__()
        self.places, coarser = math.prod(size), size != whole
        self.register_buffer("down", averages(size, whole) if coarser else None, persistent=False)
        self.register_buffer("up", between(size, whole) if coarser else None, persistent=False)

    def averaged(self, z: Tensor) -> Tensor:
        """(..., all places, numbers) to (..., places, numbers)."""
        return z if self.down is None else self.down @ z

    def spread(self, z: Tensor) -> Tensor:
        """(..., places, numbers) to (..., all places, numbers), interpolated."""
        return z if self.up is None else self.up @ z


class Scales(nn.ModuleList):
    """Scales, coarse to fine, whose places lie one after the other.

    Args:
        sizes: of each, see :class:`Scale`; the last has all places.
    """

    def __init__(self, sizes: Sequence[Shape]) -> None:
        super().__init__(Scale(size, sizes[-1]) for size in sizes)
        self.each = [math.prod(size) for size in sizes]

    def __iter__(self) -> Iterator[Any]:
        """Each scale."""
        return super().__iter__()

    @property
    def places(self) -> int:
        """Of all scales together."""
        return sum(self.each)


class SummedScales(nn.Module):
    """Codes that have vectors at the places of several scales: their sums at all places, those of
    coarse scales being interpolated (Tian et al. 2024).

    Args:
        scales: coarse to fine.
        size: numbers of a vector.
    """

    def __init__(self, scales: Scales, size: int) -> None:
        super().__init__()
        self.scales, self.size = scales, size

    def forward(self, z: Tensor) -> Tensor:
        """(rows, places of all scales * size) to (rows, all places * size)."""
        parts = z.unflatten(-1, (-1, self.size)).split(self.scales.each, -2)
        spread = [scale.spread(part) for scale, part in zip(self.scales, parts, strict=True)]
        return reduce(torch.add, spread).flatten(-2)


def averages(size: Shape, whole: Shape) -> Tensor:
    """Averages over so many parts of a line, or of a map, as even as they can be.

    Args:
        size: how many along each axis.
        whole: how many places there are along each.

    Returns:
        (prod(size), prod(whole)).
    """
    return by_axis(lambda n, s: F.adaptive_avg_pool1d(torch.eye(n)[None], s), whole, size)


def between(size: Shape, whole: Shape) -> Tensor:
    """The other way: between the middles of the parts what they have is interpolated linearly, and
    as it is beyond the outermost.

    Args:
        size: how many along each axis.
        whole: how many places there are along each.

    Returns:
        (prod(whole), prod(size)).
    """
    return by_axis(
        lambda s, n: F.interpolate(torch.eye(s)[None], n, mode="linear", align_corners=False),
        size, whole,
    )  # fmt: skip


def by_axis(resampled: Callable[[int, int], Tensor], old: Shape, new: Shape) -> Tensor:
    """The matrix, (prod(new), prod(old)), that resamples a line, or a map along both its axes.

    Args:
        resampled: from places along an axis, n, and those wanted, m, to the n unit vectors
            resampled, (1, n, m).
        old: how many places there are along each axis.
        new: how many are wanted.
    """
    axes = [resampled(n, m)[0].T for n, m in zip(old, new, strict=True)]
    return reduce(torch.kron, axes).contiguous()
