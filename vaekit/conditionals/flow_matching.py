"""A prior of a velocity that carries normal noise to codes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit.conditionals.base import Prior
from vaekit.distributions.carried import STEPS, Carried
from vaekit.networks.fast import Linear
from vaekit.system.room import with_memory

WAVES = 8  # features of the time


class VelocityNetwork(nn.Module):
    r"""v(z, t), by a network of two hidden layers, whose trace of derivatives is known exactly:

    .. math:: v = W_3\, s(W_2\, s(W_1 z + c(t))), \qquad
        \operatorname{tr} \frac{\partial v}{\partial z}
        = \sum_{ab} s'_a\, \left( W_2 \odot (W_1 W_3)^\top \right)_{ab} s'_b

    which takes as long as another pass.

    Args:
        dim: numbers of z.
        width: of the hidden layers.
    """

    def __init__(self, dim: int, width: int = 128) -> None:
        super().__init__()
        self.dim = dim
        with with_memory(dim * width + width * width):
            self.first = Linear(dim + WAVES, width)
            self.middle = Linear(width, width)
            self.last = Linear(width, dim)

    def forward(self, z: Tensor, t: float | Tensor) -> Tensor:
        """v, (rows, dim), at one time or at one for each row, (rows, 1)."""
        return self.last(F.silu(self.middle(F.silu(self._first(z, t)))))

    def with_divergence(self, z: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """v, and the trace of its derivatives by z, (rows,)."""
        first = self._first(z, t)
        second = self.middle(F.silu(first))
        ways = self.middle.weight * (self.first.weight[:, : self.dim] @ self.last.weight).T
        trace = ((_slope(second) @ ways) * _slope(first)).sum(1)
        return self.last(F.silu(second)), trace

    def _first(self, z: Tensor, t: float | Tensor) -> Tensor:
        waves = math.pi * torch.arange(1, WAVES + 1, dtype=z.dtype, device=z.device)
        time = torch.cos(t * waves).expand(len(z), WAVES)
        return self.first(torch.cat([z, time], 1))


def _slope(x: Tensor) -> Tensor:
    """The derivative of x sigmoid(x)."""
    share = torch.sigmoid(x)
    return share * (1 + x * (1 - share))


class FlowMatching(Prior):
    r"""Codes are noise, carried along by a learned velocity (Lipman et al. 2023). It learns from
    straight ways between noise and codes,

    .. math:: E \left| v((1 - t) \varepsilon + t z, t) - (z - \varepsilon) \right|^2, \qquad
        \varepsilon \sim p_0,\ t \sim U(0, 1)

    without its density, which is nevertheless known: :class:`vaekit.distributions.carried.Carried`.

    Args:
        noise: p_0.
        velocity: v.
        steps: of the way from noise to codes.
    """

    called = "flow_matching"

    def __init__(self, noise: Prior, velocity: VelocityNetwork, steps: int = STEPS) -> None:
        super().__init__(*noise.event_shape)
        self.noise, self.velocity, self.steps = noise, velocity, steps

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        return Carried(self.noise(), self.velocity, self.steps)

    def misfit(self, z: Tensor) -> Tensor:
        """The squared error of the velocity on the way to each code, (rows,)."""
        t = torch.rand(len(z), 1, device=z.device)
        start = self.noise().sample(torch.Size([len(z)]))
        return (self.velocity((1 - t) * start + t * z, t) - (z - start)).square().sum(1)
