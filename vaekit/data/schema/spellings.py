"""Dates and times as people write them: found by looking at all of a column, read, and written."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.system.records import Json, Part
from vaekit.system.types import Array

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
SHORT = tuple(month[:3] for month in MONTHS)
NAME = r"[A-Za-z]{3,9}"
CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):\d{2}(?P<second>:\d{2})?(?P<fraction>[.]\d{1,9})?(?P<half> ?[AaPp][Mm])?"
    r"(?P<zone> ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
)
DATE = re.compile(
    r"(?P<first>\d{1,4}|[A-Za-z]{3,9})(?P<one>[-/. ])(?P<second>\d{1,2}|[A-Za-z]{3,9})"
    r"(?P<two>[-/. ]|, )(?P<third>\d{1,4})"
)
JOINED = re.compile(rf"(?P<date>{DATE.pattern})(?:(?P<joint>T|t| +|, )(?P<clock>.+))?")
ORDERS = ("ymd", "dmy", "mdy")
DAY_FIRST = (".", "-", " ")
SECONDS_A_DAY, PIVOT = 86_400, 69
MICRO, NANO = 10**6, 10**9


@dataclass(frozen=True)
class Spelling:
    """How moments are written.

    Args:
        order: of year, month and day: "ymd", "dmy" or "mdy"; "" where there is no date.
        one: between the first and the second of these.
        two: between the second and the third.
        padded: whether one digit has a 0 before it.
        year: digits of a year, 4 or 2.
        month: "number", "short" (Jan) or "long" (January).
        upper: whether names of months are in capitals.
        joint: between date and time of day.
        clock: numbers of the time of day: 0 for none, 2 or 3.
        early: whether hours below 10 have a 0 before them.
        digits: of a second behind the point.
        half: " AM", "am" and the like, where hours go to 12; else "".
        zone: as it is written; "" for none.
        unsure: whether days and months could be exchanged.
    """

    order: str = "ymd"
    one: str = "-"
    two: str = "-"
    padded: bool = True
    year: int = 4
    month: str = "number"
    upper: bool = False
    joint: str = "T"
    clock: int = 0
    early: bool = True
    digits: int = 0
    half: str = ""
    zone: str = ""
    unsure: bool = False

    @property
    def second(self) -> int:
        """Ticks of a second."""
        return NANO if self.digits > 6 else MICRO

    @property
    def type(self) -> pa.DataType:
        """Of what is read."""
        unit = "ns" if self.digits > 6 else "us"
        return (
            pa.time64(unit) if not self.order else pa.timestamp(unit, (self.zone and "UTC") or None)
        )

    def _pattern(self) -> str:
        """For RE2, with a name for each part."""
        month = rf"(?P<m>{NAME})" if self.month != "number" else r"(?P<m>\d{1,2})"
        parts = {"y": rf"(?P<y>\d{{{self.year}}})", "m": month, "d": r"(?P<d>\d{1,2})"}
        one, two = re.escape(self.one), re.escape(self.two)
        date = (
            one.join(parts[p] for p in self.order[:2]) + two + parts[self.order[2]]
            if self.order
            else ""
        )
        if not self.clock:
            return f"^{date}$"
        joint = re.escape(self.joint) if self.order else ""
        second = r":(?P<s>\d{2})" if self.clock == 3 else ""
        fraction = r"(?P<f>\.\d{1,9})?" if self.clock == 3 else ""
        half = r" ?(?P<p>[AaPp])[Mm]" if self.half else ""
        zone = r" ?(?P<z>Z|UTC|[+-]\d{2}:?\d{2})" if self.zone else ""
        return rf"^{date}{joint}(?P<h>\d{{1,2}}):(?P<n>\d{{2}}){second}{fraction}{half}{zone}$"

    def ticks(self, values: pa.Array) -> tuple[Array, Array]:
        """Microseconds (or nanoseconds) since 1970 in UTC, or since midnight, int64; and which
        texts say such a moment.

        Args:
            values: of text, without gaps.
        """
        found = pc.extract_regex(values, self._pattern())
        fine = pc.is_valid(found).to_numpy(zero_copy_only=False)
        if not fine.any():
            return np.zeros(len(values), np.int64), fine
        parts = {field.name: pc.struct_field(found, field.name) for field in found.type}
        days, right = self._days(parts) if self.order else (0, True)
        seconds, fits = self._seconds(parts) if self.clock else (0, True)
        ticks = (np.asarray(days, np.int64) * SECONDS_A_DAY + seconds) * self.second
        return ticks + self._fraction(parts), fine & right & fits

    def _days(self, parts: dict[str, Any]) -> tuple[Array, Array]:
        year, day = _whole(parts["y"]), _whole(parts["d"])
        if self.year == 2:
            year = year + np.where(year < PIVOT, 2000, 1900)
        month = _whole(parts["m"]) if self.month == "number" else _named(parts["m"])
        fine = (month >= 1) & (month <= 12) & (year >= 1) & (day >= 1)
        months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
        starts = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
        ends = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
        return starts + day - 1, fine & (starts + day <= ends)

    def _seconds(self, parts: dict[str, Any]) -> tuple[Array, Array]:
        hour, minute = _whole(parts["h"]), _whole(parts["n"])
        second = _whole(parts["s"]) if self.clock == 3 else np.zeros_like(hour)
        fine = (hour < 24) & (minute < 60) & (second < 60)
        if self.half:
            fine &= (hour >= 1) & (hour <= 12)
            late = pc.equal(pc.utf8_lower(parts["p"]), "p")
            hour = hour % 12 + 12 * pc.fill_null(late, False).to_numpy(zero_copy_only=False)  # noqa: FBT003
        return hour * 3600 + minute * 60 + second - self._offsets(parts), fine

    def _offsets(self, parts: dict[str, Any]) -> Any:
        """Seconds by which clocks are ahead of UTC."""
        if not self.zone:
            return 0
        known = parts["z"].dictionary_encode()
        ahead = [_offset(zone) for zone in known.dictionary.to_pylist()]
        return np.array([*ahead, 0])[pc.fill_null(known.indices, -1).to_numpy(zero_copy_only=False)]

    def _fraction(self, parts: dict[str, Any]) -> Any:
        if self.clock < 3:
            return 0
        padded = pc.utf8_slice_codeunits(pc.utf8_rpad(parts["f"], 10, "0"), 1, 10)
        found = pc.if_else(pc.equal(parts["f"], ""), "0", padded)
        return _whole(found) // (NANO // self.second)

    def write(self, ticks: Array) -> pa.Array:
        """Texts.

        Args:
            ticks: as ``ticks`` gives them.
        """
        local = ticks + _offset(self.zone) * self.second
        days, rest = np.divmod(local, SECONDS_A_DAY * self.second)
        date = self._dates(days) if self.order else []
        joint = [self.joint] if self.order and self.clock else []
        clock = self._clocks(rest) if self.clock else []
        zone = [self.zone] if self.zone else []
        parts = [
            pa.scalar(p, pa.large_string()) if isinstance(p, str) else p
            for p in (*date, *joint, *clock, *zone)
        ]
        return pc.binary_join_element_wise(*parts, pa.scalar("", pa.large_string()))

    def _dates(self, days: Array) -> list[Any]:
        moment = days.astype("M8[D]")
        month = moment.astype("M8[M]")
        year = month.astype("M8[Y]").astype(np.int64) + 1970
        number = month.astype(np.int64) % 12 + 1
        day = (moment - month.astype("M8[D]")).astype(np.int64) + 1
        width = 2 if self.padded else 1
        names = [
            n.upper() if self.upper else n for n in (SHORT if self.month == "short" else MONTHS)
        ]
        parts = {
            "y": _padded(year % 10**self.year, self.year),
            "m": _padded(number, width)
            if self.month == "number"
            else pa.array(names, pa.large_string()).take(pa.array(number - 1)),
            "d": _padded(day, width),
        }
        first, second, third = (parts[p] for p in self.order)
        return [first, self.one, second, self.two, third]

    def _clocks(self, ticks: Array) -> list[Any]:
        seconds, rest = np.divmod(ticks, self.second)
        hour, minute, second = seconds // 3600, seconds // 60 % 60, seconds % 60
        shown = (hour - 1) % 12 + 1 if self.half else hour
        found = [_padded(shown, 2 if self.early else 1), ":", _padded(minute, 2)]
        if self.clock == 3:
            found += [":", _padded(second, 2)]
        if self.digits:
            found += [
                ".",
                _padded(rest * NANO // self.second // 10 ** (9 - self.digits), self.digits),
            ]
        if self.half:
            pair = [self.half.replace("A", "P").replace("a", "p"), self.half][::-1]
            found.append(pa.array(pair, pa.large_string()).take(pa.array((hour >= 12).astype(int))))
        return found

    def to_json(self) -> Json:
        """What differs from ISO 8601."""
        usual = asdict(Spelling())
        return {k: v for k, v in asdict(self).items() if v != usual[k]}

    @classmethod
    def from_json(cls, part: Part) -> Spelling:
        """As it was written."""
        usual = asdict(cls())
        part.only(usual)
        for key, value in part.found.items():
            part.require(type(value) is type(usual[key]), key, "of its type")
        made = part.made(lambda: cls(**part.found))
        part.require(made.order in (*ORDERS, ""), "order", "an order of year, month and day")
        part.require(made.month in ("number", "short", "long"), "month", "a way of writing months")
        part.require(made.clock in (0, 2, 3) and 0 <= made.digits <= 9, "clock", "0, 2 or 3")
        part.require(made.year in (2, 4) and bool(made.order or made.clock), "year", "2 or 4")
        return made


def _whole(texts: Any) -> Array:
    """Whole numbers of text; -1 where there is none."""
    return pc.fill_null(texts.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)


def _named(texts: Any) -> Array:
    short = pc.utf8_slice_codeunits(pc.utf8_capitalize(texts), 0, 3)
    full = pc.utf8_capitalize(texts)
    found = pc.index_in(short, value_set=pa.array(SHORT, texts.type))
    whole = pc.or_(pc.equal(short, full), pc.is_in(full, value_set=pa.array(MONTHS, texts.type)))
    number = pc.fill_null(pc.if_else(whole, found, pa.scalar(None, pa.int32())), -1)
    return number.to_numpy(zero_copy_only=False).astype(np.int64) + 1


def _offset(zone: str | None) -> int:
    """Seconds that a zone's clocks are ahead of UTC."""
    digits = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", (zone or "").strip())
    if not digits:
        return 0
    sign, hours, minutes = digits.groups()
    return (-1 if sign == "-" else 1) * (int(hours) * 3600 + int(minutes) * 60)


