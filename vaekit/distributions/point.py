"""A distribution with all its mass on one value."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints


class Point(Distribution):
    """All mass on one vector of a continuous space: the posterior of an autoencoder.

    The density is infinite at the value and zero elsewhere, so ``log_prob`` is +inf or -inf
    (nats, one per row). An ELBO through a ``Point`` is therefore -inf, which is the truth:
    an autoencoder has no likelihood.

    Args:
        value: shape (*batch, dim).
    """

    arg_constraints: dict[str, constraints.Constraint] = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, value: Tensor) -> None:
        self.value = value
        super().__init__(value.shape[:-1], value.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The value."""
        return self.value

    @property
    def mode(self) -> Tensor:
        """The value."""
        return self.value

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.value)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Point:
        """The same distribution for more rows."""
        return Point(self.value.expand(*batch_shape, *self.event_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The value, as often as asked for; gradients reach it."""
        return self.value.expand(*sample_shape, *self.value.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """+inf at the value, -inf elsewhere, one per row."""
        hit = (value == self.value).all(-1)
        return torch.where(hit, torch.inf, -torch.inf)
