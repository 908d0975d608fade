"""Distributions over the unit sphere: their densities are per unit of its surface."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D
from torch.distributions import constraints

from vaekit.distributions.divergences import exact_kl
from vaekit.distributions.draws import Noise, from_noise, no_way
from vaekit.distributions.manifolds import AboutAPoint
from vaekit.distributions.quadrature import TINY, below, mass

WIDTHS = 10.0  # to each side of the likeliest angle: nothing that counts lies beyond


class _Sphere(constraints.Constraint):
    """Vectors of length one."""

    event_dim = 1

    def check(self, value: Tensor) -> Tensor:
        """Whether each is one."""
        return (value.norm(dim=-1) - 1).abs() < 1e-4


def log_area(dim: int) -> float:
    """log of the surface of the unit sphere in ``dim`` dimensions: 2 pi^(d/2) / Gamma(d/2)."""
    return math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)


def unit(x: Tensor) -> Tensor:
    """Vectors at length one."""
    return x / x.square().sum(-1, keepdim=True).clamp_min(TINY**2).sqrt()


class UniformOnSphere(D.Distribution):
    """Every direction is as likely.

    Args:
        like: a vector, (dim,), whose type and place draws have.
    """

    arg_constraints: dict[str, Any] = {}
    support = _Sphere()

    def __init__(self, like: Tensor) -> None:
        self.like = like
        super().__init__(event_shape=like.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Zero, which is not on the sphere: no direction is before others."""
        return torch.zeros_like(self.like)

    @property
    def variance(self) -> Tensor:
        """Of each number."""
        return torch.full_like(self.like, 1 / len(self.like))

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        return unit(torch.randn_like(self.like.expand(self._extended_shape(sample_shape))))

    def log_prob(self, value: Tensor) -> Tensor:
        """- log of the sphere's surface, one per row."""
        return value.new_full(value.shape[:-1], -log_area(len(self.like)))


