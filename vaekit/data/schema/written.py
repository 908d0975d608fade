"""Numbers and moments in text that is more than digits: it comes back as it was written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.dialect import Dialect
from vaekit.data.schema.arrow_types import type_named
from vaekit.data.schema.cells import TEXT, Cells, arrays, with_gaps
from vaekit.data.schema.forms import Form, Moments, Plain
from vaekit.data.schema.grids import Grid, grid_of, times_grid
from vaekit.data.schema.spellings import Spelling
from vaekit.data.schema.telling import tell
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

MOST_PLACES = 17
OTHER_MARK = {".": ",", ",": "."}
UNIT = re.compile(
    r"(?P<sign>[+-]?)(?P<before>[^\d.,+\-]{0,8}?)(?P<number>[\d.,]*\d)(?P<after>[^\d]{0,16})"
)
MONEY = re.compile(
    r"(?:[A-Z]{0,3}[$€£¥₹₽₩₺₴₪₫₱฿¢]|Rs\.?|USD|EUR|GBP|JPY|CNY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|INR|BRL"
    r"|MXN|ZAR|RUB|KRW|HKD|SGD|TRY)?\s?"
)


@dataclass(frozen=True)
class Units:
    """Numbers with a unit, all with the same: "5 kg", "$1,200", "12 %".

    Args:
        type: of the text.
        before: what stands before the digits, behind a sign.
        after: what stands behind them.
        decimal: the mark of decimals.
        thousands: the mark of thousands, or "".
        grouped: whether it is written.
        places: decimals that are written; -1 for as many as needed.
    """

    type: pa.DataType
    before: str = ""
    after: str = ""
    decimal: str = "."
    thousands: str = ","
    grouped: bool = False
    places: int = -1
    unit = 1

    def digits(self, values: pa.Array) -> pa.Array:
        """Texts without the unit; null where it is not there.

        Args:
            values: of text.
        """
        before, after = re.escape(self.before), re.escape(self.after)
        pattern = rf"^(?P<sign>[+-]?){before}(?P<number>[0-9.,]*[0-9]){after}$"
        parts = pc.extract_regex(values, pattern)
        sign, number = (pc.struct_field(parts, name) for name in ("sign", "number"))
        return pc.binary_join_element_wise(sign, number, pa.scalar("", values.type))

    def numbers(self, values: pa.Array) -> pa.Array | None:
        """Numbers that texts say; None where one says none.

        Args:
            values: of text, without gaps.
        """
        bare = self.digits(values)
        if bare.null_count:
            return None
        typed = cells_of.typed(pa.chunked_array([bare]), self._dialect)
        return typed.combine_chunks() if cells_of.is_number(typed.type) else None

    def as_in(self, cells: Cells) -> Units:
        """The same unit with the marks by which all of these cells can be read: those that their
        file plainly has, else its own, else the other ones; where none can, the first of these.

        Args:
            cells: of a column that may come from elsewhere.
        """
        plainly = cells.is_file and (cells.dialect.decimal == "," or bool(cells.dialect.thousands))
        first = (cells.dialect.decimal if plainly else None) or self.decimal
        values = cells.text.values if cells.is_text else pa.array([], TEXT)
        each = [self._marked(first), self._marked(OTHER_MARK[first])]
        return next((units for units in each if units.fine(values).all()), each[0])

    def _marked(self, decimal: str) -> Units:
        """With another mark of decimals."""
        same = decimal == self.decimal
        return self if same else replace(self, decimal=decimal, thousands=OTHER_MARK[decimal])

    @property
    def _dialect(self) -> Dialect:
        return Dialect(decimal=self.decimal, thousands=self.thousands)

    def fine(self, values: pa.Array) -> Array:
        """Which of some texts say a number with this unit, (N,).

        Args:
            values: of text, without gaps.
        """
        found = cells_of.says_number(self.digits(values), self._dialect)
        fine: Array = pc.fill_null(found, fill_value=False).to_numpy(zero_copy_only=False)
        return fine

    def read(self, cells: Cells) -> tuple[Array, Array]:
        """Numbers, and which are missing; without their units too."""
        if not cells.is_text:
            return arrays(cells.numbers())
        own, texts = self.as_in(cells), cells.text
        found = own.numbers(texts.values)
        if found is None:
            wrong = np.append(~own.fine(texts.values), False)[texts.rows]
            cells.refuse(int(wrong.argmax()), f"which is not written as {own.sample}")
            raise AssertionError
        where = pa.array(cells.text.rows, mask=cells.text.rows < 0)
        return arrays(pa.chunked_array([found.take(where)]))

    def exact(self, cells: Cells) -> tuple[Array, Array]:
        """The numbers."""
        return self.read(cells)

    def bound(self, cells: Cells) -> float:
        """A number, with its unit or without."""
        bare = cells.text.values[0].as_py()
        try:
            return float(bare)
        except ValueError:
            return float(self.read(cells)[0][0])

    @property
    def sample(self) -> str:
        """How numbers are written."""
        return repr(self.show(5))

    def write(self, numbers: Array, gaps: Array) -> pa.Array:
        """Texts."""
        texts = [self.show(number) for number in numbers.tolist()]
        return with_gaps(pa.array(texts, TEXT).cast(self.type), gaps)

    def grid(self, numbers: Array, decimals: int | None = None) -> Grid:
        """By the numbers' decimals and steps."""
        return grid_of(numbers, decimals=decimals)

    def show(self, number: float) -> str:
        """With its unit."""
        group = "," if self.grouped else ""
        size = abs(number)
        whole = self.places == 0 and isinstance(size, int)  # which may have more digits than floats
        digits = f"{size:{group}.{self.places}f}" if self.places >= 0 else _short(size, group)
        digits = f"{size:{group}d}" if whole else digits
        digits = digits.translate({ord(","): self.thousands, ord("."): self.decimal})
        return f"{'-' if number < 0 else ''}{self.before}{digits}{self.after}"

    def to_json(self) -> Json:
        """Marks by name."""
        return {"form": "units", **asdict(self), "type": str(self.type)}

    @classmethod
    def from_json(cls, part: Part) -> Units:
        """As it was written."""
        part.only(("form", "type", "before", "after", "decimal", "thousands", "grouped", "places"))
        kind = part.made(lambda: type_named(part.text("type")))
        texts = {n: part.text(n) for n in ("before", "after", "decimal", "thousands")}
        places = part.found.get("places")
        part.require(
            isinstance(places, int) and -1 <= places <= MOST_PLACES, "places", "from -1 to 17"
        )
        return cls(kind, **texts, grouped=part.flag("grouped"), places=int(places or 0))


