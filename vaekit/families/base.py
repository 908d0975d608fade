"""What a family is, and the links that keep parameters in their range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F

from vaekit.families.ranges import Range

Shape = tuple[int, ...]
Link = Callable[[Tensor], Tensor]


class Family(Protocol):
    """Raw numbers of shape (rows, *raw_shape) in, a distribution over *event_shape out."""

    @property
    def raw_shape(self) -> Shape: ...

    @property
    def event_shape(self) -> Shape: ...

    def __call__(self, raw: Tensor) -> Distribution: ...


class Likelihood(Family, Protocol):
    """A family for data: it also knows which values it gives a probability to."""

    @property
    def range(self) -> Range: ...


@dataclass(frozen=True)
class Positive:
    """Softplus plus a floor: any number to one above ``floor``."""

    floor: float

    def __call__(self, raw: Tensor) -> Tensor:
        return F.softplus(raw) + self.floor


def half_exp(raw: Tensor) -> Tensor:
    """exp(raw / 2): a log variance to a standard deviation, as most papers parameterise it.

    The log variance is held within +-60, where float32 neither overflows nor reaches zero.
    """
    return torch.exp(raw.clamp(-60, 60) / 2)
