"""Counts that are zero more often than others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributions as D
from torch.nn import functional as F

from vaekit.distributions.counts import Poisson


class ZeroInflatedPoisson(D.Distribution):
    """0 with a chance of sigmoid(logits), else Poisson.

    Args:
        rate: of the Poisson part.
        logits: of the chance of a zero beside it.
    """

    arg_constraints: dict[str, Any] = {}
    support = D.constraints.nonnegative_integer

    def __init__(self, rate: Tensor, logits: Tensor) -> None:
        self.rate, self.logits = rate, logits
        super().__init__(rate.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        return torch.sigmoid(-self.logits) * self.rate

    def expand(self, batch_shape: Any, _instance: Any = None) -> ZeroInflatedPoisson:
        return ZeroInflatedPoisson(self.rate.expand(batch_shape), self.logits.expand(batch_shape))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            counts = torch.poisson(self.rate.expand(shape))
            return counts * torch.bernoulli(torch.sigmoid(-self.logits).expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        some = F.logsigmoid(-self.logits) + Poisson(self.rate, validate_args=False).log_prob(value)
        return torch.where(value == 0, torch.logaddexp(F.logsigmoid(self.logits), some), some)
