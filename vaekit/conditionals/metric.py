"""Metrics: how long a step between codes is, by what rows of data say of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vaekit.conditionals.base import evenly
from vaekit.data_init import DataInit
from vaekit.system.checks import require


@dataclass(frozen=True)
class Geometry:
    r"""A metric G over codes, by its inverse, which is wide near some centres:

    .. math:: G^{-1}(z) = \sum_k S_k \exp(-|z - c_k|^2 / T^2) + \lambda I

    Args:
        centres: c, (K, dim).
        squares: S, (K, dim, dim), symmetric and positive.
        reach: T.
        least: lambda.
    """

    centres: Tensor
    squares: Tensor
    reach: float
    least: float

    def near(self, z: Tensor) -> Tensor:
        """exp(-|z - c_k|^2 / T^2), (..., K)."""
        apart = (z[..., None, :] - self.centres).square().sum(-1)
        return torch.exp(-apart / self.reach**2)

    def inverse(self, near: Tensor) -> Tensor:
        """G^-1 where centres are so near, (..., dim, dim)."""
        identity = torch.eye(self.squares.shape[-1], device=near.device, dtype=near.dtype)
        found = near.flatten(0, -2) @ self.squares.flatten(1)
        return found.reshape(*near.shape[:-1], *identity.shape) + self.least * identity

    def at(self, z: Tensor) -> Place:
        """What is to be known of codes, (..., dim)."""
        near = self.near(z)
        inverse = self.inverse(near)
        return Place(self, z, near, inverse, torch.linalg.cholesky_ex(inverse).L)


@dataclass(frozen=True)
class Place:
    """A metric at some codes.

    Args:
        geometry: the metric.
        z: the codes, (..., dim).
        near: how near each centre is, (..., K).
        inverse: G^-1, (..., dim, dim).
        lower: its triangular factor.
    """

    geometry: Geometry
    z: Tensor
    near: Tensor
    inverse: Tensor
    lower: Tensor

    @property
    def log_volume(self) -> Tensor:
        """log det(G) / 2, (...)."""
        return -self.lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def momentum(self, noise: Tensor) -> Tensor:
        """A draw of N(0, G) by one of N(0, I)."""
        turned = torch.linalg.solve_triangular(self.lower.mT, noise[..., None], upper=True)
        return turned[..., 0]

    def moved(self, momentum: Tensor) -> Tensor:
        """G^-1 times a momentum: the way it leads."""
        return (self.inverse @ momentum[..., None])[..., 0]

    def square(self, momentum: Tensor) -> Tensor:
        """momentum^T G^-1 momentum, (...)."""
        return (momentum * self.moved(momentum)).sum(-1)

    def traces(self) -> Tensor:
        """tr(G S_k), (..., K)."""
        squares = self.geometry.squares
        return torch.cholesky_inverse(self.lower).flatten(-2) @ squares.flatten(1).T

    def slope(self, momentum: Tensor, traces: Tensor) -> Tensor:
        r"""The gradient by z of (momentum^T G^-1 momentum + log det G) / 2:

        .. math:: \sum_k e^{-|z - c_k|^2 / T^2} \, (\rho^\top S_k \rho - \operatorname{tr}(G S_k))
            \, (c_k - z) / T^2

        Args:
            momentum: rho, (..., dim).
            traces: those of :meth:`traces`.
        """
        by = self.geometry
        pairs = (momentum[..., :, None] * momentum[..., None, :]).flatten(-2)
        weight = self.near * (pairs @ by.squares.flatten(1).T - traces)
        return (weight @ by.centres - weight.sum(-1, keepdim=True) * self.z) / by.reach**2


class Metric(DataInit):
    r"""A metric of codes that is learned (Chadebec et al. 2020): centres are the mean codes of
    some training rows, which are kept, and S_k = L_k L_k^T / K, with L_k from a network of the row:
    a mean over the rows, so that steps are of one size however many there are.

    Args:
        factor: from rows to triangles L, a :class:`vaekit.conditionals.Conditional` of
            :class:`vaekit.families.gaussians.Triangle`.
        shape: of one row of x.
        components: how many rows, spread evenly over those shown.
        reach: how far from a row its say reaches, in units of the codes.
        least: what G^-1 is at least.
    """

    rows: Tensor

    def __init__(
        self,
        factor: nn.Module,
        shape: tuple[int, ...],
        components: int = 100,
        reach: float = 1.5,
        least: float = 0.01,
    ) -> None:
        super().__init__()
        require(components >= 1, f"components must be at least 1, not {components}")
        self.factor, self.reach, self.least = factor, reach, least
        self.register_buffer("rows", torch.zeros(components, *shape))

    def init_from(self, x: Tensor) -> None:
        """Take rows spread evenly over those shown."""
        self.rows.copy_(x[evenly(len(x), len(self.rows))])

    def forward(self, posterior: Any) -> Geometry:
        """The metric, where codes come from this q(z | x)."""
        return self.of(self.rows, posterior)

    def of(self, x: Tensor, posterior: Any) -> Geometry:
        """The metric, if it were made of these rows."""
        lower = self.factor(x) / math.sqrt(len(x))
        return Geometry(posterior(x).mean, lower @ lower.mT, self.reach, self.least)
