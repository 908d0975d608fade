"""Numbers of which some are known beforehand."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.wrapped import Wrapped


class SomeKnown(Wrapped):
    r"""x of independent numbers, some of which are known: these have no part in the density.

    .. math:: \log p(x_i) = 0 \text{ where } x_i \text{ is known}

    Without this a density over a number that never changes has no upper bound: it grows for as
    long as the scale shrinks.

    Args:
        base: of all numbers, elementwise.
        known: which are known, of the last dimensions of base.
        value: what they are; anything elsewhere.
    """

    def __init__(self, base: Any, known: Tensor, value: Tensor) -> None:
        self.known, self.value = known, value
        super().__init__(base)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self._put(self.base.mean)

    @property
    def mode(self) -> Tensor:
        """The likeliest value."""
        return self._put(self.base.mode)

    @property
    def variance(self) -> Tensor:
        """The variance: 0 of what is known."""
        return torch.where(self.known, 0, self.base.variance)

    def expand(self, batch_shape: Any, _instance: Any = None) -> SomeKnown:
        """The same distribution for more rows."""
        return SomeKnown(self.base.expand(batch_shape), self.known, self.value)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        return torch.where(self.known, 0, self.base.log_prob(value))

    def entropy(self) -> Tensor:
        """In nats."""
        return torch.where(self.known, 0, self.base.entropy())

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        return self._put(super().sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the parameters."""
        return self._put(super().rsample(sample_shape))

    def _put(self, x: Tensor) -> Tensor:
        return torch.where(self.known, self.value.to(x.dtype), x)


@singledispatch
def some_known(p: Any, known: Tensor, value: Tensor) -> D.Distribution:
    """The same distribution of rows, some numbers of which are known: here of independent ones.

    Args:
        p: of all numbers.
        known: which are known, of the event's shape.
        value: what they are; anything elsewhere.
    """
    each = SomeKnown(p.base_dist, known, value)
    return D.Independent(each, len(p.event_shape), validate_args=False)
