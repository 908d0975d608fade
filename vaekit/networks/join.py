"""Layers for several inputs: concatenation, an input layer for the first, dropout of the rest."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaekit.networks.noise import drawn


class Join(nn.Module):
    """``net`` of all that is given, side by side along the first axis of a row. A vector beside
    images becomes channels that are the same everywhere."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *given: Tensor) -> Tensor:
        """``net`` of the concatenated inputs."""
        return self.net(torch.cat(broadcast_over_pixels(given), 1))


class InputLayerFirst(nn.Module):
    """``net`` of several inputs, the first of which goes through the input layer ``first``."""

    def __init__(self, first: nn.Module, net: nn.Module) -> None:
        super().__init__()
        self.first, self.net = first, net

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        """``net(first(x), *given)``."""
        return self.net(self.first(x), *given)


class ConditionDropout(nn.Module):
    """Zeros instead of its inputs for a random share of the rows in training, so that a model also
    learns to do without them.

    Args:
        share: of the rows, 0 to 1.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, *given: Tensor) -> list[Tensor]:
        """The inputs; in training, zeros for some rows."""
        if not self.training or not self.share:
            return [*given]
        chance = drawn(self, lambda: torch.rand(len(given[0]), 1, device=given[0].device))
        kept = chance >= self.share
        return [values * kept for values in given]


def broadcast_over_pixels(given: tuple[Tensor, ...]) -> list[Tensor]:
    """Vectors as constant channels, if the first tensor holds images."""
    places = given[0].shape[2:]
    return [
        values if values.dim() > 2 else values[(..., *[None] * len(places))].expand(-1, -1, *places)
        for values in given
    ]
