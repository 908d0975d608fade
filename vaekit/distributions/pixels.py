"""Pictures drawn pixel by pixel, each given those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vaekit.distributions.autoregressive import Autoregressive, Pick


class PixelByPixel(Autoregressive):
    r"""Pictures whose pixels are drawn row by row, from left to right:

    .. math:: \log p(x) = \sum_i \log p(x_i \mid x_j, j < i)

    in nats, one per picture, by one pass of a masked network; the channels of a pixel are
    independent given those before it. Drawing takes a pass for each pixel.

    Args:
        features: of each pixel, (rows, F, H, W).
        network: from pictures and features to raw numbers, of a pixel from those before it.
        family: from raw numbers to the distribution of independent pixels, of any H and W.
        reach: how many rows above a pixel the network sees.
        channels: of a pixel.
    """

    def __init__(
        self,
        features: Tensor,
        network: Callable[[Tensor, Tensor], Tensor],
        family: Callable[[Tensor], Any],
        reach: int,
        channels: int,
    ) -> None:
        self.network, self.family = network, family
        self.reach, self.channels = reach, channels
        super().__init__(features, 3, torch.Size([channels, *features.shape[-2:]]))

    def given(self, value: Tensor) -> Any:
        """The distribution of pixels, each given those before it."""
        return self.family(self.network(value, self.features))

    def of(self, features: Tensor) -> PixelByPixel:
        """The same distribution of other features."""
        return PixelByPixel(features, self.network, self.family, self.reach, self.channels)

    def filled(self, pick: Pick) -> Tensor:
        """Pictures of pixels that are picked one after the other. Of the rows above only those that
        the network sees are looked at."""
        x = self.blank()
        for i in range(x.shape[2]):
            seen = slice(max(i - self.reach, 0), i + 1)
            for j in range(x.shape[3]):
                raw = self.network(x[:, :, seen], self.features[:, :, seen])
                x[:, :, i, j] = pick(self.family(raw[:, :, -1:, j : j + 1]))[..., 0, 0]
        return x
