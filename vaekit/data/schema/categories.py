"""Levels of categories: each value has one. Where they are many, the rare ones share one: of a
value that is there in a few rows nothing can be learnt but how often it comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.columns import Column
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

MANY_LEVELS, MOST_LEVELS, FEW_ROWS = 1_000, 10_000, 5
BETWEEN = 0.5  # of two places: where a value stands that has none


@dataclass(frozen=True)
class CategoryLevels:
    """Levels of values that are compared whole.

    Args:
        values: with a level each, in order; without gaps.
        rows: training rows of each of ``values``, and of each of ``others``.
        others: values that share the last level, from which they are drawn by frequency.
        never: values that the column might have and no training row has: they have no level.
        before: how many of ``values`` stand before each of ``never``, in the column's order.
    """

    values: pa.Array
    rows: Array
    others: pa.Array = field(default_factory=lambda: pa.nulls(0))
    never: pa.Array = field(default_factory=lambda: pa.nulls(0))
    before: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many levels."""
        return len(self.values) + (len(self.others) > 0)

    @cached_property
    def _known(self) -> pa.Array:
        if not len(self.others):
            return self.values
        return pa.concat_arrays([self.values, self.others.cast(self.values.type)])

    @cached_property
    def listed(self) -> tuple[pa.Array, Array]:
        """All values in the column's order, those of no training row too, and where each that has
        a place stands among them, int64."""
        found = pa.concat_arrays([self._known, self.never.cast(self.values.type)])
        rank = np.concatenate([np.arange(len(self.rows)), np.array(self.before) - BETWEEN])
        order = np.argsort(rank, kind="stable")
        return found.take(pa.array(order)), np.argsort(order)[: len(self.rows)]

    @property
    def used(self) -> CategoryLevels:
        """The same where only values of training rows have levels; as it is where none has any."""
        seen, own = self.rows > 0, len(self.values)
        if seen.all() or not seen.any():
            return self
        values, others = self._known[:own], self._known[own:]
        kept = CategoryLevels(
            values.filter(pa.array(seen[:own])),
            self.rows[seen],
            others.filter(pa.array(seen[own:])),
        )
        return kept.among(self._known, seen)

    def among(self, order: pa.Array, seen: Array) -> CategoryLevels:
        """The same levels of a column that might have more values.

        Args:
            order: all values.
            seen: which of them training rows have, (values,).
        """
        if seen.all():
            return self
        before = np.minimum(np.cumsum(seen)[~seen], len(self.values))
        never = order.filter(pa.array(~seen))
        return replace(self, never=never, before=tuple(before.tolist()))

    def never_at(self, values: Column | pa.Array) -> float | None:
        """Between which places the first of some values stands, half-way, if it is one of those
        that no training row has; else None.

        Args:
            values: of the values' type.
        """
        at = pc.index_in(values, value_set=self.never.cast(self.values.type))
        found = at[0].as_py() if len(at) else None
        return None if found is None else self.before[found] - BETWEEN

    def places(self, column: Column) -> Array:
        """The place of each cell among all values, int64, (N,); -1 for a gap or an unknown one.

        Args:
            column: of the values' type.
        """
        found = pc.index_in(column, value_set=self._known)
        found = pc.if_else(pc.is_null(column), pa.scalar(None, pa.int32()), found)
        return pc.fill_null(found, -1).to_numpy().astype(np.int64)

    def codes(self, places: Array) -> Array:
        """The level of each place, int32.

        Args:
            places: among all values; -1 for none.
        """
        return np.minimum(places, self.count - 1).astype(np.int32)

    def log_density(self, places: Array) -> Array:
        """0 for values with a level of their own; of others log of their share of it; nats.

        Args:
            places: among all values; -1 for none.
        """
        found = np.zeros(len(places))
        shared = places >= len(self.values)
        if shared.any():
            share = self.shares
            found[shared] = np.log(share[places[shared] - len(self.values)])
        return found

    @property
    def shares(self) -> Array:
        """Of the values of the last level; those seen in no training row count half a row."""
        rows = np.maximum(self.rows[len(self.values) :].astype(float), 0.5)
        return rows / rows.sum()

    def draw(self, codes: Array, generator: np.random.Generator) -> Array:
        """The place of a value for each level, int64.

        Args:
            codes: (N,) levels.
            generator: of chance.
        """
        chance = generator.random(len(codes))
        found = codes.astype(np.int64)
        shared = found >= len(self.values)
        if shared.any():
            ends = np.cumsum(self.shares)
            at = np.searchsorted(ends / ends[-1], chance[shared], side="right")
            found[shared] = len(self.values) + np.minimum(at, len(ends) - 1)
        return found

    def take(self, places: Array) -> pa.Array:
        """The values at these places.

        Args:
            places: (N,) among all values; -1 for a gap.
        """
        return self._known.take(pa.array(places, mask=places < 0))

    def to_json(self) -> Json:
        """Values as text, and rows."""
        found: Json = {"values": texts(self.values), "rows": self.rows.tolist()}
        found |= {"others": texts(self.others)} if len(self.others) else {}
        never = {"never": texts(self.never), "before": [*self.before]}
        return found | (never if self.before else {})

    @classmethod
    def from_json(cls, part: Part, kind: pa.DataType) -> CategoryLevels:
        """As it was written.

        Args:
            part: what was written.
            kind: of the values.

        Raises:
            BadInput: for what cannot be.
        """
        part.only(("values", "rows", "others", "never", "before"))
        values = part.made(lambda: from_texts(part.texts("values"), kind))
        told = {name: part.texts(name) if part.has(name) else () for name in ("others", "never")}
        others = part.made(lambda: from_texts(told["others"], kind))
        never = part.made(lambda: from_texts(told["never"], kind))
        before = part.wholes("before") if part.has("before") else ()
        fine = len(before) == len(never) and max(before, default=0) <= len(values)
        part.require(fine, "before", "a place for each that is never there")
        rows = np.array(part.wholes("rows"), np.int64)
        part.require(len(rows) == len(values) + len(others) > 0, "rows", "one for each value")
        known = pa.concat_arrays([values, others, never])
        part.require(known.null_count == 0, "values", "texts of the column's type")
        part.require(len(known.unique()) == len(known), "values", "different")
        return cls(values, rows, others, never, tuple(before))


def texts(values: pa.Array) -> list[str]:
    """Values as text, from which they come back exactly."""
    return values.cast(pa.large_string()).to_pylist()


def from_texts(found: object, kind: pa.DataType) -> pa.Array:
    """Values back from text.

    Args:
        found: texts.
        kind: of the values.
    """
    return pa.array(found, pa.large_string()).cast(kind)


def levels_of(
    values: pa.Array,
    rows: Array,
    *,
    each: bool = False,
    many: int = MANY_LEVELS,
    most: int = MOST_LEVELS,
) -> CategoryLevels:
    """The levels of a column.

    Args:
        values: different ones, in the order that they shall have.
        rows: training rows of each.
        each: whether each has a level of its own, however many there are.
        many: values beyond which those of fewer than five training rows share a level.
        most: levels that there may be.
    """
    if each or len(values) <= many:
        return CategoryLevels(values, rows)
    own = np.zeros(len(rows), bool)
    own[np.argsort(-rows, kind="stable")[: most if len(rows) <= most else most - 1]] = True
    own &= rows >= FEW_ROWS
    if own.all():
        return CategoryLevels(values, rows)
    return CategoryLevels(
        values.filter(pa.array(own)),
        np.concatenate([rows[own], rows[~own]]),
        values.filter(pa.array(~own)),
    )
