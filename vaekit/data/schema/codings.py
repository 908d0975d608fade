"""From the cells of a column to levels and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Column
from vaekit.data.schema.arrow_types import type_named
from vaekit.data.schema.categories import CategoryLevels
from vaekit.data.schema.cells import TEXT, Cells
from vaekit.data.schema.forms import Form
from vaekit.data.schema.grids import Grid
from vaekit.data.schema.inside import (
    Pieces,
    category_pieces,
    counted,
    floats,
    number_pieces,
)
from vaekit.data.schema.pieces import BORDER, NumberLevels
from vaekit.data.schema.written import form_from_json
from vaekit.system.records import Json, Part
from vaekit.system.types import Array


@dataclass(frozen=True)
class NumberCoding:
    """Numbers and moments.

    Args:
        form: how they are stored.
        grid: which can be.
        levels: of their x.
    """

    form: Form
    grid: Grid
    levels: NumberLevels
    ordered = True

    @property
    def count(self) -> int:
        """Levels."""
        return self.levels.count

    @property
    def levels_in_words(self) -> str:
        """How many levels."""
        return f"{self.count:,}"

    @property
    def rows(self) -> Array:
        """Training rows of each level."""
        return np.array(self.levels.rows)

    def codes(self, cells: Cells) -> tuple[Array, Array]:
        """The nearest level where no level holds the number."""
        numbers, gaps = self.form.read(cells)
        codes = self.levels.codes(self.grid.x(numbers))
        codes[gaps] = -1
        return codes, np.zeros(len(codes), bool)

    def log_density(self, cells: Cells) -> Array:
        """A density in the column's units, or a probability where it lies on a grid."""
        numbers, gaps = self.form.read(cells)
        x = np.where(gaps, 0.0, self.grid.x(numbers))
        return np.where(gaps, 0.0, self.levels.log_density(x))

    def keys(self, cells: Cells) -> Array:
        """The numbers themselves, as they are stored."""
        return self.form.read(cells)[0]

    def bound(self, cells: Cells) -> float | None:
        """A number as it is stored, which need not be one that can be."""
        return self.form.bound(cells)

    def why_not(self, cells: Cells) -> str:
        """That numbers are none, infinite, no multiple of what a cell counts, or far from all."""
        if cells.is_text and pa.types.is_boolean(cells.counted.type):
            return "is no number"
        numbers, gaps = self.form.read(cells)
        if gaps[0]:
            return "" if cells.missing[0] else "is infinite"
        if self.form.bound(cells) != numbers[0]:
            return f"is no value of type {self.form.type}: its cells would hold another"
        low, high = self._ends
        x = float(self.grid.x(numbers)[0])
        if low - self.levels.scale <= x <= high + self.levels.scale:
            return ""
        ends = self.grid.numbers(np.array([low, high])).tolist()
        return (
            f"lies far from all that training rows hold: {' to '.join(map(self.form.show, ends))}"
        )

    @property
    def _ends(self) -> tuple[float, float]:
        """The least x and the greatest that levels hold."""
        border = BORDER if self.levels.whole else 0.0
        return self.levels.levels[0].low + border, self.levels.levels[-1].high - border

    def expected(self, chances: Array) -> pa.Array:
        """Means, of the numbers that can be those that are nearest to them."""
        return self._written(chances @ self.levels.means)

    def typical(self, levels: Array) -> pa.Array:
        """Means inside levels, likewise."""
        return self._written(self.levels.means[levels])

    def _written(self, x: Array) -> pa.Array:
        x = np.rint(x) if self.grid.whole else x
        return self.form.write(self.grid.numbers(x), np.zeros(len(x), bool))

    def measured(self, cells: Cells) -> pa.Array:
        """The numbers as they are stored, of moments too."""
        numbers, gaps = self.form.read(cells)
        return pa.array(np.asarray(numbers, np.float64), mask=gaps)

    def mass(self, cells: Cells) -> Array:
        """Probabilities of numbers on a grid, and of those that have a level of their own."""
        x = self.grid.x(self.form.read(cells)[0])
        return np.where(self.levels.certain(x), np.exp(self.levels.log_density(x)), 0.0)

    def tally(self, cells: Cells) -> Array:
        """Of levels."""
        return _tally(self.codes(cells)[0], self.count)

    @property
    def used(self) -> NumberCoding:
        """The same: its levels come from training rows alone."""
        return self

    def with_rows(self, counts: Array) -> NumberCoding:
        """The same levels."""
        each = zip(self.levels.levels, counts.tolist(), strict=True)
        levels = tuple(replace(level, rows=count) for level, count in each)
        return replace(self, levels=replace(self.levels, levels=levels))

    def values(self, codes: Array, generator: np.random.Generator) -> pa.Array:
        """Drawn inside the levels."""
        x = self.levels.draw(np.maximum(codes, 0), generator)
        return self.form.write(self.grid.numbers(x), codes < 0)

    @property
    def _single(self) -> bool:
        """Whether real numbers have 32 bits, or fewer."""
        kind = self.form.type
        return bool(pa.types.is_floating(kind) and kind.bit_width <= 32)

    @cached_property
    def pieces(self) -> Pieces:
        """In which numbers are evenly spaced."""
        return number_pieces(self.levels, single=self._single)

    def inside(self, cells: Cells, codes: Array) -> tuple[Array, Array]:
        """By whole x, or by real numbers counted in their order."""
        numbers, gaps = self.form.read(cells)
        x = np.where(gaps, 0.0, self.grid.x(numbers))
        whole = self.levels.whole
        return self.pieces.holding(codes, counted(x, whole=whole, single=self._single))

    def held(self, piece: Array, place: Array) -> pa.Array:
        """Numbers as they are stored."""
        found, known = self.pieces.numbers(piece, place)
        x = found.astype(float) if self.levels.whole else floats(found, single=self._single)
        return self.form.write(self.grid.numbers(np.where(known, x, 0.0)), ~known)

    def to_json(self) -> Json:
        """Form, grid and levels."""
        return {
            "form": self.form.to_json(),
            "grid": self.grid.to_json(),
            "levels": self.levels.to_json(),
        }

    @classmethod
    def from_json(cls, part: Part) -> NumberCoding:
        """As it was written."""
        part.only(("form", "grid", "levels"))
        form, grid, levels = (_inner(part, name) for name in ("form", "grid", "levels"))
        made = cls(form_from_json(form), Grid.from_json(grid), NumberLevels.from_json(levels))
        part.require(made.grid.whole == made.levels.whole, "grid", "whole where the levels are")
        return made


