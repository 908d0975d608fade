"""Kullback-Leibler divergences in closed form, in nats."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch import distributions as D
from torch.distributions.kl import register_kl

from vaekit.distributions.point import Point

GAUSSIANS = (D.Normal, D.MultivariateNormal, D.LowRankMultivariateNormal)


def exact_kl(q: D.Distribution, p: D.Distribution) -> Tensor | None:
    """KL(q || p) in nats, one per row, or None where no closed form is known."""
    try:
        return D.kl_divergence(q, p)
    except NotImplementedError:
        return None


def kl_per_dimension(q: D.Distribution, p: D.Distribution) -> Tensor | None:
    """KL between the marginals of q and p, (rows, dim), in nats; None unless both are Gaussian.

    For independent dimensions the sum over dimensions is KL(q || p). For correlated ones it is
    not: it leaves the correlations out.
    """
    if not (is_gaussian(q) and is_gaussian(p)):
        return None
    return D.kl_divergence(*(D.Normal(d.mean, d.stddev, validate_args=False) for d in (q, p)))


def is_gaussian(q: D.Distribution) -> bool:
    """Whether q is a normal distribution, with independent or correlated dimensions."""
    return isinstance(q.base_dist if isinstance(q, D.Independent) else q, GAUSSIANS)


@register_kl(D.MultivariateNormal, D.Independent)
@register_kl(D.LowRankMultivariateNormal, D.Independent)
def _correlated_from_independent(q: D.Distribution, p: D.Independent) -> Tensor:
    """KL of any Gaussian from independent normals: - H(q) - E_q[log p]."""
    if not isinstance(p.base_dist, D.Normal):
        raise NotImplementedError
    second_moment = q.variance + (q.mean - p.mean).square()
    cross = second_moment / p.variance + p.variance.log() + math.log(2 * math.pi)
    return cross.sum(-1) / 2 - q.entropy()


@register_kl(Point, D.Distribution)
def _from_point(q: Point, p: D.Distribution) -> Tensor:
    """A point is infinitely far from every density."""
    shape = torch.broadcast_shapes(q.batch_shape, p.batch_shape)
    return q.value.new_full(shape, torch.inf)
