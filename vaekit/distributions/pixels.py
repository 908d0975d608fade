"""Pictures drawn pixel by pixel, each given those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.divergences import log_prob_per_element

Pick = Callable[[D.Distribution], Tensor]


class PixelByPixel(D.Distribution):
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

    arg_constraints: dict[str, Any] = {}

    def __init__(
        self,
        features: Tensor,
        network: Callable[[Tensor, Tensor], Tensor],
        family: Callable[[Tensor], Any],
        reach: int,
        channels: int,
    ) -> None:
        self.features, self.network, self.family = features, network, family
        self.reach, self.channels = reach, channels
        event = torch.Size([channels, *features.shape[-2:]])
        super().__init__(features.shape[:-3], event, validate_args=False)

    @property
    def support(self) -> Any:
        """As of independent pixels."""
        return self.family(self._raw(self._blank(self.features[:1]), self.features[:1])).support

    def expand(self, batch_shape: Any, _instance: Any = None) -> PixelByPixel:
        """The same distribution for more rows."""
        return self._of(self.features.expand(*batch_shape, *self.features.shape[-3:]))

    def log_prob(self, value: Tensor) -> Tensor:
        """Of pictures, (rows, C, H, W), in nats, (rows,)."""
        return self.family(self._raw(value, self.features)).log_prob(value)

    def each(self, value: Tensor) -> Tensor:
        """log p of each number given the pixels before it, (rows, C, H, W), in nats."""
        found: Tensor = self.family(self._raw(value, self.features)).base_dist.log_prob(value)
        return found

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, (*sample_shape, rows, C, H, W)."""
        whole = self.expand([*sample_shape, *self.batch_shape]) if sample_shape else self
        flat = self._of(whole.features.flatten(0, -4))
        return flat._filled(lambda p: p.sample()).unflatten(0, whole.batch_shape)

    @property
    @torch.no_grad()
    def mean(self) -> Tensor:
        """Each pixel's mean given the means of those before it (the mean of the whole has no
        closed form)."""
        return self._filled(lambda p: p.mean)

    def _filled(self, pick: Pick) -> Tensor:
        """Pictures of pixels that are picked one after the other. Of the rows above only those that
        the network sees are looked at."""
        x = self._blank(self.features)
        for i in range(x.shape[2]):
            seen = slice(max(i - self.reach, 0), i + 1)
            for j in range(x.shape[3]):
                raw = self._raw(x[:, :, seen], self.features[:, :, seen])
                x[:, :, i, j] = pick(self.family(raw[:, :, -1:, j : j + 1]))[..., 0, 0]
        return x

    def _raw(self, x: Tensor, features: Tensor) -> Tensor:
        return self.network(x, features)

    def _blank(self, features: Tensor) -> Tensor:
        return features.new_zeros(len(features), self.channels, *features.shape[-2:])

    def _of(self, features: Tensor) -> PixelByPixel:
        return PixelByPixel(features, self.network, self.family, self.reach, self.channels)


@log_prob_per_element.register
def _(q: PixelByPixel, value: Tensor) -> Tensor:
    return q.each(value)
