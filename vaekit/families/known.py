"""A likelihood of rows of which some numbers are known beforehand."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch import distributions as D

from vaekit.distributions import SomeKnown
from vaekit.families.base import Kind, Likelihood, Range, Shape
from vaekit.families.elementwise import independent


class WithKnown(nn.Module):
    """A likelihood but for some numbers that are known: they have no part in its densities, and
    every draw has them. The network gives raw numbers for all.

    What is known is no part of the state dict: who makes the model says it again.

    Args:
        base: of independent numbers.
        known: which numbers are known, of the event's shape.
        value: what they are; anything elsewhere.
    """

    known: Tensor
    value: Tensor

    def __init__(self, base: Likelihood, known: Tensor, value: Tensor) -> None:
        super().__init__()
        self.base: Any = base
        self.register_buffer("known", known, persistent=False)
        self.register_buffer("value", value, persistent=False)

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return self.base.event_shape

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return self.base.raw_shape

    @property
    def has_density(self) -> bool:
        """As the base."""
        return self.base.has_density

    @property
    def range(self) -> Range:
        """The values that have a probability."""
        return self.base.range

    @property
    def kind(self) -> Kind:
        """The kind of data."""
        return self.base.kind

    def forward(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        each = self.base(raw).base_dist
        return independent(SomeKnown(each, self.known, self.value), self.event_shape)
