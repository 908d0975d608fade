"""Draws by the type of a distribution: with their density, or from noise common to all rows, or
from noise that is a function of the row."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import singledispatch

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.point import Point

Noise = Callable[[int], Tensor]

WAVES, PACE = 256, 16.0  # of noise that is a function of a row; radians per unit of the row


@singledispatch
def draw_with_density(q: D.Distribution, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """A draw of shape (*shape, *batch, *event) and its log density (*shape, *batch) in nats.

    The draw carries gradients to the parameters of q wherever q can be reparameterised. Register
    a distribution whose density falls out on the way of drawing.
    """
    z = q.rsample(shape) if q.has_rsample else q.sample(shape)
    return z, q.log_prob(z)


@singledispatch
def has_density(q: D.Distribution) -> bool:
    """False for a distribution without a density, such as a point."""
    return True


def is_discrete(p: D.Distribution) -> bool:
    """Whether it gives probabilities to values, which are at most 1, and not densities."""
    try:
        support = p.support
    except NotImplementedError:  # it does not say
        return False
    return support is not None and bool(support.is_discrete)


@singledispatch
def no_way(p: D.Distribution) -> str | None:
    """Why one cannot go from one value to another in small steps, in words; None where one can."""
    return (
        "this model's codes are from a list, between which there is no way"
        if is_discrete(p)
        else None
    )


@no_way.register
def _(p: D.TransformedDistribution) -> str | None:
    return no_way(p.base_dist)


@has_density.register
def _(q: Point) -> bool:
    return False


@singledispatch
def weighs_any_value(q: D.Distribution) -> bool:
    """Whether the density of a value that was not just drawn costs no more than a draw."""
    return True


def latin_hypercube(samples: int, dim: int) -> Tensor:
    """Uniform numbers, (samples, dim): in each column one in every samples-th part of 0 to 1, in an
    order of its own, so that means over them hardly err (Latin hypercube: McKay et al. 1979)."""
    parts = torch.stack([torch.randperm(samples) for _ in range(dim)], 1)
    return (parts + torch.rand(samples, dim, dtype=torch.float64)) / samples


def common_draws(
    q: D.Distribution, samples: int, rows: int | None = None, *, even: bool = False
) -> Tensor:
    """``samples`` draws for each row of q from the same noise for every row: (samples, rows, dim).
    If ``rows`` is given q has samples * rows rows, and gets one draw for each, of that shape.

    With common noise a row's draws depend on that row alone, never on its neighbours, its
    position or the batch. Each row's draws are distributed as q; different rows' are dependent.
    With ``even`` so are those of a row: they are spread latin_hypercube, for means over them.

    Raises:
        NotImplementedError: for a q that is not registered with :func:`from_noise`.
    """

    def noise(dim: int) -> Tensor:
        one = torch.randn(samples, 1, dim, dtype=q.mean.dtype, device=q.mean.device)
        if even:
            one = torch.special.ndtri(latin_hypercube(samples, dim))[:, None].to(one)
        return one if rows is None else one.expand(samples, rows, dim).flatten(0, 1)

    return from_noise(q, noise)


def own_draws(q: D.Distribution, samples: int, of: Tensor) -> Tensor:
    """``samples`` draws for each row of q, (samples, rows, dim), by noise that is a smooth function
    of a row of ``of``; see :func:`own_noise`.

    As with :func:`common_draws` a row's draws depend on that row alone and are distributed as q.
    But different rows' are almost independent, so that their errors cancel in means over rows.

    Raises:
        NotImplementedError: for a q that is not registered with :func:`from_noise`.
    """

    def noise(dim: int) -> Tensor:
        return own_noise(of, samples * dim).unflatten(1, (samples, dim)).transpose(0, 1)

    return from_noise(q, noise)


@torch.no_grad()
def own_noise(rows: Tensor, dim: int) -> Tensor:
    r"""``dim`` standard normal numbers for each row, (rows, dim), that are a function of the row x,

    .. math:: \varepsilon_j(x) = \frac1{\sqrt M} \sum_{m=1}^M
        A_{mj} \cos(w_m^T x) + B_{mj} \sin(w_m^T x)

    with A and B of N(0, 1) and w of N(0, 16^2 I) drawn by torch's generator: seed that, and the
    function is always the same. At each x the numbers are independent and exactly N(0, 1), for
    cos^2 + sin^2 = 1; those of two rows have the correlation mean_m cos(w_m^T (x - y)), which is
    nearly 0 unless |x - y| is below some 0.1.

    Args:
        rows: x, of numbers of about one unit.
        dim: how many numbers each row gets. M is 256.
    """
    x = rows.double()  # a wave's place must not be lost in rounding
    places = x @ (PACE * torch.randn(x.shape[-1], WAVES, dtype=x.dtype, device=x.device))
    waves = torch.cat([places.cos(), places.sin()], 1).to(rows) / math.sqrt(WAVES)
    return waves @ torch.randn(2 * WAVES, dim, dtype=rows.dtype, device=rows.device)


@singledispatch
def from_noise(q: D.Distribution, noise: Noise) -> Tensor:
    """A draw from q as a function of standard normal noise.

    Args:
        q: has batch shape (rows,) and an event of some numbers.
        noise: gives noise of shape (..., dim) for a number ``dim``.
    """
    raise NotImplementedError(f"common noise is not known for {type(q).__name__}")


@from_noise.register
def _(q: Point, noise: Noise) -> Tensor:
    return q.value + 0 * noise(q.event_shape[0])


@from_noise.register
def _(q: D.Independent, noise: Noise) -> Tensor:
    if not isinstance(q.base_dist, D.Normal):
        return from_noise(q.base_dist, noise)
    return q.mean + q.stddev * noise(q.event_shape[0])


@from_noise.register
def _(q: D.MultivariateNormal, noise: Noise) -> Tensor:
    return q.mean + _through(q.scale_tril, noise(q.event_shape[0]))


@from_noise.register
def _(q: D.LowRankMultivariateNormal, noise: Noise) -> Tensor:
    shared = _through(q.cov_factor, noise(q.cov_factor.shape[-1]))
    return q.mean + shared + q.cov_diag.sqrt() * noise(q.event_shape[0])


@from_noise.register
def _(q: D.OneHotCategorical, noise: Noise) -> Tensor:
    chance = torch.special.ndtr(noise(1))
    below = (chance > q.probs.cumsum(-1)[..., :-1]).sum(-1)
    return torch.nn.functional.one_hot(below, q.event_shape[0]).to(q.probs.dtype)


def _through(matrix: Tensor, noise: Tensor) -> Tensor:
    return (matrix @ noise.unsqueeze(-1)).squeeze(-1)
