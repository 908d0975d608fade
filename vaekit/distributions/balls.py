r"""Distributions over hyperbolic space, as the Poincaré ball of curvature -1 shows it.

Points are vectors shorter than 1. Densities are per unit of hyperbolic volume,

.. math:: dM(z) = \Big( \frac{2}{1 - |z|^2} \Big)^d dz

which a KL, an ELBO and log p(x) do not depend on. The distance of z from 0 is 2 artanh |z|.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.distributions import constraints

from vaekit.distributions.draws import Noise, from_noise, no_way
from vaekit.distributions.manifolds import AboutAPoint
from vaekit.distributions.quadrature import TINY, below, mass
from vaekit.distributions.spheres import log_area, unit
from vaekit.system.seeding import seeded

EDGE = 1 - 1e-5  # longest point: at a distance of 12.2 from 0
REACH = 8.0  # of distances from 0 that numbers in float32 tell apart
WIDTHS, DRAWS = 10.0, 256


class _Ball(constraints.Constraint):
    """Vectors shorter than one."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each is one."""
        return value.norm(dim=-1) < 1


def length(x: Tensor) -> Tensor:
    """Lengths, (..., 1), whose gradient at 0 is 0."""
    return (x.square().sum(-1, keepdim=True) + TINY**2).sqrt()


def exp0(v: Tensor) -> Tensor:
    """The point at which one arrives from 0 along a vector: as far away as that is long."""
    r = length(v)
    return (r / 2).tanh() / r * v


def log0(z: Tensor) -> Tensor:
    """The vector along which one comes from 0 to a point: the inverse of :func:`exp0`."""
    s = length(z)
    return 2 * s.clamp(max=1 - TINY).atanh() / s * z


def inside(z: Tensor) -> Tensor:
    """Points at the edge or beyond it brought back into the ball."""
    return z * (EDGE / length(z)).clamp(max=1)


def moved(x: Tensor, by: Tensor) -> Tensor:
    """Points x moved so that 0 comes to ``by``: Möbius addition, by + x."""
    both, square = (x * by).sum(-1, keepdim=True), x.square().sum(-1, keepdim=True)
    own = by.square().sum(-1, keepdim=True)
    across = (1 + 2 * both + square) * by + (1 - own) * x
    return across / (1 + 2 * both + own * square).clamp_min(TINY)


def log_spread(r: Tensor) -> Tensor:
    """log(sinh r / r): how much faster spheres grow with their radius than in flat space."""
    far = r.clamp_min(1e-3)
    log_sinh = far + torch.log1p(-torch.exp(-2 * far)) - math.log(2)
    return torch.where(r < 1e-3, r.square() / 6, log_sinh - far.log())


class OnBall(AboutAPoint):
    """A distribution about a point of the ball; computed in float64.

    Args:
        loc: the point, (*batch, dim).
        scale: of distances from it, above 0.
    """

    support = _Ball()

    def __init__(self, loc: Tensor, scale: Tensor) -> None:
        super().__init__(loc, scale)
        self.scale = scale

    @abstractmethod
    def log_prob_of_way(self, v: Tensor) -> Tensor:
        """log q, per unit of hyperbolic volume, of points to which vectors lead from ``loc``."""

    @abstractmethod
    def way(self, noise: Noise) -> Tensor:
        """Vectors to draws, from standard normal noise, in float64."""

    @property
    def variance(self) -> Tensor:
        """The mean square of how far each number lies from that of the mean: of 256 draws, always
        by the same noise."""
        with torch.no_grad(), seeded(0, "spread"):
            noise = torch.randn(DRAWS, *[1] * len(self.batch_shape), self.dim + 1).to(self.loc)
        z = self.at(lambda dim: noise[..., :dim].expand(DRAWS, *self.batch_shape, dim))
        return (z - self.loc).square().mean(0)

    def at(self, noise: Noise) -> Tensor:
        """Draws as a function of noise."""
        return inside(moved(exp0(self.way(noise)), self.loc.double())).to(self.loc)

    def log_prob(self, value: Tensor) -> Tensor:
        """log q of points, per unit of hyperbolic volume, in nats, one per row."""
        way = log0(moved(value.double(), -self.loc.double()))
        return self.log_prob_of_way(way).to(self.loc)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to both parameters."""
        return self.at(self.fresh(sample_shape))

    def fresh(self, sample_shape: Any) -> Noise:
        """Noise of its own for each draw."""
        like = self.loc.expand(self._extended_shape(sample_shape))
        return lambda dim: torch.randn(*like.shape[:-1], dim, dtype=like.dtype, device=like.device)


class WrappedNormal(OnBall):
    r"""A normal vector v at 0, carried to mu, along which one goes from there (Nagano et al. 2019;
    in VAEs of the ball: Mathieu et al. 2019):

    .. math:: v \sim N(0, \operatorname{diag}(\sigma^2)), \qquad
        z = \mu \oplus \tanh(|v| / 2) \, v / |v|, \qquad
        \log q(z) = \log N(v; 0, \sigma^2) - (d - 1) \log \frac{\sinh |v|}{|v|}
    """

    def log_prob_of_way(self, v: Tensor) -> Tensor:
        """That of v, less how much faster space grows."""
        scale = self.scale.double()
        each = -0.5 * (v / scale).square() - scale.log() - 0.5 * math.log(2 * math.pi)
        return each.sum(-1) - (self.dim - 1) * log_spread(length(v))[..., 0]

    def way(self, noise: Noise) -> Tensor:
        """Noise, scaled."""
        return self.scale.double() * noise(self.dim)


class RiemannianNormal(OnBall):
    r"""The density that falls with the squared distance (Mathieu et al. 2019):

    .. math:: q(z) = \frac{1}{Z} e^{-d(\mu, z)^2 / 2 \sigma^2}, \qquad
        Z = |S^{d-1}| \int_0^\infty e^{-r^2 / 2 \sigma^2} \sinh^{d-1} r \, dr

    Z by quadrature; a draw goes as far as a quantile of the distance, in an even direction. Half
    of it lies further than about (d - 1) sigma^2.
    """

    def _log_distance(self, r: Tensor) -> Tensor:
        """log of the density of distances, (*batch, nodes), but for a constant."""
        scale, r = self.scale.double()[..., None], r.clamp_min(TINY)
        return -0.5 * (r / scale).square() + (self.dim - 1) * (log_spread(r) + r.log())

    def _reach(self) -> tuple[Tensor, Tensor]:
        """Between which distances nearly all mass lies, (*batch, 1)."""
        scale, rest = self.scale.detach().double()[..., None], self.dim - 1
        far = rest * scale.square()
        return (far - WIDTHS * scale).clamp_min(0), far + (math.sqrt(rest) + WIDTHS) * scale

    @property
    def log_normalizer(self) -> Tensor:
        """log Z, (*batch,) in float64."""
        return mass(self._log_distance, *self._reach())[1] + log_area(self.dim)

    def log_prob_of_way(self, v: Tensor) -> Tensor:
        """By its length."""
        r = length(v)[..., 0]
        return -0.5 * (r / self.scale.double()).square() - self.log_normalizer

    def way(self, noise: Noise) -> Tensor:
        """A distance and a direction."""
        drawn = noise(self.dim + 1).double()
        share = torch.special.ndtr(drawn[..., -1])
        return below(self._log_distance, *self._reach(), share)[..., None] * unit(drawn[..., :-1])


@from_noise.register
def _(q: OnBall, noise: Noise) -> Tensor:
    return q.at(noise)


@no_way.register
def _(p: OnBall) -> str:
    return "this model's codes lie in a ball, which steps would leave"
