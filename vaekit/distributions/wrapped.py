"""What distributions that are made of another have from it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributions as D


class Wrapped(D.Distribution):
    """A distribution made of another, which answers for it unless a subclass says otherwise.

    Args:
        base: the other, elementwise.
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, base: Any) -> None:
        self.base = base
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
        return self.base.mean

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.base.variance

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        return self.base.sample(torch.Size(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the parameters."""
        return self.base.rsample(torch.Size(sample_shape))
