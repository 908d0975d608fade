"""Families for latents of length one: a direction, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch import distributions as D

from vaekit.distributions.spheres import AboutAnAxis, PowerSpherical, unit
from vaekit.families.base import Positive, Shape
from vaekit.families.gaussians import OfVector

SPREAD = Positive(1e-2)


@dataclass(frozen=True)
class Direction(OfVector):
    r"""A distribution about an axis: raw numbers are ``dim`` that are brought to length one, then
    one raw spread.

    .. math:: \mu = r / \lVert r \rVert, \qquad \kappa = d / s^2

    s is 1 where draws lie about as far from the axis as even ones do.
    """

    make: type[AboutAnAxis] = PowerSpherical

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.dim + 1,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        axis, spread = raw.split([self.dim, 1], -1)
        return self.make(unit(axis), self.dim / SPREAD(spread[..., 0]).square())
