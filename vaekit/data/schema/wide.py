"""Whole numbers of 64 bits as steps from one of them, and back, without a loss on the way."""

from __future__ import annotations

import numpy as np

from vaekit.system.types import Array

WORD, EXACT = 2**64, 2**53


def offsets(numbers: Array, low: int) -> Array:
    """How far whole numbers lie above one that is not above any of them, uint64, (N,).

    Args:
        numbers: int64 or uint64.
        low: at most the least of them.
    """
    found: Array = numbers.astype(np.uint64, copy=False) - np.uint64(low % WORD)
    return found


def of_origin(numbers: Array, origin: int, step: int) -> Array:
    """(numbers - origin) / step, rounded to whole numbers, float64, (N,): exactly, below 2^53.

    Args:
        numbers: int64, uint64 or float64.
        origin: within their type.
        step: above 0.
    """
    if numbers.dtype.kind == "f":
        return np.rint((numbers - float(origin)) / step)
    below = numbers < origin
    above = offsets(numbers, origin)  # which wraps around below the origin, and back
    size = np.where(below, np.uint64(0) - above, above)
    whole, rest = np.divmod(size, np.uint64(step))
    found = np.where(size < EXACT, np.rint(size / step), whole + np.rint(rest / step))
    return np.where(below, -found, found)


def from_origin(steps: Array, origin: int, step: int, *, unsigned: bool) -> Array:
    """origin + steps * step, int64 or uint64, (N,), within what that type can hold.

    Args:
        steps: whole numbers in float64.
        origin: within the type.
        step: above 0.
        unsigned: whether it is uint64.
    """
    kind = np.iinfo(np.uint64 if unsigned else np.int64)
    down, up = (origin - int(kind.min)) // step, (int(kind.max) - origin) // step
    size = np.abs(steps)
    most = np.where(steps < 0, np.uint64(down), np.uint64(up))
    whole = np.minimum(np.minimum(size, float(WORD - 2048)).astype(np.uint64), most)
    far = whole * np.uint64(step)
    found: Array = np.uint64(origin % WORD) + np.where(steps < 0, np.uint64(0) - far, far)
    return found if unsigned else found.view(np.int64)
