"""Statistics of stored values: range, whole or fractional, binary, and where nothing changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from vaekit.data.on_disk import Values, chunks_of
from vaekit.system.checks import require

ROUNDING = 4  # units in the last place by which computed numbers that are the same may differ


@dataclass(frozen=True)
class Ends:
    """The smallest and the largest of each number of a row over some rows, as they are stored.

    Args:
        low: the smallest, of the shape of one row.
        high: the largest.
    """

    low: Tensor
    high: Tensor

    @property
    def alike(self) -> Tensor:
        """Which numbers are the same in all these rows, but for rounding."""
        if not self.low.is_floating_point():
            return self.low == self.high
        size = torch.maximum(self.low.abs(), self.high.abs())
        least = ROUNDING * torch.finfo(self.low.dtype).eps
        return self.high / 2 - self.low / 2 <= size * (least / 2)  # halves: no overflow

    def beyond(self, other: Ends) -> Tensor:
        """Which numbers others have smaller or larger."""
        return (other.low < self.low) | (other.high > self.high)


@dataclass(frozen=True)
class Facts:
    """Statistics of all values: which there are says what can describe them.

    Args:
        low: the smallest.
        high: the largest.
        binary: whether there are at most two values, 0 and ``high``.
        whole: whether there are no fractions, as far as the type of the values can tell.
        pixels: whether all are k / 255, as 8-bit pixels divided by 255 are.
        byte: whether they are stored as uint8.
        ends: share of the values of training rows that equal ``low`` or ``high``.
        train: the ends of each number over the training rows.
        all: the same over all rows.
        gaps: whether some values are missing, NaN: all else is of those that are there.
    """

    low: float
    high: float
    binary: bool
    whole: bool
    pixels: bool
    byte: bool
    ends: float
    train: Ends = field(compare=False, repr=False)
    all: Ends = field(compare=False, repr=False)
    gaps: bool = False

    @property
    def unit(self) -> bool:
        """All in [0, 1]."""
        return self.low >= 0 and self.high <= 1


@dataclass(frozen=True)
class ValueStats:
    """The same of some rows, and how many values of their training rows equal the extremes."""

    low: float
    high: float
    binary: bool
    whole: bool
    pixels: bool
    at_low: int
    at_high: int
    count: int
    train: Ends | None
    all: Ends
    gaps: bool


def facts(values: Values, train: Tensor | None = None) -> Facts:
    """Compute them in one pass.

    Args:
        values: of all rows.
        train: indices of the training rows; None for all.
    """
    fractional, start = values.is_floating_point(), 0
    is_train = torch.full((len(values),), train is None)
    if train is not None:
        is_train[train] = True
    seen = []
    for part in chunks_of(values, "looking at the data"):
        seen += _value_stats(part, is_train[start : start + len(part)], fractional)
        start += len(part)
    require(bool(seen), "all values are missing")
    low, high = min(s.low for s in seen), max(s.high for s in seen)
    at_low = sum(s.at_low for s in seen if s.low == low)
    at_high = sum(s.at_high for s in seen if s.high == high)
    every = _joined([s.all for s in seen])
    return Facts(
        low=low,
        high=high,
        binary=low == 0 < high and all(s.binary and s.high in (0, high) for s in seen),
        whole=all(s.whole for s in seen),
        pixels=fractional and low >= 0 and high <= 1 and all(s.pixels for s in seen),
        byte=values.dtype == torch.uint8,
        ends=(at_low + at_high * (high > low)) / max(sum(s.count for s in seen), 1),
        train=_joined([s.train for s in seen if s.train is not None] or [every]),
        all=every,
        gaps=any(s.gaps for s in seen),
    )


def _value_stats(values: Tensor, is_train: Tensor, fractional: bool) -> list[ValueStats]:
    """Of some rows; nothing where all is missing."""
    own = values if bool(is_train.all()) else values[is_train]
    ends = _ends(own) if len(own) else None, _ends(values)
    gaps = fractional and bool(values.isnan().any())
    if gaps:
        values, own = values[~values.isnan()], own[~own.isnan()]
    return [_stats_of(values, own, *ends, fractional, gaps)] if values.numel() else []


def _stats_of(
    values: Tensor, own: Tensor, train: Ends | None, every: Ends, fractional: bool, gaps: bool
) -> ValueStats:
    low, high = (float(v) for v in values.aminmax())
    return ValueStats(
        low=low,
        high=high,
        binary=low >= 0 and bool(((values == high) | (values == 0)).all()),
        whole=not fractional or _is_whole(values, max(abs(low), abs(high))),
        pixels=fractional and low >= 0 and high <= 1 and _are_pixels(values),
        at_low=int((own == low).sum()),
        at_high=int((own == high).sum()),
        count=own.numel(),
        train=train,
        all=every,
        gaps=gaps,
    )


def _ends(values: Tensor) -> Ends:
    if not values.is_floating_point():
        return Ends(values.amin(0), values.amax(0))
    low, high = (
        values.nan_to_num(nan=end, posinf=end, neginf=end) for end in (math.inf, -math.inf)
    )
    return Ends(low.amin(0), high.amax(0))


def _joined(parts: list[Ends]) -> Ends:
    low = torch.stack([part.low for part in parts]).amin(0)
    return Ends(low, torch.stack([part.high for part in parts]).amax(0))


def _is_whole(values: Tensor, largest: float) -> bool:
    """Whether there are no fractions; beyond 1 / eps every floating-point number is whole, which
    says nothing."""
    known = largest <= 1 / torch.finfo(values.dtype).eps
    return known and bool((values == values.round()).all())


def _are_pixels(values: Tensor) -> bool:
    levels = values * 255
    return bool(((levels - levels.round()).abs() < 1e-3).all())
