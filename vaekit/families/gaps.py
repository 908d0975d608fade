"""Likelihoods of rows some of whose numbers are missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit.data_init import DataInit, moments
from vaekit.distributions.gaps import SelfMasked, SomeMissing
from vaekit.families.base import Kind, Likelihood, Range
from vaekit.families.elementwise import independent, same
from vaekit.families.wrapped import Wrapped
from vaekit.networks.inputs import Filled
from vaekit.system.checks import require

Direction = Literal["any", "high", "low"]
SIGNS: dict[str, Callable[[Tensor], Tensor]] = {
    "any": same,
    "high": F.softplus,
    "low": lambda raw: -F.softplus(raw),
}


class WithGaps(Wrapped, DataInit):
    """A likelihood of rows whose numbers may be missing, NaN: these have no part in its densities.
    Its input layer fills them with 0, on the scale on which networks see them.

    Args:
        base: of independent numbers.
    """

    typical: Tensor

    def __init__(self, base: Likelihood) -> None:
        super().__init__(base)
        self.register_buffer("typical", torch.zeros(base.event_shape))

    def init_from(self, x: Tensor) -> None:
        """Find a value that each number can have."""
        found = x.nan_to_num(-torch.inf).amax(0)
        self.typical.copy_(torch.where(found.isfinite(), found, 0.0))

    @property
    def range(self) -> Range:
        """The values that have a probability, and NaN."""
        return replace(self.base.range, missing=True)

    @property
    def kind(self) -> Kind:
        """The kind of data."""
        base = self.base
        return replace(base.kind, input=lambda _: nn.Sequential(base.kind.input(base), Filled()))

    def forward(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        return independent(self.some(self.base(raw).base_dist), self.event_shape)

    def some(self, each: D.Distribution) -> SomeMissing:
        """Of numbers that may be missing, from that of all."""
        return SomeMissing(each, self.typical)


class SelfMasking(WithGaps):
    r"""Normal numbers, each of which is missing by a chance that depends on itself,
    :math:`\sigma(b + w (x - m) / s)` with a b and a w for each that are learned, and m and s the
    mean and spread of those there.

    Args:
        base: normal, of independent numbers.
        missing: which numbers are missing more often than others: "high", "low", or "any", as it
            is found.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, base: Likelihood, missing: str = "any") -> None:
        super().__init__(base)
        normal = getattr(base, "make", None) is D.Normal
        require(normal, "not_miwae is for likelihood gaussian: take gaps_vae for others")
        shape = base.event_shape
        self.sign = SIGNS[missing]
        self.bias = nn.Parameter(torch.zeros(shape))
        self.raw_slope = nn.Parameter(torch.zeros(shape))
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(shape))

    @property
    def kind(self) -> Kind:
        """The kind of data; its densities are of what is missing too."""
        return replace(super().kind, apart=None)

    def init_from(self, x: Tensor) -> None:
        """Begin at the share of rows in which each number is missing."""
        super().init_from(x)
        mean, spread = moments(x)
        self.centre.copy_(mean)
        self.spread.copy_(spread)
        gone = x.isnan().sum(0)
        self.bias.copy_(((gone + 0.5) / (len(x) - gone + 0.5)).log())

    def some(self, each: D.Distribution) -> SomeMissing:
        """Of numbers that may be missing, from that of all."""
        slope = self.sign(self.raw_slope)
        return SelfMasked(each, self.typical, self.bias, slope, self.centre, self.spread)
