"""Priors in fixed point: how likely each bin of a latent is.

A new prior adds one registration of :func:`fixed_point_prior`, here or beside itself, or is
refused.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vaekit.codec import fixed_point
from vaekit.codec.ans import Stack
from vaekit.codec.by_type import ByType, with_article
from vaekit.codec.fixed_point import BINS_LOG2
from vaekit.codec.symbols import Uniform
from vaekit.conditionals import Refitted, StandardNormal
from vaekit.system.checks import BadInput
from vaekit.system.types import Array


class BinSymbols(Protocol):
    """The bins of some rows' latents, row after row, as the coder takes them."""

    def push(self, stack: Stack, symbols: Array, /) -> None:
        """Put them on the stack."""

    def pop(self, stack: Stack, /) -> Array:
        """Take them off the stack."""


class Bins(Protocol):
    """4096 bins of each number of a latent, and how likely they are."""

    def symbols(self, rows: int, dropped: int) -> BinSymbols:
        """Those of so many rows, coarser by the bits ``dropped``."""

    def over(self, posterior: Any) -> Any:
        """A posterior over these bins."""

    def values(self, bins: Array) -> Tensor:
        """Bins, row after row, as the fixed-point values that networks are given, (rows, dim)."""


def middles(bins: Array, dropped: int) -> Array:
    """The bins in the middle of coarser ones."""
    return (bins << dropped) + (1 << dropped) // 2


class EqualBins:
    """p(z) of a standard normal: all bins of ``dim`` numbers are equally likely."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def symbols(self, rows: int, dropped: int) -> BinSymbols:
        """The symbols of so many rows, whose bins are coarser by the bits ``dropped``."""
        return Uniform(rows * self.dim, BINS_LOG2 - dropped)

    def over(self, posterior: Any) -> Any:
        """Posteriors are over these bins already."""
        return posterior

    def values(self, bins: Array) -> Tensor:
        """The bins' medians."""
        return torch.from_numpy(fixed_point.centres()[bins]).reshape(-1, self.dim)


class FixedPointNormal(nn.Module):
    """N(0, I), whose bins have equal mass."""

    def __init__(self, prior: StandardNormal) -> None:
        super().__init__()
        self.event_shape = prior.event_shape

    def forward(self, *given: Tensor) -> EqualBins:
        """Bins of equal mass, whatever is given."""
        return EqualBins(self.event_shape[0])


@ByType
def fixed_point_prior(prior: Any) -> Any:
    """The fixed-point copy of a prior.

    Raises:
        BadInput: for a prior that has none.
    """
    called = getattr(prior, "called", "")
    name = f"the prior {called}" if called else f"{with_article(type(prior).__name__)} prior"
    raise BadInput(
        f"{name} has no coded form: compress with the prior the model was "
        "trained with (vaekit refit-prior --undo), or train with prior=standard or mixture"
    )


fixed_point_prior.register(StandardNormal, FixedPointNormal)


@fixed_point_prior.register
def _refitted(prior: Refitted) -> nn.Module:
    return fixed_point_prior(prior.new)