def _short(size: float, group: str) -> str:
    whole = float(size).is_integer()
    return f"{int(size):{group}d}" if whole else f"{size:{group}}"


def units_of(
    values: pa.Array, kind: pa.DataType, decimal: str | None, *, bare: bool = False
) -> Units | None:
    """How all of these texts write numbers with one unit; None where they do not. Before a number
    there may be money alone: other letters make codes of it, such as B12.

    Args:
        values: different texts, without gaps.
        kind: of the column.
        decimal: the mark of decimals in its table.
        bare: whether numbers may be without a unit.
    """
    first = UNIT.fullmatch(values[0].as_py()) if len(values) else None
    if first is None or not MONEY.fullmatch(first["before"]):
        return None
    if not (bare or first["before"] or first["after"] or "," in first["number"]):
        return None
    mark = decimal or "."
    found = Units(kind, first["before"], first["after"], mark, "," if mark == "." else ".")
    numbers = found.numbers(values)
    if numbers is None:
        return None
    bare = found.digits(values)
    if not tell(pc.replace_substring(bare, found.thousands, ""), numbers):
        return None
    behind = pc.utf8_length(pc.replace_substring_regex(bare, rf"^[^{mark}]*{re.escape(mark)}?", ""))
    most, least = pc.max(behind).as_py(), pc.min(behind).as_py()
    grouped = bool(pc.any(pc.match_substring(bare, found.thousands)).as_py())
    even = most == least and most <= MOST_PLACES
    return replace(found, grouped=grouped, places=most if even else -1)


@dataclass(frozen=True)
class Dates:
    """Moments in text.

    Args:
        type: of the text.
        spelling: how they are written.
    """

    type: pa.DataType
    spelling: Spelling
    unit = 1

    def read(self, cells: Cells) -> tuple[Array, Array]:
        """Ticks, and which are missing."""
        if not cells.is_text:
            return Moments(self.spelling.type).read(cells)
        ticks, fine = self.spelling.ticks(cells.text.values)
        if not fine.all():
            wrong = np.append(~fine, False)[cells.text.rows]
            shown = repr(self.show(0))
            cells.refuse(int(wrong.argmax()), f"which is not written as {shown}")
        return np.append(ticks, 0)[cells.text.rows], cells.text.rows < 0

    def exact(self, cells: Cells) -> tuple[Array, Array]:
        """Ticks."""
        return self.read(cells)

    def bound(self, cells: Cells) -> float:
        """Ticks; a day alone is its midnight, in UTC where there are time zones."""
        day = replace(self.spelling, clock=0, half="", zone="")
        if cells.is_text and day.order:
            ticks, fine = day.ticks(cells.text.values)
            if fine.all():
                return int(ticks[0])
        return int(self.read(cells)[0][0])

    def as_in(self, cells: Cells) -> Dates:
        """As it is: dates that are written otherwise are refused."""
        return self

    def write(self, numbers: Array, gaps: Array) -> pa.Array:
        """Texts."""
        return with_gaps(self.spelling.write(numbers.astype(np.int64)).cast(self.type), gaps)

    def grid(self, numbers: Array, decimals: int | None = None) -> Grid:
        """Days, hours, minutes ..."""
        return times_grid(numbers, self.spelling.second)

    def show(self, number: float) -> str:
        """As they are written."""
        return str(self.spelling.write(np.array([number], np.int64))[0].as_py())

    def to_json(self) -> Json:
        """The spelling."""
        return {"form": "dates", "type": str(self.type), "spelling": self.spelling.to_json()}

    @classmethod
    def from_json(cls, part: Part) -> Dates:
        """As it was written."""
        part.only(("form", "type", "spelling"))
        kind = part.made(lambda: type_named(part.text("type")))
        return cls(
            kind, Spelling.from_json(Part(part.found.get("spelling"), f"{part.name}, spelling"))
        )


FORMS: dict[str, Callable[[Part], Any]] = {
    "plain": Plain.from_json,
    "moments": Moments.from_json,
    "units": Units.from_json,
    "dates": Dates.from_json,
}


def form_from_json(part: Part) -> Form:
    """How a column is stored, as it was written.

    Args:
        part: what was written.
    """
    name = part.text("form")
    part.require(name in FORMS, "form", f"one of {', '.join(FORMS)}")
    return FORMS[name](part)
