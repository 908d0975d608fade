"""Statistics of stored values: range, whole or fractional, binary."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.data.on_disk import Values, chunks_of


@dataclass(frozen=True)
class Facts:
    """Statistics of all values.

    Args:
        low: the smallest.
        high: the largest.
        binary: whether there are at most two values, 0 and ``high``.
        whole: whether there are no fractions.
        pixels: whether all are k / 255, as 8-bit pixels divided by 255 are.
        byte: whether they are stored as uint8.
        ends: share of values that equal ``low`` or ``high``.
    """

    low: float
    high: float
    binary: bool
    whole: bool
    pixels: bool
    byte: bool
    ends: float

    @property
    def unit(self) -> bool:
        """All in [0, 1]."""
        return self.low >= 0 and self.high <= 1


@dataclass(frozen=True)
class ValueStats:
    """The same of some rows, and how many values equal the extremes."""

    low: float
    high: float
    binary: bool
    whole: bool
    pixels: bool
    at_low: int
    at_high: int
    count: int


def facts(values: Values) -> Facts:
    """Compute them in one pass."""
    fractional = values.is_floating_point()
    seen = [_value_stats(part, fractional) for part in chunks_of(values, "looking at the data")]
    low, high = min(s.low for s in seen), max(s.high for s in seen)
    at_low = sum(s.at_low for s in seen if s.low == low)
    at_high = sum(s.at_high for s in seen if s.high == high)
    return Facts(
        low=low,
        high=high,
        binary=low == 0 < high and all(s.binary and s.high in (0, high) for s in seen),
        whole=all(s.whole for s in seen),
        pixels=fractional and low >= 0 and high <= 1 and all(s.pixels for s in seen),
        byte=values.dtype == torch.uint8,
        ends=(at_low + at_high * (high > low)) / sum(s.count for s in seen),
    )


def _value_stats(values: Tensor, fractional: bool) -> ValueStats:
    low, high = (float(v) for v in values.aminmax())
    at_low, at_high = values == low, values == high
    return ValueStats(
        low=low,
        high=high,
        binary=low >= 0 and bool((at_high | (values == 0)).all()),
        whole=not fractional or bool((values == values.round()).all()),
        pixels=fractional and low >= 0 and high <= 1 and _are_pixels(values),
        at_low=int(at_low.sum()),
        at_high=int(at_high.sum()),
        count=values.numel(),
    )


def _are_pixels(values: Tensor) -> bool:
    levels = values * 255
    return bool(((levels - levels.round()).abs() < 1e-3).all())
