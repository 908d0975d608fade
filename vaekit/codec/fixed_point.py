"""Fixed-point numbers and functions that give the same bits on every machine.

A real number a is held as the whole number floor(a * 2**14 + 1/2) in float64. Sums of products of
whole numbers below 2**53 are exact in any order, and single additions, multiplications, divisions
and square roots are rounded the same way everywhere (IEEE 754). All other functions are tables of
whole numbers. The tables' entries stay clear of rounding ties by far more than any mathematics
library errs (a test shows it), and their hash is checked before anything is coded.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

from vaekit.families.base import Positive, half_exp
from vaekit.system.checks import BadInput
from vaekit.system.types import Array

FRACTION = 14
ONE = 2.0**FRACTION
LIMIT = 2.0**24  # activations are held within +-1024
STEP = 4096  # table entries per unit of the argument of exp and the sigmoid
UNIT = 2.0**26  # what 1 is in tables of exp and the sigmoid
BINS_LOG2 = 12
BINS = 2**BINS_LOG2
NORMAL_STEP, NORMAL_SPAN, NORMAL_UNIT = 1024, 8, 2.0**30
REACH = 24  # exp(-24) is less than one part of the coder's precision
SPAN = 16  # beyond, an activation is a line


def rounded(values: Array) -> Array:
    """To the nearest whole number, halves up."""
    return np.floor(values + 0.5)


def in_order(parts: Array) -> Array:
    """The sum over the first axis, one after the other: the order of a sum is part of its
    result."""
    return np.add.accumulate(parts, 0)[-1]


@cache
def exponential() -> Array:
    """exp(-i / 4096) in units of 2**-26, for i up to 24 * 4096."""
    return rounded(np.exp(-np.arange(REACH * STEP + 1) / STEP) * UNIT)


@cache
def sigmoid() -> Array:
    """1 / (1 + exp(-t)) in units of 2**-26, for t from -24 to 24 in steps of 1 / 4096."""
    t = np.arange(-REACH * STEP, REACH * STEP + 1) / STEP
    return rounded(UNIT / (1 + np.exp(-t)))


@cache
def deviation() -> Array:
    """exp(t) in units of 2**-24, for t from -10 to 3 in steps of 1 / 4096: standard deviations."""
    return rounded(np.exp(np.arange(-10 * STEP, 3 * STEP + 1) / STEP) * 2.0**24)


@cache
def normal() -> Array:
    """The standard normal's distribution function in units of 2**-30, in steps of 1 / 1024."""
    t = np.arange(-NORMAL_SPAN * NORMAL_STEP, NORMAL_SPAN * NORMAL_STEP + 1) / NORMAL_STEP
    return rounded(np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in t]) * NORMAL_UNIT)


@cache
def edges() -> Array:
    """The 4095 inner edges of bins of equal mass under N(0, 1), in units of 2**-20; the outer
    two stand at +-8."""
    quantile = NormalDist().inv_cdf
    inner = [quantile(i / BINS) for i in range(1, BINS)]
    return rounded(np.array([-8.0, *inner, 8.0]) * 2.0**20)


@cache
def bounds() -> Array:
    """The edges as real numbers."""
    return edges() / 2.0**20


@cache
def centres() -> Array:
    """The median of each bin, as fixed-point numbers."""
    quantile = NormalDist().inv_cdf
    return rounded(np.array([quantile((i + 0.5) / BINS) for i in range(BINS)]) * ONE)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "Tanh": np.tanh,
    "Sigmoid": lambda t: 1 / (1 + np.exp(-t)),
    "Softplus": lambda t: np.maximum(t, 0) + np.log1p(np.exp(-np.abs(t))),
    "SiLU": lambda t: t / (1 + np.exp(-t)),
    "GELU": lambda t: t * np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in t]),
    "ELU": lambda t: np.where(t > 0, t, np.expm1(np.minimum(t, 0))),
}
FLAT = ("Tanh", "Sigmoid")


