"""How the values of a column stand in a text: spaces around them, decimals, marks of gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.columns import is_text, plain
from vaekit.data.schema.cells import TEXT
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

SHORT, PYTHON = -1, -2  # 5, 5.5; 5.0, 5.5
LOOKED, MOST_LEVELS, MOST_DECIMALS = 10_000, 4_096, 17


@dataclass(frozen=True)
class Texts:
    """How the values of a column are written.

    Args:
        before: what stands before each, spaces.
        after: what stands behind.
        places: decimals of a number; -1 for as few as tell it from others, -2 for at least one.
        decimal: their mark.
        thousands: the mark between groups of digits; "" for none.
        gap: what stands where a value is missing.
        levels: how values of a level are written that look otherwise, by the level.
    """

    before: str = ""
    after: str = ""
    places: int = SHORT
    decimal: str = "."
    thousands: str = ""
    gap: str = ""
    levels: Mapping[int, str] = field(default_factory=dict)

    def of(self, values: pa.Array, codes: Array) -> pa.Array:
        """Texts of values.

        Args:
            values: of the column's type; null for a gap.
            codes: their levels, (N,).
        """
        found = self._plain(values)
        if self.before or self.after:
            ends = (pa.scalar(end, TEXT) for end in (self.before, self.after))
            before, after = ends
            empty = pa.scalar("", TEXT)
            found = pc.binary_join_element_wise(before, found, after, empty)
        if self.levels:
            levels = pa.array([*self.levels], pa.int64())
            place = pc.index_in(pa.array(codes, pa.int64()), value_set=levels)
            found = pc.coalesce(pa.array([*self.levels.values()], TEXT).take(place), found)
        return pc.fill_null(found, self.gap)

    def _plain(self, values: pa.Array) -> pa.Array:
        values = plain(values)
        if is_text(values.type) or not _is_number(values.type):
            return values.cast(TEXT)
        distinct = values.dictionary_encode()
        texts = [self._number(number) for number in distinct.dictionary.to_pylist()]
        return pa.array(texts, TEXT).take(distinct.indices)

    def _number(self, number: float) -> str:
        group = "," if self.thousands else ""
        if self.places >= 0:
            text = f"{number:{group}.{self.places}f}"
        else:
            short = isinstance(number, int) or (self.places == SHORT and _is_whole(number))
            text = f"{int(number) if short else number:{group}}"
        marks = {ord(","): self.thousands, ord("."): self.decimal}
        return text.translate(marks) if self.thousands or self.decimal != "." else text

    def to_json(self) -> Json:
        """What is not usual."""
        usual, found = asdict(Texts()), asdict(self)
        found["levels"] = {str(level): text for level, text in self.levels.items()}
        return {name: value for name, value in found.items() if value != usual[name]}

    @classmethod
    def from_json(cls, part: Part) -> Texts:
        """The reverse of :meth:`to_json`.

        Raises:
            BadInput: for what cannot be.
        """
        usual: dict[str, Any] = asdict(cls())
        part.only(usual)
        found = {name: part.text(name) for name in usual if name in part.found and name not in _OWN}
        places = part.found.get("places", SHORT)
        fine = isinstance(places, int) and PYTHON <= places <= MOST_DECIMALS
        part.require(fine, "places", "a number of decimals")
        levels = part.part("levels") if part.has("levels") else Part({}, part.name)
        part.require(all(map(str.isdecimal, levels.found)), "levels", "texts by level")
        each = {int(name): levels.text(name) for name in levels.found}
        return cls(**found, places=int(places), levels=each)


_OWN = ("places", "levels")


def texts_of(
    raw: pa.Array, values: pa.Array, codes: Array, *, single: Array, decimal: str, thousands: str
) -> Texts:
    """How most of a column is written.

    Args:
        raw: the column, text.
        values: what it says, of the column's type; null for gaps.
        codes: the level of each, (N,); -1 for a gap.
        single: whether a level stands for one value, (levels,).
        decimal: mark of decimals in the table.
        thousands: mark of thousands in the table.
    """
    gap = _commonest(raw.filter(pa.array(codes < 0)).to_pylist())
    there = np.flatnonzero((codes >= 0) & ~np.asarray(pc.is_null(values)))
    some = there[:: max(len(there) // LOOKED, 1)]
    shown, said, level = raw.take(pa.array(some)), values.take(pa.array(some)), codes[some]
    stripped = [(text, text.strip()) for text in shown.to_pylist()]
    before = _commonest(text[: len(text) - len(text.lstrip())] for text, _ in stripped)
    after = _commonest(text[len(text.rstrip()) :] for text, bare in stripped if bare)
    found = Texts(before, after, decimal=decimal, thousands=thousands, gap=gap)
    if _is_number(values.type) and len(some):
        found = max(_styles(found, [bare for _, bare in stripped]), key=_fits(shown, said, level))
    return replace(found, levels=_levels(found, raw, values, codes, single))


def _commonest(texts: Iterable[str]) -> str:
    return next((text for text, _ in Counter(texts).most_common(1)), "")


def _styles(found: Texts, bare: Sequence[str]) -> list[Texts]:
    """In which numbers may be written."""
    places = [len(text.partition(found.decimal)[2]) for text in bare]
    fixed = sorted({min(places), max(places), *places[:1]} - {0})
    each = [SHORT, PYTHON, 0, *(number for number in fixed if number <= MOST_DECIMALS)]
    marks = ("", found.thousands) if found.thousands else ("",)
    return [replace(found, places=p, thousands=mark) for mark in marks for p in each]


def _fits(shown: pa.Array, said: pa.Array, level: Array) -> Any:
    def fits(texts: Texts) -> int:
        return int(pc.sum(pc.equal(texts.of(said, level), shown.cast(TEXT))).as_py() or 0)

    return fits


def _levels(
    texts: Texts, raw: pa.Array, values: pa.Array, codes: Array, single: Array
) -> dict[int, str]:
    """Levels of one value whose commonest text is another than would be written."""
    if len(single) > MOST_LEVELS:
        return {}
    other = np.asarray(pc.not_equal(texts.of(values, codes), raw.cast(TEXT)))
    odd = np.flatnonzero(other & (codes >= 0) & single[codes])
    if not len(odd):
        return {}
    pairs = zip(codes[odd].tolist(), raw.take(pa.array(odd)).to_pylist(), strict=True)
    rows, found = np.bincount(codes[codes >= 0], minlength=len(single)), {}
    for (level, text), count in Counter(pairs).most_common():
        if level not in found and 2 * count > rows[level]:
            found[level] = text
    return found


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_whole(number: float) -> bool:
    return float(number).is_integer() and abs(number) < 2**53
