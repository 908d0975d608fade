"""The last layer of a network that predicts levels, of which ordered neighbours are alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.networks.fast import Linear, linear

APART = 4  # levels from knot to knot of the finest scale; those of the next are as many times wider


class LevelsOutput(Linear):
    r"""Features to logits of the levels of columns, side by side.

    What an ordered level learns, its neighbours learn in part: the weights of level l are

    .. math:: w_l = o_l + \sum_s \sum_k h_{sk}(l) \, c_{sk}

    its own :math:`o_l`, and at each scale s those of the knots k around it: :math:`h_{sk}` is a
    hat, 1 at its knot and 0 at the next ones, :math:`4^s` levels away. All c begin at 0.

    Args:
        width: of the features.
        levels: of each column.
        ordered: whether those of each column are.
        scales: how many; 0 for none.
    """

    knots: Tensor
    shares: Tensor

    def __init__(
        self, width: int, levels: Sequence[int], ordered: Sequence[bool], scales: int = 0
    ) -> None:
        super().__init__(width, sum(levels))
        knots, shares, count = _hats(levels, ordered, scales)
        self.register_buffer("knots", knots, persistent=False)
        self.register_buffer("shares", shares, persistent=False)
        self.coarse = nn.Parameter(torch.zeros(count, width)) if count else None

    def forward(self, x: Tensor) -> Tensor:
        """(rows, width) to (rows, levels)."""
        return linear(x, *self.of(slice(None)))

    def merge(self) -> None:
        """Give each level all of its weights as its own, for good: the same function, without what
        levels share."""
        with torch.no_grad():
            self.weight.copy_(self.of(slice(None))[0])
        self.coarse = None

    def of(self, window: slice) -> tuple[Tensor, Tensor]:
        """The weights, (levels, width), and the biases of some levels."""
        weight, bias = self.weight[window], self.bias[window]
        if self.coarse is None:
            return weight, bias
        knots, shares = self.knots[window], self.shares[window]
        shared = F.embedding_bag(knots, self.coarse, mode="sum", per_sample_weights=shares)
        return weight + shared, bias


def _hats(
    levels: Sequence[int], ordered: Sequence[bool], scales: int
) -> tuple[Tensor, Tensor, int]:
    """The two knots around each level at each scale, (levels, 2 scales), how near it is to either,
    0 to 1, and how many knots there are."""
    knots = torch.zeros(sum(levels), 2 * scales, dtype=torch.long)
    shares, count = torch.zeros(sum(levels), 2 * scales), 0
    for place, number, scale, parts in _scaled(levels, ordered, scales):
        along = torch.arange(number) * (parts / (number - 1))
        left = along.floor().long().clamp_max(parts - 1)
        at = (slice(place, place + number), slice(2 * scale, 2 * scale + 2))
        knots[at] = count + torch.stack([left, left + 1], 1)
        shares[at] = torch.stack([1 - (along - left), along - left], 1)
        count += parts + 1
    return knots, shares, count


def _scaled(
    levels: Sequence[int], ordered: Sequence[bool], scales: int
) -> Iterator[tuple[int, int, int, int]]:
    """Of ordered columns: where the levels begin, how many there are, the number of a scale and in
    how many parts it cuts them, where these are two or more."""
    for place, number, smooth in zip(
        [*accumulate(levels, initial=0)][:-1], levels, ordered, strict=True
    ):
        for scale in range(scales if smooth else 0):
            if (parts := number // APART ** (scale + 1)) >= 2:
                yield place, number, scale, parts
