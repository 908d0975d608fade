"""From the cells of a column of categories to levels and back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.columns import Column
from vaekit.data.schema.arrow_types import type_named
from vaekit.data.schema.categories import CategoryLevels
from vaekit.data.schema.cells import TEXT, Cells, truths
from vaekit.data.schema.column_coding import part_of, tally
from vaekit.data.schema.inside import Pieces, category_pieces
from vaekit.data.schema.truth_words import respelled
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

TRUTHS = 2


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

    def rounded(self, cells: Cells) -> Array:
        """None: categories are compared whole."""
        return np.zeros(len(cells), bool)

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
        counts = tally(places, len(self.levels.rows))
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
        """Cells as the values are inside; those that these cannot be, and gaps, are missing."""
        inner = self.levels.values.type
        column = cells.numbers() if cells.is_text else cells.plain
        try:
            if pa.types.is_floating(column.type) and not pa.types.is_floating(inner):
                whole = pc.equal(pc.round(column), column)
                column = pc.if_else(whole, column, pa.scalar(None, column.type))
            if pa.types.is_boolean(inner):
                column = truths(column)
            return column.cast(inner)
        except pa.ArrowException:
            cells.refuse_text(f"categories of type {inner}")
            raise AssertionError from None

    def spelled(self, cells: Cells) -> Cells:
        """Words for true and false in the spelling of the levels, where these are such."""
        if not cells.is_text or len(self.levels.rows) > TRUTHS:
            return cells
        like = self.levels.values.cast(TEXT).to_pylist()
        values = respelled(cells.text.values, like)
        if values is cells.text.values:
            return cells
        where = pa.array(cells.text.rows, mask=cells.text.rows < 0)
        return replace(cells, column=pa.chunked_array([values.take(where)]))

    def as_in(self, made: Column, cells: Cells) -> Column:
        """Words for true and false as other rows spell them; else as they are."""
        if not cells.is_text or len(self.levels.rows) > TRUTHS:
            return made
        words = cells_of.plain(made).cast(TEXT).combine_chunks()
        found = respelled(words, cells.text.values.to_pylist())
        return made if found is words else pa.chunked_array([found])

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
        levels = CategoryLevels.from_json(part_of(part, "levels"), inside(kind))
        return cls(kind, levels, part.has("ordered") and part.flag("ordered"))


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
