"""What likelihoods that are made of another have from it."""

from __future__ import annotations

from typing import Any

from torch import nn

from vaekit.families.base import Kind, Likelihood, Range, Shape


class Wrapped(nn.Module):
    """A likelihood made of another, which answers for it unless a subclass says otherwise.

    Args:
        base: the other.
    """

    def __init__(self, base: Likelihood) -> None:
        super().__init__()
        self.base: Any = base

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
