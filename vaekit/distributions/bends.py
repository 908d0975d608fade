"""Invertible maps of vectors, each given by numbers of a row: they bend what they move a little."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

HALVINGS, TINY, ROOM = 30, 1e-12, 1e-3
ONE = 0.541324854612918  # softplus of it is 1


class Bend(ABC):
    """An invertible map z to y, as :class:`vaekit.distributions.Flowed` takes it."""

    @abstractmethod
    def call_and_ladj(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """y, and the log of the determinant of its derivatives by z."""

    @abstractmethod
    def solved(self, y: Tensor) -> Tensor:
        """The z that is moved to y."""

    @property
    def inv(self) -> Inverse:
        """The way back."""
        return Inverse(self)


class Inverse:
    """The way back through a map.

    Args:
        bend: the map.
    """

    def __init__(self, bend: Bend) -> None:
        self.bend = bend

    def call_and_ladj(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """z, and the log of the determinant of its derivatives by y."""
        z = self.bend.solved(y)
        return z, -self.bend.call_and_ladj(z)[1]


class Planar(Bend):
    r"""A step along one direction (Rezende & Mohamed 2015):

    .. math:: y = z + \hat u \tanh(w \cdot z + b), \qquad
        \log \lvert \det \rvert = \log(1 + w \cdot \hat u\, (1 - \tanh^2))

    u is moved along w until w · u is above -1, without which the map could not be undone; a u of 0
    moves nothing.

    Args:
        u: (*batch, dim).
        w: likewise.
        b: (*batch, 1).
    """

    def __init__(self, u: Tensor, w: Tensor, b: Tensor) -> None:
        along = (w * u).sum(-1, keepdim=True)
        self.slope = _above(-1.0, along)
        self.u = u + (self.slope - along) * w / w.square().sum(-1, keepdim=True).clamp_min(TINY)
        self.w, self.b = w, b

    def call_and_ladj(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """y, and the log of the determinant."""
        bent = torch.tanh((self.w * z).sum(-1, keepdim=True) + self.b)
        return z + self.u * bent, torch.log1p(self.slope * (1 - bent.square()))[..., 0]

    def solved(self, y: Tensor) -> Tensor:
        """z = y - u tanh(a + b) for the a = w · z with a + (w · u) tanh(a + b) = w · y."""
        target = (self.w * y).sum(-1, keepdim=True)
        one = torch.ones_like(self.slope)
        return y - self.u * torch.tanh(level(target, self.slope, one, self.b) + self.b)


class Radial(Bend):
    r"""A step from a point or towards it (Rezende & Mohamed 2015), with r = |z - c|:

    .. math:: y = z + \frac{\alpha k}{\alpha + r} (z - c), \qquad \log \lvert \det \rvert =
        (d - 1) \log \frac{\alpha (1 + k) + r}{\alpha + r}
        + \log \Bigl( 1 + \frac{\alpha^2 k}{(\alpha + r)^2} \Bigr)

    k is held above -1, without which the map could not be undone; a raw k of 0 moves nothing.

    Args:
        centre: c, (*batch, dim).
        reach: raw numbers of alpha, which is 1 where they are 0, (*batch, 1).
        push: raw numbers of k, likewise.
    """

    def __init__(self, centre: Tensor, reach: Tensor, push: Tensor) -> None:
        self.centre, self.reach, self.push = centre, _above(0.0, reach), _above(-1.0, push)

    def call_and_ladj(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """y, and the log of the determinant."""
        way = z - self.centre
        nearness = self.reach / (self.reach + way.norm(dim=-1, keepdim=True))
        across = torch.log1p(self.push * nearness)
        along = torch.log1p(self.push * nearness.square())
        by = (z.shape[-1] - 1) * across + along
        return z + self.push * nearness * way, by[..., 0]

    def solved(self, y: Tensor) -> Tensor:
        """c + (y - c) r / s for s = |y - c|, where r^2 + (alpha (1 + k) - s) r = alpha s."""
        way = y - self.centre
        far = way.norm(dim=-1, keepdim=True)
        half = (self.reach * (1 + self.push) - far) / 2
        root = (half.square() + self.reach * far).sqrt()
        share = self.reach / (half.abs() + root)  # r / s, or alpha / r
        r = torch.where(half > 0, far * share, half.abs() + root)
        return self.centre + way * (self.reach + r) / (self.reach * (1 + self.push) + r)


class Sylvester(Bend):
    r"""A step along all directions of a basis at once (van den Berg et al. 2018):

    .. math:: y = z + Q R \tanh(\tilde R Q^\top z + b), \qquad
        \log \lvert \det \rvert = \sum_i \log(1 + R_{ii} \tilde R_{ii} (1 - \tanh_i^2))

    R and R~ are upper triangular with diagonals between -1 and 1, Q is a product of reflections.

    Args:
        first: R, (*batch, dim, dim), what lies below its diagonal being left out.
        second: R~, likewise.
        b: (*batch, dim).
        mirrors: of reflections, (*batch, some, dim).
    """

    def __init__(self, first: Tensor, second: Tensor, b: Tensor, mirrors: Tensor) -> None:
        self.first, self.second = (_bounded(m) for m in (first, second))
        self.b, self.mirrors = b, mirrors
        diagonals = (m.diagonal(dim1=-2, dim2=-1) for m in (self.first, self.second))
        self.outer, self.inner = diagonals

    def call_and_ladj(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """y, and the log of the determinant."""
        within = reflected(z, self.mirrors)
        bent = torch.tanh(_times(self.second, within) + self.b)
        moved = reflected(_times(self.first, bent), self.mirrors.flip(-2))
        by = torch.log1p(self.outer * self.inner * (1 - bent.square()))
        return z + moved, by.sum(-1)

    def solved(self, y: Tensor) -> Tensor:
        """Number by number in the basis, the last first: each is in one equation with those after
        it."""
        target = reflected(y, self.mirrors)
        found: list[Tensor] = []
        bent: list[Tensor] = []
        for i in reversed(range(target.shape[-1])):
            shift = self.b[..., i, None] + _beside(self.second, i, found)
            rest = target[..., i, None] - _beside(self.first, i, bent)
            at = level(rest, self.outer[..., i, None], self.inner[..., i, None], shift)
            found.insert(0, at)
            bent.insert(0, torch.tanh(self.inner[..., i, None] * at + shift))
        return reflected(torch.cat(found, -1), self.mirrors.flip(-2))


def level(target: Tensor, outer: Tensor, inner: Tensor, shift: Tensor) -> Tensor:
    """The a for which a + outer tanh(inner a + shift) = target, where outer inner > -1, so that the
    left side rises: by halving, then Newton's steps, the last of which carries gradients."""

    def over(a: Tensor) -> tuple[Tensor, Tensor]:
        bent = torch.tanh(inner * a + shift)
        return a + outer * bent - target, 1 + outer * inner * (1 - bent.square())

    with torch.no_grad():
        far = outer.abs() + torch.zeros_like(target)
        a = halved(lambda a: over(a)[0], target - far, target + far)
        high, slope = over(a)
        a = a - high / slope
        slope = over(a)[1]
    return a - over(a)[0] / slope


