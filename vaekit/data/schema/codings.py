"""From the cells of a column of numbers to levels and back; and any coding as it was written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from vaekit.data.readers.columns import Column
from vaekit.data.readers.dialect import LOOK
from vaekit.data.schema.category_coding import CategoryCoding
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.column_coding import part_of, tally
from vaekit.data.schema.forms import Form
from vaekit.data.schema.grids import MOST, Grid
from vaekit.data.schema.inside import Pieces, counted, floats, number_pieces
from vaekit.data.schema.pieces import BORDER, NumberLevels
from vaekit.data.schema.written import form_from_json
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

NEAR, SINGLE, DOUBLE = 1e-3, 2e-7, 1e-12  # of a step, and of numbers in 32 and in 64 bits


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

    def rounded(self, cells: Cells) -> Array:
        """Those with more decimals, or no multiples of the step; none where training rows lie
        beside the grid too."""
        low, high = self._ends
        if not self.grid.whole or (high - low) * self.grid.step >= MOST:
            return np.zeros(len(cells), bool)
        numbers, gaps = self.form.exact(cells)
        numbers = np.where(gaps, 0, numbers)
        near = self.grid.numbers(self.grid.x(numbers)).astype(float)
        step = self.grid.step / 10 ** (self.grid.decimals or 0)
        tolerance = NEAR * step + np.abs(near) * (SINGLE if self._single else DOUBLE)
        off = np.abs(numbers.astype(float) - near) > tolerance
        return off & ~gaps & (np.abs(near) < MOST)

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
        return tally(self.codes(cells)[0], self.count)

    @property
    def used(self) -> NumberCoding:
        """The same: its levels come from training rows alone."""
        return self

    def with_rows(self, counts: Array) -> NumberCoding:
        """The same levels."""
        each = zip(self.levels.levels, counts.tolist(), strict=True)
        levels = tuple(replace(level, rows=count) for level, count in each)
        return replace(self, levels=replace(self.levels, levels=levels))

    def spelled(self, cells: Cells) -> Cells:
        """As they are."""
        return cells

    def as_in(self, made: Column, cells: Cells) -> Column:
        """With the marks of other rows."""
        form = self.form.as_in(cells)
        if form == self.form:
            return made
        numbers, gaps = self.form.read(replace(cells, column=made, dialect=LOOK))
        return pa.chunked_array([form.write(numbers, gaps)])

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
        form, grid, levels = (part_of(part, name) for name in ("form", "grid", "levels"))
        made = cls(form_from_json(form), Grid.from_json(grid), NumberLevels.from_json(levels))
        part.require(made.grid.whole == made.levels.whole, "grid", "whole where the levels are")
        return made


def coding_from_json(part: Part) -> Any:
    """A coding as it was written.

    Args:
        part: what was written.
    """
    return NumberCoding.from_json(part) if part.has("form") else CategoryCoding.from_json(part)
