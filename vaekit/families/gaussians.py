"""Families for latents: normal distributions from diagonal to full covariance, mixtures of them,
and a point."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit import distributions
from vaekit.distributions import Point
from vaekit.distributions.bends import reflected
from vaekit.families.base import Link, Positive, Shape
from vaekit.families.elementwise import independent
from vaekit.system.room import with_memory

SCALE: Link = Positive(1e-4)
APART = 0.1  # how far components of a mixture begin from each other, in each dimension


@dataclass(frozen=True)
class OfVector:
    """What families over a vector share.

    Args:
        dim: numbers of the vector.
    """

    dim: int
    has_density = True

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return (self.dim,)


@dataclass(frozen=True)
class DiagonalNormal(OfVector):
    r"""Independent normals: raw numbers are ``dim`` means, then ``dim`` raw scales.

    .. math:: N(\mu, \operatorname{diag}(\sigma^2))
    """

    link: Link = field(default=SCALE)

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (2 * self.dim,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale = raw.chunk(2, -1)
        return independent(D.Normal(loc, self.link(scale), validate_args=False), self.event_shape)


@dataclass(frozen=True)
class Triangle(OfVector):
    r"""No distribution, but a triangular matrix with a positive diagonal, L = diag(s) + t R: raw
    numbers are its rows, raw scales s on the diagonal.

    Args:
        link: from raw numbers to scales.
        tilt: t.
    """

    link: Link = field(default=SCALE)
    tilt: float = 1.0

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.dim * (self.dim + 1) // 2,)

    def __call__(self, raw: Tensor) -> Tensor:
        """L of raw numbers, (rows, dim, dim)."""
        rows, columns = torch.tril_indices(self.dim, self.dim, device=raw.device)
        matrix = raw.new_zeros(*raw.shape[:-1], self.dim, self.dim)
        matrix[..., rows, columns] = raw
        scale = self.link(matrix.diagonal(dim1=-2, dim2=-1))
        return self.tilt * matrix.tril(-1) + torch.diag_embed(scale)


@dataclass(frozen=True)
class FullNormal(OfVector):
    r"""Full covariance: ``dim`` means, then the rows of a lower triangle: raw scales on its
    diagonal, and below it what dimensions share, R.

    .. math:: N(\mu, L L^\top), \qquad L = \operatorname{diag}(\sigma) + t R

    Args:
        link: from raw numbers to scales.
        tilt: t. Where it is small, the noise that dimensions share does not hold training back.
    """

    link: Link = field(default=SCALE)
    tilt: float = 1.0

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.dim + self.dim * (self.dim + 1) // 2,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, lower = raw.split([self.dim, self.raw_shape[0] - self.dim], -1)
        lower = Triangle(self.dim, self.link, self.tilt)(lower)
        return D.MultivariateNormal(loc, scale_tril=lower, validate_args=False)


@dataclass(frozen=True)
class LowRankNormal(OfVector):
    r"""A low-rank covariance: ``dim`` means, ``dim`` raw scales, then R (dim x rank).

    .. math:: N(\mu, W W^\top + \operatorname{diag}(s^2)), \qquad W = t R

    Args:
        rank: of W.
        link: from raw numbers to scales.
        tilt: t, as in :class:`FullNormal`.
    """

    rank: int = 2
    link: Link = field(default=SCALE)
    tilt: float = 1.0

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.dim * (2 + self.rank),)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale, factor = raw.split([self.dim, self.dim, self.dim * self.rank], -1)
        factor = self.tilt * factor.unflatten(-1, (self.dim, self.rank))
        variance = self.link(scale).square()
        return distributions.LowRankNormal(loc, factor, variance, validate_args=False)


@dataclass(frozen=True)
class HouseholderNormal(OfVector):
    r"""A full covariance by few numbers (Tomczak & Welling 2016): ``dim`` means, ``dim`` raw
    scales, then the vectors of ``components`` reflections.

    .. math:: N(\mu, H \operatorname{diag}(\sigma^2) H^\top), \qquad
        H = \prod_t (I - 2 v_t v_t^\top / \lVert v_t \rVert^2)

    With as many reflections as numbers it is any normal. Its triangular factor is found by QR.
    """

    components: int = 4
    link: Link = field(default=SCALE)

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.dim * (2 + self.components),)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale, mirrors = raw.split([self.dim, self.dim, self.components * self.dim], -1)
        mirrors = mirrors.unflatten(-1, (self.components, self.dim))
        turned = reflected(torch.diag_embed(self.link(scale)), mirrors[..., None, :, :])
        upper = torch.linalg.qr(turned)[1]  # rows of ``turned`` are s_i H e_i
        lower = upper.mT * upper.diagonal(dim1=-2, dim2=-1).sign()[..., None, :]
        return D.MultivariateNormal(loc, scale_tril=lower, validate_args=False)


class NormalMixture(nn.Module):
    r"""A mixture: raw numbers are ``components`` logits of weights, then means, then raw scales.

    .. math:: \sum_c w_c N(\mu_c + a_c, \operatorname{diag}(\sigma_c^2))

    a, which is learned and the same for all rows, keeps components from beginning in one place,
    from where each would be drawn to the same peak.

    Args:
        dim: numbers of the vector.
        components: how many.
        link: from raw scales to standard deviations.
        even: whether all weights are alike, and raw numbers have no logits. Of weights that are
            learned one is soon near 1: a component learns as fast as it weighs.
    """

    has_density = True

    def __init__(
        self, dim: int, components: int = 4, link: Link = SCALE, *, even: bool = False
    ) -> None:
        super().__init__()
        self.dim, self.components, self.link = dim, components, link
        self.logits = 0 if even else components
        with with_memory(components * dim):
            apart = APART * torch.randn(components, dim)
            self.apart = nn.Parameter(apart - apart.mean(0))

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.logits + self.components * 2 * self.dim,)

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return (self.dim,)

    def forward(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        size = self.components * self.dim
        logits, loc, scale = raw.split([self.logits, size, size], -1)
        loc, scale = (t.unflatten(-1, (self.components, self.dim)) for t in (loc, scale))
        if not self.logits:
            logits = torch.zeros_like(loc[..., 0])
        return distributions.NormalMixture(logits, loc + self.apart, self.link(scale))


@dataclass(frozen=True)
class PointMass(OfVector):
    """No spread at all: the raw numbers are the code (an autoencoder)."""

    has_density = False

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.dim,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        return Point(raw)
