"""Quantiles of each dimension, by the type of a distribution."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.divergences import normal_marginals

HALVINGS = 50


@singledispatch
def quantiles(p: D.Distribution, shares: Tensor) -> Tensor | None:
    """The values below which a share of each marginal lies, (shares, dim); None if not known.

    Args:
        p: without a batch.
        shares: between 0 and 1, (shares,).
    """
    marginals = normal_marginals(p)
    return None if marginals is None else marginals.icdf(shares[:, None])


@quantiles.register
def _(p: D.MixtureSameFamily, shares: Tensor) -> Tensor | None:
    """By bisection of the mixture's distribution function."""
    parts = normal_marginals(p.component_distribution)
    if parts is None:
        return None
    ends = parts.mean - 10 * parts.stddev, parts.mean + 10 * parts.stddev
    low = ends[0].amin(0).expand(len(shares), -1)
    high = ends[1].amax(0).expand(len(shares), -1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        share = (p.mixture_distribution.probs[:, None] * parts.cdf(middle[:, None])).sum(1)
        below = share < shares[:, None]
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2