class AboutAnAxis(AboutAPoint):
    r"""Vectors of length one whose density depends on the angle to a direction alone:

    .. math:: q(z) = f(\mu \cdot z) / Z, \qquad
        Z = |S^{d-2}| \int_0^\pi f(\cos \theta) \sin^{d-2} \theta \, d\theta

    Z and the moments of the angle are by quadrature, in float64. A draw turns a quantile of the
    angle and an even direction about the axis into a vector, with gradients to both parameters.

    Args:
        loc: mu, of length one, (*batch, dim).
        concentration: kappa, above 0, (*batch,).
    """

    support = _Sphere()

    def __init__(self, loc: Tensor, concentration: Tensor) -> None:
        super().__init__(loc, concentration)
        self.concentration = concentration

    @abstractmethod
    def log_kernel(self, apart: Tensor, concentration: Tensor) -> Tensor:
        """log f but for a constant, 0 where 1 - cos of the angle, ``apart``, is 0."""

    @abstractmethod
    def peak(self, concentration: Tensor) -> tuple[Tensor, Tensor]:
        """The likeliest angle, and minus the second derivative of its log density there."""

    @property
    def variance(self) -> Tensor:
        """The mean square of how far each number lies from that of the mean."""
        apart, share = self._at_nodes()[::2]
        cos = 1 - apart
        first, second = ((share * m).sum(-1)[..., None].to(self.loc) for m in (cos, cos.square()))
        along, across = self.loc.square(), (1 - second) / (self.dim - 1)
        return (second - 2 * first + 1) * along + across * (1 - along)

    def _reach(self) -> tuple[Tensor, Tensor]:
        """Between which angles nearly all mass lies, (*batch, 1)."""
        middle, sharp = self.peak(self.concentration.detach().double()[..., None])
        wide = WIDTHS * sharp.clamp_min(TINY).rsqrt()
        return (middle - wide).clamp_min(0), (middle + wide).clamp(max=math.pi)

    def _log_angle(self, angle: Tensor) -> Tensor:
        """log of the density of angles, (*batch, nodes), but for a constant."""
        kernel = self.log_kernel(1 - angle.cos(), self.concentration.double()[..., None])
        return kernel + (self.dim - 2) * angle.sin().clamp_min(TINY).log()

    def _at_nodes(self) -> tuple[Tensor, Tensor, Tensor]:
        """1 - cos of angles, log of the integral over all, and what share of it each stands for."""
        angle, total, share = mass(self._log_angle, *self._reach())
        return 1 - angle.cos(), total, share

    @property
    def log_normalizer(self) -> Tensor:
        """log Z, where f is 1 at the axis, (*batch,) in float64."""
        return self._at_nodes()[1] + log_area(self.dim - 1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log q of vectors of length one, in nats, one per row."""
        apart = (value - self.loc).square().sum(-1) / 2
        kernel = self.log_kernel(apart.double(), self.concentration.double())
        return (kernel - self.log_normalizer).to(self.loc.dtype)

    def entropy(self) -> Tensor:
        """- E[log q], in nats, (*batch,)."""
        apart, total, share = self._at_nodes()
        kernel = self.log_kernel(apart, self.concentration.double()[..., None])
        found = total + log_area(self.dim - 1) - (share * kernel).sum(-1)
        return found.to(self.loc.dtype)

    def angles(self, shares: Tensor) -> Tensor:
        """Angles below which a share of the mass lies, (..., *batch), with gradients."""
        return below(self._log_angle, *self._reach(), shares)

    def turned(self, shares: Tensor, noise: Tensor) -> Tensor:
        """Vectors at a quantile of the angle, (..., *batch), towards normal noise as it lies across
        the axis, (..., *batch, dim)."""
        angle = self.angles(shares)[..., None].to(self.loc)
        across = unit(noise - (noise * self.loc).sum(-1, keepdim=True) * self.loc)
        return angle.cos() * self.loc + angle.sin() * across

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to both parameters."""
        like = self.loc.expand(self._extended_shape(sample_shape))
        return self.turned(torch.rand_like(like[..., 0]), torch.randn_like(like))


class VonMisesFisher(AboutAnAxis):
    r"""The normal distribution of the sphere (in VAEs: Davidson et al. 2018):

    .. math:: q(z) \propto e^{\kappa \mu \cdot z}
    """

    def log_kernel(self, apart: Tensor, concentration: Tensor) -> Tensor:
        """kappa (cos - 1)."""
        return -concentration * apart

    def peak(self, concentration: Tensor) -> tuple[Tensor, Tensor]:
        """Where kappa sin^2 = (d - 2) cos."""
        rest = self.dim - 2
        cos = 2 * concentration / (rest + (rest**2 + 4 * concentration.square()).sqrt())
        sharp = concentration * cos + rest / (1 - cos.square()).clamp_min(TINY)
        return cos.clamp(max=1).acos(), sharp


class PowerSpherical(AboutAnAxis):
    r"""Much the same with a lighter tail (De Cao & Aziz 2020):

    .. math:: q(z) \propto (1 + \mu \cdot z)^\kappa
    """

    def log_kernel(self, apart: Tensor, concentration: Tensor) -> Tensor:
        """kappa log((1 + cos) / 2)."""
        return concentration * torch.log1p(-(apart / 2).clamp(max=1 - TINY))

    def peak(self, concentration: Tensor) -> tuple[Tensor, Tensor]:
        """Where tan^2 of half the angle is (d - 2) / (2 kappa + d - 2)."""
        rest = self.dim - 2
        along = 2 * concentration + rest
        ratio = rest / along
        return 2 * ratio.sqrt().atan(), (along * (1 + ratio) + rest + along) / 4


@exact_kl.register
def _(q: AboutAnAxis, p: D.Distribution) -> Tensor | None:
    """To the uniform distribution: log of the surface less the entropy."""
    return log_area(q.dim) - q.entropy() if isinstance(p, UniformOnSphere) else None


@from_noise.register
def _(q: AboutAnAxis, noise: Noise) -> Tensor:
    return q.turned(torch.special.ndtr(noise(1))[..., 0], noise(q.dim))


@no_way.register(UniformOnSphere)
def _(p: UniformOnSphere) -> str:
    return "this model's codes lie on a sphere, which steps would leave"