def halved(rising: Callable[[Tensor], Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Where something that rises is 0, between two ends."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = rising(middle) > 0
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def reflected(z: Tensor, mirrors: Tensor) -> Tensor:
    """Vectors, (..., *batch, dim), reflected by one mirror after the other (Householder):
    z - 2 (v · z) v / |v|^2.

    Args:
        z: what is reflected.
        mirrors: the v, across which, (*batch, some, dim).
    """
    for v in mirrors.unbind(-2):
        share = (z * v).sum(-1, keepdim=True) / v.square().sum(-1, keepdim=True).clamp_min(TINY)
        z = z - 2 * share * v
    return z


def _above(least: float, raw: Tensor) -> Tensor:
    """Numbers above ``least``, which are ``least`` + 1 where raw numbers are 0."""
    return (1 - ROOM) * F.softplus(raw + ONE) + ROOM + least


def _bounded(matrix: Tensor) -> Tensor:
    """Its upper triangle, the diagonal between -1 and 1."""
    diagonal = (1 - ROOM) * torch.tanh(matrix.diagonal(dim1=-2, dim2=-1))
    return matrix.triu(1) + torch.diag_embed(diagonal)


def _times(matrix: Tensor, z: Tensor) -> Tensor:
    return (matrix @ z[..., None])[..., 0]


def _beside(matrix: Tensor, i: int, known: list[Tensor]) -> Tensor:
    """What the numbers after the i-th, which are known, add in row i, (..., 1)."""
    if not known:
        return matrix.new_zeros(1)
    return (matrix[..., i, i + 1 :] * torch.cat(known, -1)).sum(-1, keepdim=True)
