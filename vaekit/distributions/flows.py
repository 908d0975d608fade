"""Distributions made by moving the draws of another through invertible maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.draws import Noise, draw_with_density, from_noise, weighs_any_value
from vaekit.distributions.validation import validation_kept


class Flowed(D.Distribution):
    r"""z = f(u), for a u of independent normals and an invertible f of vectors.

    .. math:: \log q(z) = \log q_u(u) - \log \left| \det \frac{\partial f}{\partial u} \right|

    A draw and its density take one pass through f, the density of a given z as many as the
    inverse takes.

    Args:
        base: of u, (*batch, dim), with its event declared.
        maps: f, one after the other; each has ``call_and_ladj`` and ``inv``.
    """

    arg_constraints: dict[str, Any] = {}
    support = D.constraints.real_vector
    has_rsample = True

    def __init__(self, base: D.Distribution, maps: Sequence[Any]) -> None:
        self.base, self.maps = base, maps
        super().__init__(base.batch_shape, base.event_shape, validate_args=False)

    def moved(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """f(u), and the log of the determinant of its derivatives."""
        total = u.new_zeros(u.shape[:-1])
        for each in self.maps:
            u, by = each.call_and_ladj(u)
            total = total + by
        return u, total

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the parameters."""
        return self.moved(self.base.rsample(torch.Size(sample_shape)))[0]

    def log_prob(self, value: Tensor) -> Tensor:
        """log q(value), in nats, one per row."""
        total = value.new_zeros(())
        for each in reversed(self.maps):
            value, by = each.inv.call_and_ladj(value)
            total = total + by
        return self.base.log_prob(value) + total

    @property
    def mean(self) -> Tensor:
        """The mean, by :meth:`sigma_points`."""
        return self.sigma_points().mean(0)

    @property
    def variance(self) -> Tensor:
        """The variance of each number, likewise."""
        return self.sigma_points().var(0, correction=0)

    def sigma_points(self) -> Tensor:
        """The images of 2 dim points u that have the base's mean and variances: moments of z
        without drawing, exact for an f of second degree (2 dim, *batch, dim)."""
        (dim,) = self.event_shape
        steps = math.sqrt(dim) * torch.eye(dim, dtype=self.base.mean.dtype).to(
            self.base.mean.device
        )
        along = torch.cat([steps, -steps]).reshape(2 * dim, *[1] * len(self.batch_shape), dim)
        return self.moved(self.base.mean + along * self.base.stddev)[0]


@weighs_any_value.register
def _(q: Flowed) -> bool:
    return False


@draw_with_density.register
def _(q: Flowed, shape: torch.Size) -> tuple[Tensor, Tensor]:
    u = q.base.rsample(shape)
    z, by = q.moved(u)
    return z, q.base.log_prob(u) - by


@from_noise.register
def _(q: Flowed, noise: Noise) -> Tensor:
    return q.moved(from_noise(q.base, noise))[0]


def zuko() -> Any:
    """zuko, which turns torch's checks of arguments off for all where it is imported: they are
    put back as they were."""
    with validation_kept():
        import zuko
    return zuko
