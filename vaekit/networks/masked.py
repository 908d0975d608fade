"""Masked convolutions: what is said of a pixel depends on those before it alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees rows above and pixels to the left (van den Oord et al. 2016).

    Args:
        inputs: channels.
        outputs: channels.
        size: of the kernel, odd.
        centre: whether it also sees the pixel itself.
    """

    mask: Tensor

    def __init__(self, inputs: int, outputs: int, size: int, *, centre: bool) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2)
        mask, middle = torch.zeros(size, size), size // 2
        mask[:middle] = 1
        mask[middle, : middle + centre] = 1
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, inputs, H, W) to (rows, outputs, H, W)."""
        return self._conv_forward(x, self.weight * self.mask, self.bias)


class PixelNet(nn.Module):
    """Raw numbers of each pixel from those before it, row by row, and from features of all.

    Args:
        channels: of the picture.
        features: of each pixel that are known beforehand.
        raw: raw numbers of each pixel.
        width: channels of hidden layers.
        layers: how many, beside the first and the last.
    """

    def __init__(self, channels: int, features: int, raw: int, width: int, layers: int) -> None:
        super().__init__()
        self.first = MaskedConv2d(channels, width, 5, centre=False)
        self.beside = nn.Conv2d(features, width, 1)
        self.between = nn.ModuleList(
            MaskedConv2d(width, width, 3, centre=True) for _ in range(layers)
        )
        self.last = nn.Conv2d(width, raw, 1)

    @property
    def reach(self) -> int:
        """How many rows above a pixel it sees."""
        return 2 + len(self.between)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(rows, channels, H, W) and (rows, features, H, W) to (rows, raw, H, W)."""
        h = self.first(x) + self.beside(features)
        for layer in self.between:
            h = h + layer(F.silu(h))
        return self.last(F.silu(h))
