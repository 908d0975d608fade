"""Covariance matrices, by the type of a distribution."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.point import Point


@singledispatch
def covariance(q: D.Distribution) -> Tensor | None:
    """The covariance of a vector, (*batch, dim, dim); None where it is not known."""
    return None


@covariance.register(D.Independent)
@covariance.register(Point)
def _(q: D.Distribution) -> Tensor:
    return torch.diag_embed(q.variance)


@covariance.register(D.MultivariateNormal)
@covariance.register(D.LowRankMultivariateNormal)
def _(q: D.MultivariateNormal) -> Tensor:
    return q.covariance_matrix