def _padded(numbers: Array, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(numbers).cast(pa.large_string()), width, "0")


def spelling_of(values: pa.Array, order: str | None = None) -> Spelling | None:
    """How all of these texts write moments, or None where they do not.

    Args:
        values: different texts, without gaps.
        order: of year, month and day, where a person says it.
    """
    if not len(values):
        return None
    first = values[0].as_py()
    if len(first) > 60 or not any(c.isdigit() for c in first):
        return None
    fitting = []
    for candidate in _candidates(first):
        if order and candidate.order and candidate.order != order:
            continue
        if bool(candidate.ticks(values[:100])[1].all()) and bool(candidate.ticks(values)[1].all()):
            fitting.append(candidate)
    if not fitting:
        return None
    found = fitting[0]
    unsure = len({candidate.order for candidate in fitting}) > 1
    return _in_detail(replace(found, unsure=unsure), values)


def _candidates(text: str) -> list[Spelling]:
    """Spellings that the first text may have, the likeliest first."""
    if clock := CLOCK.fullmatch(text):
        return [_with_clock(Spelling(order="", joint=""), clock)]
    joined = JOINED.fullmatch(text)
    if not joined:
        return []
    clock = CLOCK.fullmatch(joined["clock"]) if joined["clock"] else None
    if joined["clock"] and not clock:
        return []
    found = [
        replace(base, joint=joined["joint"] or "T")
        for base in _dates(DATE.fullmatch(joined["date"]))
    ]
    return [_with_clock(base, clock) if clock else base for base in found]


