"""Priors in fixed point: how likely each bin of a latent is.

A new prior adds one registration of :func:`fixed_point_prior`, or is refused.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vaekit.codec import fixed_point
from vaekit.codec.by_type import ByType
from vaekit.codec.fixed_point import BINS_LOG2
from vaekit.codec.symbols import Symbols, Uniform
from vaekit.conditionals import Refitted, Scaled, StandardNormal
from vaekit.system.checks import BadInput
from vaekit.system.types import Array


class EqualBins:
    """p(z) of a standard normal: all bins of ``dim`` numbers are equally likely."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def symbols(self, rows: int, dropped: int) -> Symbols:
        """The symbols of so many rows, whose bins are coarser by the bits ``dropped``."""
        return Uniform(rows * self.dim, BINS_LOG2 - dropped)


class FixedPointNormal(nn.Module):
    """N(0, I), whose bins have equal mass."""

    def __init__(self, prior: StandardNormal) -> None:
        super().__init__()
        self.event_shape = prior.event_shape

    def forward(self, *given: Tensor) -> EqualBins:
        """Bins of equal mass, whatever is given."""
        return EqualBins(self.event_shape[0])


@ByType
def fixed_point_prior(prior: Any) -> nn.Module:
    """The fixed-point copy of a prior.

    Raises:
        BadInput: for a prior that has none.
    """
    raise _without(prior)


def _without(prior: Any) -> BadInput:
    """The error for a prior that has no fixed-point copy."""
    return BadInput(
        f"a {type(prior).__name__} prior has no coded form: compress with the prior the model was "
        "trained with (vaekit refit-prior --undo), or train with prior=standard"
    )


fixed_point_prior.register(StandardNormal, FixedPointNormal)


@fixed_point_prior.register
def _refitted(prior: Refitted) -> nn.Module:
    return fixed_point_prior(prior.new)


@fixed_point_prior.register
def _scaled(prior: Scaled) -> nn.Module:
    raise _without(prior.prior)


def values_of(bins: Array, dim: int) -> Tensor:
    """Bins of a latent, row after row, as the fixed-point values that networks are given."""
    return torch.from_numpy(fixed_point.centres()[bins]).reshape(-1, dim)
