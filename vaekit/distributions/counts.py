"""Counts 0, 1, 2, ... whose probabilities keep their digits when counts are large.

In float32 the terms of these formulae are near 2e9 for counts of 1e8, and numbers there are 128
apart: their sum would be wrong by hundreds of nats. They are summed in float64, and the result has
the type of the parameters.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributions as D
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.nn import functional as F


class Poisson(D.Poisson):
    r"""Counts whose variance equals their mean m.

    .. math:: \log P(k) = k \log m - m - \log k!

    Right to 1e-4 nats for counts up to 2^31.

    Args:
        rate: m > 0.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        k, mean = value.double(), self.rate.double()
        return (k.xlogy(mean) - mean - (k + 1).lgamma()).to(self.rate.dtype)


class NegativeBinomial(D.Distribution):
    r"""Counts of mean m and size r: a Poisson whose rate varies as a gamma of shape r does.

    .. math:: \log P(k) = \log \frac{\Gamma(k + r)}{\Gamma(r)\, k!}
              - r \log(1 + m / r) - k \log(1 + r / m)

    Its variance is m + m^2 / r. Right to 1e-4 nats for counts up to 2^31 and sizes up to 1e9.

    Args:
        mean: m > 0.
        total_count: r > 0, the size.
    """

    arg_constraints = {"mean": constraints.positive, "total_count": constraints.positive}
    support = constraints.nonnegative_integer

    def __init__(self, mean: Tensor, total_count: Tensor) -> None:
        self._mean, self.total_count = broadcast_all(mean, total_count)
        super().__init__(self._mean.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self._mean * (1 + self._mean / self.total_count)

    def expand(self, batch_shape: Any, _instance: Any = None) -> NegativeBinomial:
        """The same distribution for more rows."""
        return NegativeBinomial(
            self._mean.expand(batch_shape), self.total_count.expand(batch_shape)
        )

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, without gradients."""
        shape = self._extended_shape(sample_shape)
        spread = torch._standard_gamma(self.total_count.expand(shape))
        return torch.poisson(self._mean * (spread / self.total_count))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        k, mean, size = value.double(), self._mean.double(), self.total_count.double()
        ways = (k + size).lgamma() - size.lgamma() - (k + 1).lgamma()
        chances = size * torch.log1p(mean / size) + k * torch.log1p(size / mean)
        return (ways - chances).to(self._mean.dtype)


class ZeroInflated(D.Distribution):
    r"""Counts that are 0 with some chance, whatever else they would be: as of genes that a
    measurement missed.

    .. math:: P(0) = \pi + (1 - \pi) P_0(0), \qquad P(k) = (1 - \pi) P_0(k)

    Args:
        base: of the counts, elementwise.
        logits: of the chance.
    """

    arg_constraints = {"logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(self, base: D.Distribution, logits: Tensor) -> None:
        self.base, self.logits = base, logits.expand(base.batch_shape)
        super().__init__(base.batch_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return (-self.logits).sigmoid() * self.base.mean

    @property
    def variance(self) -> Tensor:
        """The variance."""
        kept = (-self.logits).sigmoid()
        return kept * (self.base.variance + (1 - kept) * self.base.mean.square())

    def expand(self, batch_shape: Any, _instance: Any = None) -> ZeroInflated:
        """The same distribution for more rows."""
        return ZeroInflated(self.base.expand(batch_shape), self.logits.expand(batch_shape))

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, without gradients."""
        found = self.base.sample(sample_shape)
        return found * torch.bernoulli((-self.logits).sigmoid().expand(found.shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        kept = F.logsigmoid(-self.logits) + self.base.log_prob(value)
        zero = torch.logaddexp(F.logsigmoid(self.logits), kept)
        return torch.where(value == 0, zero, kept)
