"""How networks take more than one thing: side by side, after a first layer, now and then not."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Join(nn.Module):
    """``net`` of all that is given, side by side along the first axis of a row. A vector beside
    images becomes channels that are the same everywhere."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *given: Tensor) -> Tensor:
        return self.net(torch.cat(like_first(given), 1))


class Prepared(nn.Module):
    """``net`` of the first thing given, brought by ``first`` to a size that networks like, and of
    all others as they are."""

    def __init__(self, first: nn.Module, net: nn.Module) -> None:
        super().__init__()
        self.first, self.net = first, net

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        return self.net(self.first(x), *given)


class Withheld(nn.Module):
    """All that is given, but zeros for a random share of the rows in training: so that a model
    also learns to do without.

    Args:
        share: of the rows, 0 to 1.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, *given: Tensor) -> list[Tensor]:
        if not self.training or not self.share:
            return [*given]
        kept = torch.rand(len(given[0]), 1, device=given[0].device) >= self.share
        return [values * kept for values in given]


def like_first(given: tuple[Tensor, ...]) -> list[Tensor]:
    """Vectors spread over the places of the first tensor, if that holds images."""
    places = given[0].shape[2:]
    return [
        values if values.dim() > 2 else values[(..., *[None] * len(places))].expand(-1, -1, *places)
        for values in given
    ]
