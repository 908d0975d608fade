"""Which values a likelihood covers, checked with a message that says what to do."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

from vaekit.checks import BadInput, require


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
