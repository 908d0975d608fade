"""Numbers of which some are known beforehand."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributions as D


class SomeKnown(D.Distribution):
    r"""x of independent numbers, some of which are known: these have no part in the density.

    .. math:: \log p(x_i) = 0 \text{ where } x_i \text{ is known}

    Without this a density over a number that never changes has no upper bound: it grows for as
    long as the scale shrinks.

    Args:
        base: of all numbers, elementwise.
        known: which are known, of the last dimensions of base.
        value: what they are; anything elsewhere.
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base: Any, known: Tensor, value: Tensor) -> None:
        self.base, self.known, self.value = base, known, value
        super().__init__(base.batch_shape, validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether draws carry gradients."""
        return bool(self.base.has_rsample)

    @property
    def support(self) -> Any:
        """The values that have a density."""
        return self.base.support

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
        return self._put(self.base.sample(torch.Size(sample_shape)))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the parameters."""
        return self._put(self.base.rsample(torch.Size(sample_shape)))

    def _put(self, x: Tensor) -> Tensor:
        return torch.where(self.known, self.value.to(x.dtype), x)
