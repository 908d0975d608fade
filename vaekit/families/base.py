"""What a family is, and the links that keep parameters in their range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Protocol

import torch
from torch import Tensor
from torch.distributions import Distribution
from torch.nn import functional as F

from vaekit.system.checks import BadInput, require


@dataclass(frozen=True)
class Range:
    """The values from ``low`` to ``high``, all of them or (``whole``) only the whole ones.

    ``advice`` ends the message that a value outside gets.
    """

    low: float = -inf
    high: float = inf
    whole: bool = False
    advice: str = "check the data or choose another likelihood"

    def check(self, x: Tensor, name: str) -> None:
        """Raise ``BadInput`` unless every value of x is finite and in range for ``name``."""
        low, high = (float(v) for v in x.aminmax()) if x.numel() else (self.low, self.high)
        if x.numel() and not (isfinite(low) and isfinite(high)):  # aminmax passes NaN on
            raise BadInput(f"{name} needs finite data; {_first_bad(x)}")
        span = f"values found run from {low:g} to {high:g}"
        inside = self.low <= low and high <= self.high
        require(inside, f"{name} needs {self}; {span}: {self.advice}")
        whole = not self.whole or bool((x == x.round()).all())
        require(whole, f"{name} needs {self}; some values are fractions: {self.advice}")

    def __str__(self) -> str:
        kind = "whole numbers" if self.whole else "values"
        if self.low == -inf:
            return f"any {kind}"
        if self.high == inf:
            return f"{kind} of at least {self.low:g}"
        return f"{kind} in [{self.low:g}, {self.high:g}]"


def _first_bad(x: Tensor) -> str:
    """Where the first value that is not finite stands, and how many there are."""
    bad = (~torch.isfinite(x)).nonzero()
    row, *place = bad[0].tolist()
    return f"{len(bad)} values are NaN or infinite, the first in row {row} at {tuple(place)}"


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
