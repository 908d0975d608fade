"""Kullback-Leibler divergences in closed form, and densities by dimension, in nats."""

from __future__ import annotations

import math
from functools import singledispatch

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.point import Point


@singledispatch
def exact_kl(q: D.Distribution, p: D.Distribution) -> Tensor | None:
    """KL(q || p) in nats, one per row, or None where no closed form is known."""
    try:
        return D.kl_divergence(q, p)
    except NotImplementedError:
        return None


@exact_kl.register
def _(q: Point, p: D.Distribution) -> Tensor:
    """A point is infinitely far from every density."""
    shape = torch.broadcast_shapes(q.batch_shape, p.batch_shape)
    return q.value.new_full(shape, torch.inf)


@exact_kl.register
def _(q: D.OneHotCategorical, p: D.Distribution) -> Tensor | None:
    """KL of one class out of some: torch's own chooses among elements by their values, for which a
    GPU has to be waited for."""
    if not isinstance(p, D.OneHotCategorical):
        return exact_kl.dispatch(D.Distribution)(q, p)
    each = torch.where(p.probs > 0, q.probs * (q.logits - p.logits), torch.inf)
    return torch.where(q.probs > 0, each, 0.0).sum(-1)


@exact_kl.register(D.MultivariateNormal)
@exact_kl.register(D.LowRankMultivariateNormal)
def _(q: D.Distribution, p: D.Distribution) -> Tensor | None:
    """KL of a correlated normal from independent ones: - H(q) - E_q[log p]."""
    if not isinstance(p, D.Independent):
        return exact_kl.dispatch(D.Distribution)(q, p)
    if not isinstance(p.base_dist, D.Normal):
        return None
    second_moment = q.variance + (q.mean - p.mean).square()
    cross = second_moment / p.variance + p.variance.log() + math.log(2 * math.pi)
    return cross.sum(-1) / 2 - q.entropy()


@singledispatch
def normal_marginals(q: D.Distribution) -> D.Normal | None:
    """The marginals of a normal distribution, (..., dim); None for any other."""
    return None


@normal_marginals.register(D.Normal)
@normal_marginals.register(D.MultivariateNormal)
@normal_marginals.register(D.LowRankMultivariateNormal)
def _(q: D.Distribution) -> D.Normal:
    return D.Normal(q.mean, q.stddev, validate_args=False)


@normal_marginals.register
def _(q: D.Independent) -> D.Normal | None:
    return normal_marginals(q.base_dist)


@singledispatch
def marginals(q: D.Distribution) -> D.Distribution | None:
    """Each dimension by itself, as a distribution of one number, (..., dim); None where that is not
    known."""
    return normal_marginals(q)


def kl_per_dimension(q: D.Distribution, p: D.Distribution) -> Tensor | None:
    """KL between the marginals of q and p, (rows, dim), in nats; None unless both are normal.

    For independent dimensions the sum over dimensions is KL(q || p). For correlated ones it is
    not: it leaves the correlations out.
    """
    one, other = normal_marginals(q), normal_marginals(p)
    return None if one is None or other is None else D.kl_divergence(one, other)


@singledispatch
def log_prob_per_element(q: D.Distribution, value: Tensor) -> Tensor | None:
    """log q of each element of ``value`` in nats, where elements are independent; else None."""
    return None


@log_prob_per_element.register
def _(q: D.Independent, value: Tensor) -> Tensor:
    return q.base_dist.log_prob(value)
