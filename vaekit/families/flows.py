"""Families for latents whose shape is learned: normals moved through flows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.distributions.bends import Bend, Planar, Radial, Sylvester
from vaekit.distributions.flows import Flowed, zuko
from vaekit.families.base import Link, Shape
from vaekit.families.elementwise import independent
from vaekit.families.gaussians import SCALE, OfVector
from vaekit.system.room import with_memory

CONTEXT, WIDTH = 32, 64
MIRRORS = 4


class AutoregressiveFlow(nn.Module):
    r"""Independent normals moved through inverse autoregressive steps (Kingma et al. 2016):

    .. math:: z_i = a_i(z'_{<i}, h) + b_i(z'_{<i}, h)\, z'_i, \qquad z' \text{ of the step before}

    the order of the numbers turned round from step to step. Raw numbers are ``dim`` means, ``dim``
    raw scales, and 32 numbers h. A draw with its density takes one pass through each step's
    masked network (zuko's), the density of a given z ``dim`` passes.

    Args:
        dim: numbers of the vector.
        link: from raw scales to standard deviations.
    """

    has_density = True
    times: int = 2
    groups: int | None = None  # of numbers that are moved together; None: each by itself

    def __init__(self, dim: int, link: Link = SCALE) -> None:
        super().__init__()
        self.dim, self.link = dim, link
        step = zuko().flows.MaskedAutoregressiveTransform
        with with_memory(self.times * WIDTH * (2 * dim + CONTEXT + WIDTH)):
            order = torch.arange(dim)
            self.steps = nn.ModuleList(
                step(dim, CONTEXT, order=way, passes=self.groups, hidden_features=(WIDTH,))
                for way in [order, order.flip(0)] * (self.times // 2)
            )

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (2 * self.dim + CONTEXT,)

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return (self.dim,)

    def forward(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale, context = raw.split([self.dim, self.dim, CONTEXT], -1)
        base = D.Normal(loc, self.link(scale), validate_args=False)
        return Flowed(independent(base, self.event_shape), [step(context) for step in self.steps])


class CouplingFlow(AutoregressiveFlow):
    r"""The same, where steps are couplings (Dinh et al. 2017): one half of the numbers stays, the
    other is moved by what it says, in turns:

    .. math:: z_A = z'_A, \qquad z_B = a(z'_A, h) + b(z'_A, h)\, z'_B

    A draw with its density takes one pass through each step, the density of a given z two.
    """

    times, groups = 4, 2


@dataclass(frozen=True)
class Bent(OfVector):
    """Independent normals moved through steps whose numbers the network gives: raw numbers are
    ``dim`` means, ``dim`` raw scales, then those of each step.

    A draw with its density takes one pass through the steps; the density of a given z undoes them
    number by number.
    """

    components: int = 8
    link: Link = field(default=SCALE)

    @property
    @abstractmethod
    def each(self) -> int:
        """Raw numbers of a step."""

    @abstractmethod
    def bend(self, raw: Tensor, which: int) -> Bend:
        """A step by its raw numbers, and which it is; of raw numbers of 0 it moves nothing."""

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (2 * self.dim + self.components * self.each,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale, rest = raw.split([self.dim, self.dim, self.components * self.each], -1)
        base = D.Normal(loc, self.link(scale), validate_args=False)
        bends = [self.bend(part, i) for i, part in enumerate(rest.split(self.each, -1))]
        return Flowed(independent(base, self.event_shape), bends)


@dataclass(frozen=True)
class PlanarFlow(Bent):
    r"""Steps along one direction each (Rezende & Mohamed 2015):

    .. math:: z + \hat u \tanh(w \cdot z + b)
    """

    @property
    def each(self) -> int:
        """u, w and b."""
        return 2 * self.dim + 1

    def bend(self, raw: Tensor, which: int) -> Planar:
        """A step, which begins along one axis."""
        u, w, b = raw.split([self.dim, self.dim, 1], -1)
        axis = torch.arange(self.dim, device=raw.device) == which % self.dim
        return Planar(u, w + axis.to(w), b)


@dataclass(frozen=True)
class RadialFlow(Bent):
    r"""Steps away from a point each, or towards it (Rezende & Mohamed 2015):

    .. math:: z + \frac{\alpha k}{\alpha + \lVert z - c \rVert} (z - c)
    """

    @property
    def each(self) -> int:
        """c, alpha and k."""
        return self.dim + 2

    def bend(self, raw: Tensor, which: int) -> Radial:
        """A step, the point of which begins at 0."""
        return Radial(*raw.split([self.dim, 1, 1], -1))


@dataclass(frozen=True)
class SylvesterFlow(Bent):
    r"""Steps along all directions at once (van den Berg et al. 2018), in bases that four
    reflections turn:

    .. math:: z + Q R \tanh(\tilde R Q^\top z + b)
    """

    components: int = 4

    @property
    def each(self) -> int:
        """Two upper triangles, b, and what is reflected across."""
        return self.dim * (self.dim + 1) + self.dim + MIRRORS * self.dim

    def bend(self, raw: Tensor, which: int) -> Sylvester:
        """A step, which begins with the identity for the second matrix."""
        half = self.dim * (self.dim + 1) // 2
        first, second, b, mirrors = raw.split([half, half, self.dim, MIRRORS * self.dim], -1)
        first, second = self._upper(first), self._upper(second)
        second = second + torch.eye(self.dim, dtype=raw.dtype, device=raw.device)
        return Sylvester(first, second, b, mirrors.unflatten(-1, (MIRRORS, self.dim)))

    def _upper(self, numbers: Tensor) -> Tensor:
        rows, columns = torch.triu_indices(self.dim, self.dim, device=numbers.device)
        matrix = numbers.new_zeros(*numbers.shape[:-1], self.dim, self.dim)
        matrix[..., rows, columns] = numbers
        return matrix
