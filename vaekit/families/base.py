"""What a family is, the kinds of data, and the links that keep parameters in their range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.nn import functional as F

from vaekit.families.apart import Apart, bits, frequencies, normal
from vaekit.networks.inputs import Rescale, Standardize
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Shape

Link = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Range:
    """The values that have a probability.

    Args:
        low: the smallest.
        high: the largest.
        whole: only whole numbers.
        advice: ends the message that a value outside gets.
        below: that of a value below the smallest, where it is another.
        missing: whether NaN is allowed, and means that a value is missing.
    """

    low: float = -inf
    high: float = inf
    whole: bool = False
    advice: str = "check the data or choose another likelihood"
    below: str = ""
    missing: bool = False

    def check(self, x: Tensor, name: str) -> None:
        """Raise ``BadInput`` unless every value of x is finite and in range for ``name``."""
        if self.missing:
            x = x[~x.isnan()]
        low, high = (float(v) for v in x.aminmax()) if x.numel() else (self.low, self.high)
        if x.numel() and not (isfinite(low) and isfinite(high)):  # aminmax passes NaN on
            raise BadInput(f"{name} needs finite data; {_first_bad(x)}")
        span = f"values found run from {low:g} to {high:g}"
        inside = self.low <= low and high <= self.high
        advice = self.below if self.below and low < self.low else self.advice
        require(inside, f"{name} needs {self}; {span}: {advice}")
        whole = not self.whole or bool((x == x.round()).all())
        require(whole, f"{name} needs {self}; some values are fractions: {self.advice}")

    def __str__(self) -> str:
        kind = "whole numbers" if self.whole else "values"
        if self.low == -inf:
            return f"any {kind}"
        if self.high == inf:
            return f"{kind} of at least {self.low:g}"
        return f"{kind} in [{self.low:g}, {self.high:g}]"


UNIT_RANGE = Range(
    0,
    1,
    advice="divide by the largest value (255 for 8-bit images) or use likelihood='categorical' "
    "for whole levels, 'gaussian' for other numbers",
    below="for numbers with a sign use likelihood='gaussian'",
)


def _first_bad(x: Tensor) -> str:
    """Where the first value that is not finite stands, and how many there are."""
    bad = (~torch.isfinite(x)).nonzero()
    row, *place = bad[0].tolist()
    return f"{len(bad)} values are NaN or infinite, the first in row {row} at {tuple(place)}"


class Family(Protocol):
    """Raw numbers of shape (rows, *raw_shape) in, a distribution over *event_shape out."""

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""

    @property
    def has_density(self) -> bool:
        """False if all mass lies on one value."""

    def __call__(self, raw: Tensor) -> Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""


@dataclass(frozen=True)
class Kind:
    """A kind of data, and what follows from it for a likelihood of such data.

    Args:
        name: what people call it.
        bits: what bits per number describe.
        input: makes the input layer, which rescales x for networks.
        white: the value of x that pictures show as white; None where there is none.
        discrete: whether a likelihood gives probabilities to the data's own values.
        passes: how many passes of a network log p(x|z) takes, in evaluation.
        coarse: whether the data's own values lie so far apart that a mean is plainly none of them.
        apart: log p of rows whose numbers have nothing to do with each other, in the same units;
            None where nothing simple can be said.
    """

    name: str
    bits: str
    input: Callable[[Likelihood], nn.Module]
    white: Callable[[Likelihood], float | None]
    discrete: bool = True
    passes: Callable[[Likelihood], int] = lambda family: 1
    coarse: Callable[[Likelihood], bool] = lambda family: False
    apart: Apart | None = None


class Likelihood(Family, Protocol):
    """A family for data: it also knows which values it gives a probability to."""

    @property
    def range(self) -> Range:
        """The values that have a probability."""

    @property
    def kind(self) -> Kind:
        """The kind of data."""


FINE = 32  # levels of which more pass for numbers of any size
WHOLE = "whole values (a discrete likelihood, no dequantisation)"
DENSITY = "a density in the data's units (no dequantisation; not comparable with discrete bits)"


def _image_white(family: Likelihood) -> float | None:
    return 1.0 if len(family.event_shape) == 3 else None


BINARY = Kind(
    "binary",
    "binary values",
    lambda f: nn.Identity(),
    lambda f: 1.0,
    coarse=lambda f: True,
    apart=bits,
)
UNIT = Kind("unit", DENSITY, lambda f: nn.Identity(), lambda f: 1.0, discrete=False)
LEVELS = Kind(
    "levels",
    WHOLE,
    lambda f: Rescale(int(f.range.high) + 1),
    lambda f: f.range.high,
    coarse=lambda f: f.range.high < FINE,
    apart=frequencies(lambda f: torch.tensor(f.range.high + 1)),
)
COUNTS = Kind(
    "counts",
    WHOLE,
    lambda f: Standardize(f.event_shape, log=True),
    lambda f: None,
    coarse=lambda f: True,
)
CELLS = Kind(
    "cells",
    "cells of a table, as levels of their columns",
    lambda f: nn.Identity(),
    lambda f: None,
    passes=lambda f: f.event_shape[0],
    coarse=lambda f: True,
    apart=frequencies(lambda f: torch.tensor(f.predictor.levels)),
)
REAL = Kind(
    "real",
    DENSITY,
    lambda f: Standardize(f.event_shape),
    _image_white,
    discrete=False,
    apart=normal,
)


@dataclass(frozen=True)
class Positive:
    """Softplus plus a floor: any number to one above ``floor``."""

    floor: float

    def __call__(self, raw: Tensor) -> Tensor:
        """softplus(raw) + floor."""
        return F.softplus(raw) + self.floor


def half_exp(raw: Tensor) -> Tensor:
    """exp(raw / 2): a log variance to a standard deviation, as most papers parameterise it.

    The log variance is clamped to +-60, where float32 neither overflows nor reaches zero.
    """
    return torch.exp(raw.clamp(-60, 60) / 2)
