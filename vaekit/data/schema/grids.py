"""Which numbers a column can hold: whole multiples of a step, or all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from vaekit.data.schema.wide import from_origin, of_origin, offsets
from vaekit.system.checks import require
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

MOST_DECIMALS, MOST_DIGITS, ENOUGH = 12, 15, 8
LARGEST = 2**62
MOST = 2**51  # x up to which halves of whole numbers are exact
OFTEN, VARIED = 3, 10  # rows of a number that comes back exactly; numbers beside one far from all
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
        unsigned: whether numbers are uint64 where decimals are 0, not int64.
        apart: whole numbers that lie beside the grid, and are kept as they are.
    """

    decimals: int | None = None
    step: int = 1
    origin: int = 0
    unsigned: bool = False
    apart: tuple[int, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether x is whole."""
        return self.decimals is not None

    def x(self, numbers: Array) -> Array:
        """float64, (N,), of numbers in int64, uint64 or float64."""
        if self.decimals is None:
            return numbers.astype(np.float64)
        found = of_origin(self._units(numbers), self.origin, self.step)
        for number, x in self._kept:
            found[numbers == number] = x
        return found

    @property
    def _kept(self) -> list[tuple[int, float]]:
        """Numbers beside the grid, and their x."""
        plain = replace(self, apart=())
        found = [plain.x(np.array([number]))[0] for number in self.apart]
        return [*zip(self.apart, np.clip(found, -MOST, MOST).tolist(), strict=True)]

    def _units(self, numbers: Array) -> Array:
        if numbers.dtype.kind != "f":
            return numbers
        units = np.rint(np.clip(numbers, -LARGEST, LARGEST) * 10.0 ** (self.decimals or 0))
        exact = np.abs(units).max(initial=0) >= 2**53
        return np.clip(units, -LARGEST, LARGEST).astype(np.int64) if exact else units

    def numbers(self, x: Array) -> Array:
        """The numbers of x: int64, or uint64, where decimals are 0, else float64."""
        if self.decimals is None:
            return x
        units = from_origin(np.rint(x), self.origin, self.step, unsigned=self.unsigned)
        for number, own in self._kept:
            units[np.rint(x) == own] = number
        return units / 10**self.decimals if self.decimals else units

    def unit(self, number: float) -> float:
        """x of one number that a person says."""
        return float(self.x(np.array([number]))[0])

    def to_json(self) -> Json:
        """Numbers by name; nothing where all numbers can be."""
        if self.decimals is None:
            return {}
        found: Json = {"decimals": self.decimals, "step": self.step, "origin": self.origin}
        found |= {"unsigned": True} if self.unsigned else {}
        return found | ({"apart": [*self.apart]} if self.apart else {})

    @classmethod
    def from_json(cls, part: Part) -> Grid:
        """As it was written."""
        part.only(("decimals", "step", "origin", "unsigned", "apart"))
        if "decimals" not in part.found:
            return cls()
        origin = part.found.get("origin")
        unsigned = part.has("unsigned") and part.flag("unsigned")
        part.require(_is_whole(origin, unsigned=unsigned), "origin", "a whole number")
        apart = part.items("apart") if part.has("apart") else ()
        fine = all(_is_whole(number, unsigned=unsigned) for number in apart)
        part.require(fine, "apart", "whole numbers")
        step = part.whole("step", 1, 2 * LARGEST)
        return cls(part.whole("decimals", 0, 18), step, int(origin or 0), unsigned, tuple(apart))


def _is_whole(value: object, *, unsigned: bool) -> bool:
    kind = np.iinfo(np.uint64 if unsigned else np.int64)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and int(kind.min) <= int(str(value)) <= int(kind.max)


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
        return _whole_grid(numbers)
    places = decimals_of(numbers, single=single) if decimals is None else decimals
    if places is None:
        return Grid()
    units = np.rint(numbers * 10.0**places)
    require(
        bool(np.abs(units).max() < 2**53),
        f"decimals = {places} are too many for such large numbers",
    )
    return Grid(places, 1 if decimals is not None else _step(units.astype(np.int64)))


def _whole_grid(numbers: Array) -> Grid:
    return _narrow(numbers) or _without_ends(numbers, _narrow) or _coarse(numbers)


def _narrow(numbers: Array) -> Grid | None:
    """The grid of whole numbers that do not lie too far apart for one."""
    low, high = int(numbers.min()), int(numbers.max())
    if max(-low, high) < 2**52:
        return Grid(0, _step(numbers))
    return Grid(0, 1, low, numbers.dtype.kind == "u") if high - low < MOST else None


def _without_ends(numbers: Array, make: Callable[[Array], Grid | None]) -> Grid | None:
    """The grid of numbers but for the greatest, or the least, or both, where these lie farther from
    all others than those from each other; None where there are none such, or no grid."""
    rest, apart = numbers, list[int]()
    for end, other in ((np.max, np.min), (np.min, np.max), (np.max, np.min)):
        number = end(rest)
        others = rest[rest != number]
        if len(np.unique(others[:1000])) < VARIED and len(np.unique(others)) < VARIED:
            continue
        near, far = int(end(others)), int(other(others))
        if abs(int(number) - near) <= abs(near - far):
            continue
        rest, apart = others, [*apart, int(number)]
        if (found := make(rest)) is not None:
            return replace(found, unsigned=numbers.dtype.kind == "u", apart=tuple(apart))
    return None


def _coarse(numbers: Array) -> Grid:
    """A grid of numbers that lie too far apart for one on which all do; those that come often are
    kept as they are."""
    low, unsigned = int(numbers.min()), numbers.dtype.kind == "u"
    step = max(int(np.gcd.reduce(offsets(numbers, low))), 1)
    while (int(numbers.max()) - low) // step >= MOST:
        step *= 10
    found = Grid(0, step, low, unsigned)
    values, counts = np.unique(numbers, return_counts=True)
    often = values[counts >= OFTEN]
    often = often[found.numbers(found.x(often)) != often]
    first = np.unique(found.x(often), return_index=True)[1]
    return replace(found, apart=tuple(often[first].tolist()))


def coarse_note(name: str, grid: Grid, numbers: Array) -> tuple[str, ...]:
    """That whole numbers lie too far apart to be told apart exactly, where they do.

    Args:
        name: of their column.
        grid: theirs.
        numbers: without gaps.
    """
    if numbers.dtype.kind == "f" or (grid.numbers(grid.x(numbers)) == numbers).all():
        return ()
    return (
        f"column {name!r}: its numbers lie so far apart that they are told apart to {grid.step:,} "
        "of the unit in which they are stored",
    )


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
    found = _usual(ticks, second)
    most = _without_ends(ticks, lambda rest: _usual(rest, second))
    if most is not None and (found is None or found.step < most.step):
        return most
    low, high = int(ticks.min()), int(ticks.max())
    return found or (Grid(0, 1, low) if high - low < MOST else _coarse(ticks))


def _usual(ticks: Array, second: int) -> Grid | None:
    """Whole weeks, days ... seconds; None for others."""
    low, high = int(ticks.min()), int(ticks.max())
    common = int(np.gcd.reduce(offsets(ticks, low)))
    usual = [span * second // SECOND for span in SPANS if span * second % SECOND == 0]
    usual = usual if _are_many(ticks) else usual[1:]
    for step in usual:
        if common and common % step == 0 and (high - low) // step < MOST:
            return Grid(0, step, low)
    return None