@cache
def activation(name: str) -> Array:
    """An activation at every fixed-point number from -16 to 16."""
    t = np.arange(-SPAN * ONE, SPAN * ONE + 1) / ONE
    return rounded(ACTIVATIONS[name](t) * ONE)


@cache
def log_one_plus() -> Array:
    """log(1 + n) as fixed-point numbers, for n up to 2**16."""
    return rounded(np.log1p(np.arange(2**16 + 1)) * ONE)


def look_up(table: Array, index: Array) -> Array:
    """table[index] for whole-numbered floats, held within the table."""
    return table[np.clip(index, 0, len(table) - 1).astype(np.int64)]


def every_table() -> dict[str, Array]:
    """All tables by name."""
    fixed = (exponential, sigmoid, deviation, normal, edges, centres, log_one_plus)
    named = {table.__name__: table() for table in fixed}
    return named | {name: activation(name) for name in ACTIVATIONS}


def hashed(names: dict[str, Array]) -> str:
    """A sha256 over tables."""
    found = hashlib.sha256()
    for name in sorted(names):
        found.update(name.encode() + names[name].astype("<i8").tobytes())
    return found.hexdigest()


GRID = 32  # grid points per doubling
SMALLEST, DOUBLINGS = -10, 24
PLACES = DOUBLINGS * GRID + 1
MANTISSA = 2**14


@cache
def mantissas() -> Array:
    """log of (1 + (i + 1/2) / 2**14) in steps of 1 / 4096 nat, and 0 for i = 0."""
    found = rounded(np.log1p((np.arange(MANTISSA) + 0.5) / MANTISSA) * STEP)
    found[0] = 0
    return found


def logs(values: Array) -> Array:
    """log of positive numbers, in steps of 1 / 4096 nat."""
    fraction, power = np.frexp(values)
    index = np.floor((2 * fraction - 1) * MANTISSA).astype(np.int64)
    return mantissas()[index] + rounded((power - 1.0) * (math.log(2) * STEP))


def places(values: Array) -> Array:
    """The nearest point of a logarithmic grid, 32 to a doubling from 2**-10 to 2**14."""
    steps = logs(values) * (GRID / (math.log(2) * STEP))
    return np.clip(rounded(steps) - SMALLEST * GRID, 0, PLACES - 1).astype(np.int64)


@cache
def _values() -> Array:
    """The grid, as fractions of 2**-20 so that they are the same everywhere."""
    exponents = np.arange(PLACES) / GRID + SMALLEST
    return rounded(np.exp2(exponents) * 2.0**20) / 2.0**20


def value(place: Array) -> Array:
    """The numbers at places of the grid."""
    return _values()[place]


@cache
def rises(levels: int) -> Array:
    """log Gamma(a + k) - log Gamma(a) for every a of the grid and k below ``levels``, as sums of
    log(a + j): (grid, levels)."""
    each = logs(_values()[:, None] + np.arange(levels - 1))
    return np.concatenate([np.zeros((len(each), 1)), np.cumsum(each, 1)], 1)


@cache
def log_factorials(levels: int) -> Array:
    """log k! for k below ``levels``."""
    return np.concatenate([[0.0], np.cumsum(logs(np.arange(1.0, levels)))])


def choose(levels: int) -> Array:
    """log of the binomial coefficients of levels - 1."""
    factorials = log_factorials(levels)
    return factorials[-1] - factorials - factorials[::-1]


def through(link: Any, raw: Array) -> Array:
    """A link that keeps parameters positive, as a real number."""
    if isinstance(link, Positive):
        table, reach = activation("Softplus"), SPAN * ONE
        soft = np.where(raw > reach, raw, look_up(table, np.maximum(raw, -reach) + reach))
        return soft / ONE + link.floor
    if link is half_exp:
        index = rounded(raw * (STEP / ONE / 2)) + 10 * STEP
        return look_up(deviation(), index) / 2.0**24
    raise BadInput("this posterior's link has no exact form: use softplus or exp")
