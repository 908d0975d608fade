"""Weights that may change as training goes on: a number, or a function of the step."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
Weight = float | Schedule


def at(weight: Weight, step: int) -> float:
    """The value of ``weight`` at ``step`` (0 is the first update)."""
    return float(weight(step) if callable(weight) else weight)


def ramp(start: float, end: float, steps: int) -> Schedule:
    """A straight line from ``start`` at step 0 to ``end`` at ``steps``, then flat; with no steps,
    ``end`` at once."""
    return lambda step: start + (end - start) * (min(step / steps, 1.0) if steps > 0 else 1.0)


def geometric(start: float, end: float, steps: int) -> Schedule:
    """From ``start`` at step 0 to ``end`` at ``steps`` by equal factors, then flat; with no steps,
    ``end`` at once. Both are above 0."""
    share = ramp(0.0, 1.0, steps)
    return lambda step: start * (end / start) ** share(step)


def rise(end: float, share: float, steps: int) -> Schedule:
    """A straight line from 0 to ``end`` over a share of ``steps`` updates, then flat. Where that is
    less than one update, or there is one alone, ``end`` at once: else all would be made at 0."""
    return ramp(0.0, end, int(share * steps) if steps > 1 else 0)


def cosine(start: float, end: float, steps: int) -> Schedule:
    """Half a cosine from ``start`` at step 0 down (or up) to ``end`` at ``steps``, then flat."""
    shape = ramp(0.0, math.pi, max(steps, 1))
    return lambda step: end + (start - end) * (1 + math.cos(shape(step))) / 2


def cyclical(start: float, end: float, steps: int, cycles: int = 4) -> Schedule:
    """``cycles`` ramps over ``steps``, each rising in its first half and flat in its second
    (Fu et al. 2019). Each half has a step or more: of more cycles there are as many as ``steps``
    has room for; a single step is at ``end``."""
    most = min(cycles, steps // 2)
    if not most:
        return ramp(end, end, 0)
    return lambda step: (
        start + (end - start) * (min(2 * (step * most % steps) / steps, 1.0) if step < steps else 1)
    )


def lagging(ahead: int, steps: int) -> Schedule:
    """0 at ``ahead`` steps in a row, then 1 at one, again and again until ``steps``, then 1: what
    this multiplies lags behind something that moves at every step (He et al. 2019)."""
    return lambda step: float(step >= steps or step % (ahead + 1) == ahead)


def product(*weights: Weight) -> Schedule:
    """The product of several weights, say a warm-up and a decay."""
    return lambda step: math.prod(at(weight, step) for weight in weights)


def times(one: Weight, other: Weight) -> Weight:
    """The product of two weights, say beta and a warm-up: a number if both are."""
    if callable(one) or callable(other):
        return product(one, other)
    return one * other


def above_one(weight: Weight) -> Weight:
    """What a weight has beyond 1: for a term of which another has one already."""
    return (lambda step: weight(step) - 1) if callable(weight) else weight - 1
