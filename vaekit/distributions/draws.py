"""Draws, with their log density where one falls out on the way."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.point import Point


def draw_with_density(q: D.Distribution, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """A draw of shape (*shape, *batch, *event) and its log density (*shape, *batch) in nats.

    The draw carries gradients to the parameters of q wherever q can be reparameterised.
    """
    z = q.rsample(shape) if q.has_rsample else q.sample(shape)
    return z, q.log_prob(z)


def common_draws(q: D.Distribution, samples: int, rows: int | None = None) -> Tensor:
    """``samples`` draws for each row of q from the same noise for every row: (samples, rows, dim).
    If ``rows`` is given q has samples * rows rows, and gets one draw for each, of that shape.

    With common noise a row's draws depend on that row alone, never on its neighbours, its
    position or the batch. Each row's draws are distributed as q; different rows' are dependent.

    Raises:
        NotImplementedError: for a q that is not Gaussian or a point.
    """

    def noise(dim: int) -> Tensor:
        one = torch.randn(samples, 1, dim, dtype=q.mean.dtype, device=q.mean.device)
        return one if rows is None else one.expand(samples, rows, dim).flatten(0, 1)

    if isinstance(q, Point):
        return q.rsample(torch.Size([samples] if rows is None else []))
    if isinstance(q, D.Independent) and isinstance(q.base_dist, D.Normal):
        return q.mean + q.stddev * noise(q.event_shape[0])
    if isinstance(q, D.MultivariateNormal):
        return q.mean + _through(q.scale_tril, noise(q.event_shape[0]))
    if isinstance(q, D.LowRankMultivariateNormal):
        shared = _through(q.cov_factor, noise(q.cov_factor.shape[-1]))
        return q.mean + shared + q.cov_diag.sqrt() * noise(q.event_shape[0])
    raise NotImplementedError(f"common noise is not known for {type(q).__name__}")


def _through(matrix: Tensor, noise: Tensor) -> Tensor:
    return (matrix @ noise.unsqueeze(-1)).squeeze(-1)
