"""A likelihood of rows of which some numbers are known beforehand."""

from __future__ import annotations

from torch import Tensor
from torch import distributions as D

from vaekit.distributions.known import some_known
from vaekit.families.base import Likelihood
from vaekit.families.wrapped import Wrapped


class WithKnown(Wrapped):
    """A likelihood but for some numbers that are known: they have no part in its densities, and
    every draw has them. The network gives raw numbers for all.

    What is known is no part of the state dict: who makes the model says it again.

    Args:
        base: of numbers that are independent, or drawn one after the other.
        known: which numbers are known, of the event's shape.
        value: what they are; anything elsewhere.
    """

    known: Tensor
    value: Tensor

    def __init__(self, base: Likelihood, known: Tensor, value: Tensor) -> None:
        super().__init__(base)
        self.register_buffer("known", known, persistent=False)
        self.register_buffer("value", value, persistent=False)

    def forward(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        return some_known(self.base(raw), self.known, self.value)