@dataclass(frozen=True)
class CategoryCoding:
    """Values that are compared whole.

    Args:
        type: of the column.
        levels: of the values; texts are large strings inside.
        ordered: whether their order means something.
    """

    type: pa.DataType
    levels: CategoryLevels
    ordered: bool = False

    @property
    def count(self) -> int:
        """Levels."""
        return self.levels.count

    @property
    def levels_in_words(self) -> str:
        """How many levels, and of how many values where rare ones share the last."""
        more = f" of {len(self.levels.rows):,}" if len(self.levels.others) else ""
        return f"{self.count:,}{more}"

    @property
    def rows(self) -> Array:
        """Training rows of each level."""
        own = len(self.levels.values)
        found = self.levels.rows
        return np.append(found[:own], found[own:].sum()) if len(found) > own else found

    def codes(self, cells: Cells) -> tuple[Array, Array]:
        """-1 also for a category never seen, unless rare ones share a level: then that."""
        places, gaps = self._places(cells)
        unknown = (places < 0) & ~gaps
        if len(self.levels.others):
            places = np.where(unknown, len(self.levels.rows), places)
        return self.levels.codes(places), unknown

    def log_density(self, cells: Cells) -> Array:
        """0, but for rare categories that share a level; log 1 / (rows + 1) for one never seen."""
        places, gaps = self._places(cells)
        found = self.levels.log_density(places)
        found[(places < 0) & ~gaps] = -np.log1p(self.levels.rows.sum())
        return found

    def keys(self, cells: Cells) -> Array:
        """Places among the values."""
        return self._places(cells)[0]

    def bound(self, cells: Cells) -> float | None:
        """The place of a value, half-way between two of one that no training row has; None for
        one that the column cannot have."""
        place = int(self.keys(cells)[0])
        texts = cells.is_text and self.levels.values.type == TEXT
        value = cells.text.values if texts else self._cast(cells)
        return self.levels.never_at(value) if place < 0 else place

    def why_not(self, cells: Cells) -> str:
        """Nothing: those never seen have no level."""
        return ""

    def expected(self, chances: Array) -> pa.Array:
        """The likeliest; of rare ones that share a level the most frequent."""
        return self.typical(chances.argmax(1))

    def typical(self, levels: Array) -> pa.Array:
        """Categories; of rare ones that share a level the most frequent."""
        own, rows = len(self.levels.values), self.levels.rows
        rare = own + int(rows[own:].argmax()) if len(rows) > own else own
        return self._as_type(np.where(levels < own, levels, rare))

    def measured(self, cells: Cells) -> pa.Array:
        """Values as text; those never seen are one."""
        places, gaps = self._places(cells)
        named = self.levels.take(np.maximum(places, 0)).cast(pa.large_string())
        there = pc.if_else(pa.array(places >= 0), named, pa.scalar("never seen", pa.large_string()))
        return pc.if_else(pa.array(gaps), pa.scalar(None, pa.large_string()), there)

    def mass(self, cells: Cells) -> Array:
        """1, but for rare categories that share a level; 0 for those never seen."""
        places = self.keys(cells)
        return np.where(places < 0, 0.0, np.exp(self.levels.log_density(places)))

    def tally(self, cells: Cells) -> Array:
        """Of values."""
        places, gaps = self._places(cells)
        counts = _tally(places, len(self.levels.rows))
        counts[-1] = gaps.sum()
        return counts

    @property
    def used(self) -> CategoryCoding:
        """The same where only values of training rows have levels."""
        return replace(self, levels=self.levels.used)

    def with_rows(self, counts: Array) -> CategoryCoding:
        """The same levels."""
        return replace(self, levels=replace(self.levels, rows=counts))

    def _places(self, cells: Cells) -> tuple[Array, Array]:
        """Each cell's place among the values, and which cells are missing."""
        inner = self.levels.values.type
        if inner == TEXT and cells.is_text:
            texts = cells.text
            found = self.levels.places(pa.chunked_array([texts.values]))
            return np.append(found, -1)[texts.rows], texts.rows < 0
        column = cells.numbers() if cells.is_text else cells.plain
        gaps = _gaps(column)
        if inner == TEXT and pa.types.is_boolean(column.type):
            return _truths(column, self.levels.values), gaps
        return self.levels.places(self._cast(cells)), gaps

    def _cast(self, cells: Cells) -> Column:
        """Cells as the values are inside."""
        inner, column = self.levels.values.type, cells.numbers() if cells.is_text else cells.plain
        if pa.types.is_boolean(inner) and cells_of.is_number(column.type):
            wrong = pc.invert(
                pc.is_in(column.cast(pa.float64(), safe=False), value_set=pa.array([0.0, 1.0]))
            )
            column = pc.if_else(wrong, pa.scalar(None, column.type), column)
        try:
            return column.cast(inner)
        except pa.ArrowException:
            cells.refuse_text(f"categories of type {inner}")
            raise AssertionError from None

    def values(self, codes: Array, generator: np.random.Generator) -> pa.Array:
        """The categories."""
        return self._as_type(self.levels.draw(codes, generator))

    def _as_type(self, places: Array) -> pa.Array:
        if not pa.types.is_dictionary(self.type):
            return self.levels.take(places).cast(self.type)
        known, at = self.levels.listed
        indices = pa.array(at[places], mask=places < 0).cast(self.type.index_type)
        known = known.cast(self.type.value_type)
        return pa.DictionaryArray.from_arrays(indices, known, ordered=self.type.ordered)

    @cached_property
    def pieces(self) -> Pieces:
        """Each a value."""
        return category_pieces(self.levels)

    def inside(self, cells: Cells, codes: Array) -> tuple[Array, Array]:
        """By the place among all values."""
        return self.pieces.holding(codes, self.keys(cells))

    def held(self, piece: Array, place: Array) -> pa.Array:
        """Categories."""
        places, known = self.pieces.numbers(piece, place)
        return self._as_type(np.where(known, places, -1))

    def to_json(self) -> Json:
        """Type and levels."""
        found = {"type": str(self.type), "levels": self.levels.to_json()}
        return found | ({"ordered": True} if self.ordered else {})

    @classmethod
    def from_json(cls, part: Part) -> CategoryCoding:
        """As it was written."""
        part.only(("type", "levels", "ordered"))
        kind = part.made(lambda: type_named(part.text("type")))
        levels = CategoryLevels.from_json(_inner(part, "levels"), inside(kind))
        return cls(kind, levels, part.has("ordered") and part.flag("ordered"))


def _tally(codes: Array, count: int) -> Array:
    """How often each of so many codes comes, and how often none, which is -1."""
    found: Array = np.bincount(codes + 1, minlength=count + 1)
    return np.roll(found, -1)


def inside(kind: pa.DataType) -> pa.DataType:
    """The type of a column's categories inside.

    Args:
        kind: of the column.
    """
    value = cells_of.value_type(kind)
    return TEXT if cells_of.is_text(value) else value


def _gaps(column: Column) -> Array:
    gaps = pc.is_null(column, nan_is_null=pa.types.is_floating(column.type))
    return gaps.to_numpy()


def _truths(column: Column, values: pa.Array) -> Array:
    """The places of true and false among texts that say so in whatever capitals."""
    found = pc.index_in(column.cast(TEXT), value_set=pc.utf8_lower(values))
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)


def _inner(part: Part, name: str) -> Part:
    return Part(part.found.get(name), f"{part.name}, {name}")


def coding_from_json(part: Part) -> Any:
    """A coding as it was written.

    Args:
        part: what was written.
    """
    return NumberCoding.from_json(part) if part.has("form") else CategoryCoding.from_json(part)
