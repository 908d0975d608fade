"""Families for counts 0, 1, 2, ... without an upper end."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.data_init import DataInit
from vaekit.distributions.counts import NegativeBinomial, Poisson
from vaekit.families.base import COUNTS, Positive, Range, Shape
from vaekit.families.elementwise import independent, widen

COUNT = Range(
    0,
    whole=True,
    advice="counts are 0, 1, 2, ...; for signed or fractional data use likelihood='gaussian'",
)


class Counted(DataInit):
    r"""Poisson counts. The mean is ``softplus(raw)`` times a buffer that follows the data's mean,
    so that raw numbers near 0 are typical of each element.

    .. math:: P(k) = m^k e^{-m} / k!
    """

    gain: Tensor
    kind = COUNTS
    has_density = True
    numbers = 1

    def __init__(self, event_shape: Shape) -> None:
        super().__init__()
        self.event_shape, self.range, self.link = event_shape, COUNT, Positive(1e-4)
        self.register_buffer("gain", torch.ones(event_shape))

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, self.numbers)

    def init_from(self, x: Tensor) -> None:
        """Set the gain from the data's mean."""
        self.gain.copy_(x.mean(0, dtype=torch.float64).clamp_min(1e-2) / self.link(torch.zeros(())))

    def forward(self, raw: Tensor) -> D.Distribution:
        """Poisson counts."""
        rate = self.gain * self.link(raw)
        return independent(Poisson(rate, validate_args=False), self.event_shape)


class OverdispersedCounted(Counted):
    r"""Negative binomial counts by mean m and size r: the variance is m + m^2 / r.

    .. math::
        P(k) = \frac{\Gamma(k + r)}{k!\, \Gamma(r)} \Big(\frac{r}{r + m}\Big)^r
        \Big(\frac{m}{r + m}\Big)^k
    """

    numbers = 2

    def forward(self, raw: Tensor) -> D.Distribution:
        """Negative binomial counts."""
        mean, size = raw.chunk(2, -len(self.event_shape))
        mean, size = self.gain * self.link(mean), self.link(size)
        return independent(NegativeBinomial(mean, size), self.event_shape)
