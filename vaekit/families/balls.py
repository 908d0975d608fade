"""Families for latents in hyperbolic space: a point of the ball, and how far from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.balls import REACH, RiemannianNormal, WrappedNormal, exp0, length
from vaekit.families.base import Link, Shape
from vaekit.families.gaussians import SCALE, OfVector

MASS = 6.0  # largest distance from a point of what lies about it


@dataclass(frozen=True)
class OfBall(OfVector):
    r"""A point: raw numbers are ``dim`` along which one goes to it from 0, then raw scales.

    .. math:: \mu = \tanh(s / 2) \, r / |r|, \qquad s = 8 \tanh(|r| / 8)
    """

    link: Link = field(default=SCALE)

    def point(self, raw: Tensor) -> Tensor:
        """mu, no further away than 8."""
        raw = raw.double()
        far = length(raw)
        return exp0(REACH * torch.tanh(far / REACH) / far * raw)


@dataclass(frozen=True)
class Wrapped(OfBall):
    """A wrapped normal, with a scale in each direction."""

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (2 * self.dim,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        point, scale = raw.chunk(2, -1)
        return WrappedNormal(self.point(point).to(raw), self.link(scale))


@dataclass(frozen=True)
class Riemannian(OfBall):
    """A Riemannian normal, with one scale, held where its mass stays within reach."""

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.dim + 1,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        point, scale = raw.split([self.dim, 1], -1)
        most = math.sqrt(MASS / max(self.dim - 1, 1))
        held = most * torch.tanh(self.link(scale[..., 0]) / most)
        return RiemannianNormal(self.point(point).to(raw), held)
