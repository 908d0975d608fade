"""Logarithms and gamma functions as portable tables, in steps of 1 / 4096 nat."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from vaekit.codec.tables import STEP, rounded

Array = np.ndarray

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
