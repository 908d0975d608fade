"""Which numbers a column can hold: whole multiples of a step, or all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vaekit.system.checks import require
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

MOST_DECIMALS, MOST_DIGITS, ENOUGH = 12, 15, 8
LARGEST = 2**62
SECOND = 10**9
DAY = 86_400 * SECOND
SPANS = (
    7 * DAY,
    DAY,
    3600 * SECOND,
    1800 * SECOND,
    900 * SECOND,
    300 * SECOND,
    60 * SECOND,
    SECOND,
)
STEPS = tuple(
    a * 10**k for k in range(9, -1, -1) for a in (5, 2.5, 2, 1) if a * 10**k == int(a * 10**k)
)


@dataclass(frozen=True)
class Grid:
    r"""Numbers as x: whole numbers where the column's lie on a grid, else the numbers themselves.

    .. math:: x = (v\, 10^{decimals} - origin) / step

    Args:
        decimals: of the numbers; None where all numbers can be.
        step: between neighbours, in units of the last decimal.
        origin: the number that is x = 0, in units of the last decimal.
    """

    decimals: int | None = None
    step: int = 1
    origin: int = 0

    @property
    def whole(self) -> bool:
        """Whether x is whole."""
        return self.decimals is not None

    def x(self, numbers: Array) -> Array:
        """float64, (N,), of numbers in int64 or float64."""
        if self.decimals is None:
            return numbers.astype(np.float64)
        return np.rint((self._units(numbers) - self.origin) / self.step)

    def _units(self, numbers: Array) -> Array:
        if numbers.dtype.kind != "f":
            return np.clip(numbers, -LARGEST, LARGEST)
        units = np.rint(np.clip(numbers, -LARGEST, LARGEST) * 10.0 ** (self.decimals or 0))
        exact = np.abs(units).max(initial=0) >= 2**53
        return np.clip(units, -LARGEST, LARGEST).astype(np.int64) if exact else units

    def numbers(self, x: Array) -> Array:
        """The numbers of x: int64 where decimals are 0, else float64."""
        if self.decimals is None:
            return x
        units = np.rint(x).astype(np.int64) * self.step + self.origin
        return units / 10**self.decimals if self.decimals else units

    def unit(self, number: float) -> float:
        """x of one number that a person says."""
        return float(self.x(np.array([number]))[0])

    def to_json(self) -> Json:
        """Numbers by name; nothing where all numbers can be."""
        if self.decimals is None:
            return {}
        return {"decimals": self.decimals, "step": self.step, "origin": self.origin}

    @classmethod
    def from_json(cls, part: Part) -> Grid:
        """As it was written."""
        part.only(("decimals", "step", "origin"))
        if "decimals" not in part.found:
            return cls()
        origin = part.found.get("origin")
        part.require(isinstance(origin, int) and abs(origin) <= LARGEST, "origin", "a whole number")
        step = part.whole("step", 1, LARGEST)
        return cls(part.whole("decimals", 0, 18), step, int(origin or 0))


def grid_of(numbers: Array, *, single: bool = False, decimals: int | None = None) -> Grid:
    """The grid on which numbers lie.

    Args:
        numbers: int64 or float64, without gaps.
        single: whether they come from numbers of 32 bits.
        decimals: what a person says of them.
    """
    if not len(numbers):
        return Grid()
    if numbers.dtype.kind != "f":
        low, high = int(numbers.min()), int(numbers.max())
        if high - low >= LARGEST or max(-low, high) >= LARGEST:
            return Grid()
        origin = low if max(-low, high) >= 2**52 else 0
        return Grid(0, 1 if origin else _step(numbers), origin)
    places = decimals_of(numbers, single=single) if decimals is None else decimals
    if places is None:
        return Grid()
    units = np.rint(numbers * 10.0**places)
    require(
        bool(np.abs(units).max() < 2**53),
        f"decimals = {places} are too many for such large numbers",
    )
    return Grid(places, 1 if decimals is not None else _step(units.astype(np.int64)))


def decimals_of(numbers: Array, *, single: bool = False) -> int | None:
    """How many decimals all numbers have at most; None where they have as many as fit.

    Args:
        numbers: float64.
        single: whether they come from numbers of 32 bits, which hold fewer digits.
    """
    largest = np.abs(numbers).max(initial=0)
    digits = 6 if single else MOST_DIGITS
    some = numbers[:: max(1, len(numbers) // 1000)]
    for places in range(MOST_DECIMALS + 1):
        if places and largest * 10.0**places >= 10.0**digits:
            return None
        if largest < 2**53 and _have(some, places, single) and _have(numbers, places, single):
            return places
    return None


def _have(numbers: Array, places: int, single: bool) -> bool:
    scale = 10.0**places
    rounded = np.rint(numbers * scale) / scale
    if single:
        return bool((rounded.astype(np.float32) == numbers.astype(np.float32)).all())
    return bool((rounded == numbers).all())


def _step(units: Array) -> int:
    """The largest usual step that divides all of many numbers."""
    if not _are_many(units):
        return 1
    common = int(np.gcd.reduce(units))
    return next((int(step) for step in STEPS if common and common % step == 0), 1)


def _are_many(numbers: Array) -> bool:
    """Whether there are some different ones; mostly a few tell."""
    return any(len(np.unique(some)) >= ENOUGH for some in (numbers[:1000], numbers))


def times_grid(ticks: Array, second: int) -> Grid:
    """The grid on which times lie: weeks, days, hours ... seconds, or the unit that they are in.

    Args:
        ticks: int64, without gaps.
        second: ticks of one.
    """
    if not len(ticks):
        return Grid()
    low = int(ticks.min())
    if int(ticks.max()) - low >= LARGEST:
        return Grid()
    common = int(np.gcd.reduce(ticks - low))
    usual = [span * second // SECOND for span in SPANS if span * second % SECOND == 0]
    usual = usual if _are_many(ticks) else usual[1:]
    for step in usual:
        if common and common % step == 0:
            return Grid(0, step, low)
    return Grid(0, 1, low)