def _dates(date: re.Match[str] | None) -> list[Spelling]:
    if date is None:
        return []
    one, two = date["one"], date["two"]
    first, second, third = date["first"], date["second"], date["third"]
    if len(first) == 4 and first.isdigit():
        orders = ["ymd"]
    elif first.isalpha():
        orders = ["mdy"]
    elif second.isalpha():
        orders = ["dmy"]
    else:
        orders = ["dmy", "mdy"] if one in DAY_FIRST else ["mdy", "dmy"]
    year = first if orders == ["ymd"] else third
    named = next((part for part in (first, second) if part.isalpha()), "")
    if len(year) not in (2, 4) or (one != two and not named):
        return []
    month = "number" if not named else "short" if len(named) == 3 else "long"
    upper = named.isupper()
    return [Spelling(order, one, two, year=len(year), month=month, upper=upper) for order in orders]


def _with_clock(base: Spelling, clock: re.Match[str]) -> Spelling:
    return replace(
        base,
        clock=3 if clock["second"] else 2,
        half=(clock["half"] or "").replace("P", "A").replace("p", "a"),
        zone=clock["zone"] or "",
    )


def _in_detail(found: Spelling, values: pa.Array) -> Spelling:
    """With what only all texts together tell: zeros before digits, digits of seconds, the most
    frequent zone."""
    parts = pc.extract_regex(values, found._pattern())
    fields = {field.name: pc.struct_field(parts, field.name) for field in parts.type}
    more: dict[str, Any] = {}
    if found.order:
        names = ["d"] if found.month != "number" else ["d", "m"]
        more["padded"] = all(_least_width(fields[name]) == 2 for name in names)
        if found.month == "short" and _most_width(fields["m"]) > 3:
            more["month"] = "long"  # the first was May
    if found.clock:
        more["early"] = _least_width(fields["h"]) == 2
    if found.clock == 3:
        more["digits"] = max(_most_width(fields["f"]) - 1, 0)
    if found.zone:
        zones = fields["z"].value_counts()
        zone = zones.field(0)[int(np.argmax(zones.field(1).to_numpy()))].as_py()
        more["zone"] = (" " if found.zone[0] == " " else "") + zone
    return replace(found, **more)


def _least_width(texts: pa.Array) -> int:
    return pc.min(pc.utf8_length(texts)).as_py()


def _most_width(texts: pa.Array) -> int:
    return pc.max(pc.utf8_length(texts)).as_py()
