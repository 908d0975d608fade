"""Distributions of what a velocity carries from one place to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch import distributions as D

STEPS, AT_ONCE = 16, 2**13


class Velocity(Protocol):
    """How fast, and whereto, points move at a time."""

    def __call__(self, z: Tensor, t: float | Tensor) -> Tensor:
        """dz/dt at z, (rows, dim)."""

    def with_divergence(self, z: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """That, and the trace of its derivatives by z, (rows,)."""


class Carried(D.Distribution):
    r"""z(1), where z(0) is drawn from ``base`` and moves by dz/dt = v(z, t).

    .. math:: \log p(z(1)) = \log p_0(z(0))
        - \int_0^1 \operatorname{tr} \frac{\partial v}{\partial z} (z(t), t)\, dt

    Both ways are taken by Runge and Kutta's method of fourth order, in steps of one length, so that
    the density is right to the step's fourth power.

    Args:
        base: of z(0), without a batch.
        velocity: v.
        steps: from 0 to 1; each asks for the velocity four times.
    """

    arg_constraints: dict[str, Any] = {}
    support = D.constraints.real_vector

    def __init__(self, base: D.Distribution, velocity: Velocity, steps: int = STEPS) -> None:
        self.base, self.velocity, self.steps = base, velocity, steps
        super().__init__(event_shape=base.event_shape, validate_args=False)

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        start = self.base.sample(torch.Size(sample_shape))
        return in_pieces(lambda z: runge_kutta(self.velocity, z, 0.0, 1.0, self.steps), start)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per row."""
        return in_pieces(self._log_prob, value)

    def _log_prob(self, value: Tensor) -> Tensor:
        with_zero = torch.cat([value, torch.zeros_like(value[:, :1])], 1)
        start = runge_kutta(self._slope, with_zero, 1.0, 0.0, self.steps)
        return self.base.log_prob(start[:, :-1]) + start[:, -1]

    def _slope(self, state: Tensor, t: float) -> Tensor:
        velocity, divergence = self.velocity.with_divergence(state[:, :-1], t)
        return torch.cat([velocity, divergence[:, None]], 1)


def runge_kutta(
    slope: Callable[[Tensor, float], Tensor], state: Tensor, start: float, end: float, steps: int
) -> Tensor:
    """Where a state is at the end that moves by a slope of it and of the time."""
    h = (end - start) / steps
    for step in range(steps):
        t = start + step * h
        first = slope(state, t)
        second = slope(state + h / 2 * first, t + h / 2)
        third = slope(state + h / 2 * second, t + h / 2)
        fourth = slope(state + h * third, t + h)
        state = state + h / 6 * (first + 2 * second + 2 * third + fourth)
    return state


def in_pieces(of: Callable[[Tensor], Tensor], rows: Tensor, at_once: int = AT_ONCE) -> Tensor:
    """What a function of (rows, dim) gives for (..., dim), some thousand rows at a time."""
    flat = rows.reshape(-1, rows.shape[-1])
    found = torch.cat([of(part) for part in flat.split(at_once)])
    return found.reshape(*rows.shape[:-1], *found.shape[1:])
