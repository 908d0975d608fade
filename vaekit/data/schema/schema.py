"""The schema of a table: its columns, from typed cells to levels and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from vaekit.data.readers.roles import NO_ROLES, ColumnRoles, listed
from vaekit.data.readers.tables import Table
from vaekit.data.schema import standing
from vaekit.data.schema.categories import texts
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.columns import ColumnSchema, SetAside
from vaekit.data.schema.corrections import NONE, NUMBERS, Corrections, Said, toml
from vaekit.data.schema.inference import column_of
from vaekit.data.schema.looked import Found
from vaekit.data.schema.odd import totals_note
from vaekit.data.schema.showing import shortened
from vaekit.data.schema.standing import Standing
from vaekit.data.schema.unseen import BETWEEN, CHANGED, NeverSeen
from vaekit.system.checks import known, require
from vaekit.system.progress import tracked
from vaekit.system.records import Json, Part
from vaekit.system.types import Array

UNSEEN = ("missing", "refuse")
NAMED = 10


@dataclass(frozen=True)
class TableSchema:
    """Types and levels of the columns of a table.

    Args:
        columns: that are modelled, in the table's order.
        aside: that are not.
        order: names of all, as the table had them.
        notes: what was assumed, in words.
    """

    columns: tuple[ColumnSchema, ...]
    aside: tuple[SetAside, ...] = ()
    order: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the modelled columns."""
        return tuple(column.name for column in self.columns)

    @property
    def levels(self) -> tuple[int, ...]:
        """Of each modelled column."""
        return tuple(column.coding.count for column in self.columns)

    @property
    def ordered(self) -> tuple[bool, ...]:
        """Whether the order of levels means something, of each modelled column."""
        return tuple(column.coding.ordered for column in self.columns)

    @property
    def gaps(self) -> tuple[float, ...]:
        """Share of missing cells in training rows, of each modelled column."""
        return tuple(column.gaps for column in self.columns)

    def codes(self, table: Table, *, allow_missing: bool = False, unseen: str = "missing") -> Array:
        """The level of each cell, int32, (N, D); -1 for a missing one. See ``coded``.

        Args:
            table: of any order of columns; others are set aside.
            allow_missing: whether a modelled column may not be there: then its cells are missing.
            unseen: what becomes of an unknown category: "missing", or "refuse".

        Raises:
            BadInput: for a column that is not there, and for a cell that cannot be read, saying
                where.
        """
        return self.coded(table, allow_missing=allow_missing, unseen=unseen)[0]

    def coded(
        self, table: Table, *, allow_missing: bool = False, unseen: str = "missing"
    ) -> tuple[Array, tuple[str, ...]]:
        """Levels, and notes for people: of columns set aside and of what was never seen.

        A number that no level holds has the nearest level; a category that is not known is missing
        (or has the level that rare ones share), and ``log_density_inside`` makes it rare.

        Args:
            table: of any order of columns; others are set aside.
            allow_missing: whether a modelled column may not be there: then its cells are missing.
            unseen: what becomes of an unknown category: "missing", or "refuse".

        Raises:
            BadInput: as ``codes`` does.
        """
        known("rule for unseen categories", unseen, UNSEEN)
        table, notes = self.found(table, allow_missing=allow_missing)
        never = NeverSeen()
        return self.coded_part(table, never, unseen)[0], (*notes, *never.notes)

    def coded_part(
        self, table: Table, never: NeverSeen, unseen: str = "missing", *, weighed: bool = False
    ) -> tuple[Array, Array]:
        """Levels, int32, (N, D), of rows of a table that :meth:`found` gave, and log densities
        inside them as :meth:`log_density_inside` gives them, 0 unless they are asked for.

        Args:
            table: some of its rows.
            never: where what was never seen is noted.
            unseen: what becomes of categories that were not: see ``coded``.
            weighed: whether densities are asked for.
        """
        codes, inside = np.full((table.rows, len(self.columns)), -1, np.int32), np.zeros(table.rows)
        for i, (column, cells) in enumerate(self._cells(table)):
            if cells is None:
                continue
            codes[:, i], odd = column.coding.codes(cells)
            if odd.any() and unseen == "refuse":
                cells.refuse(int(odd.argmax()), "a category that the model has not seen")
            never.add(column.name, odd, cells.plain)
            never.add(column.name, column.coding.rounded(cells), cells.plain, BETWEEN)
            if weighed:
                density = column.coding.log_density(cells)
                inside += np.where((codes[:, i] < 0) & ~odd, 0.0, density)
        for one, cells, odd in self._constants(table):
            never.add(one.name, odd, cells.plain, CHANGED, was=one.value)
            inside += self.log_new * odd
        return codes, inside

    def _constants(self, table: Table) -> Iterator[tuple[SetAside, Cells, Array]]:
        """Columns that held one value in training, and which of their cells hold another."""
        for one in self.aside:
            if one.kind == "constant" and one.name in table.columns:
                cells = Cells.of(table, one.name, more=one.said.missing)
                yield one, cells, one.departing(cells)

    @property
    def log_new(self) -> float:
        """Log probability of what no training row holds, nats: as if it were in one of them and one
        more."""
        return -float(np.log1p(max(column.coding.rows.sum() for column in self.columns)))

    def unseen(self, table: Table) -> dict[str, Array]:
        """Log probabilities of cells that hold what no training row does, nats, (rows,), 0 for all
        others: of categories and of columns that held one value, by the names of those that have
        such cells.

        Args:
            table: that :meth:`found` gave, or some of its rows.
        """
        found = {}
        for column, cells in self._cells(table):
            if cells is not None and (odd := column.coding.codes(cells)[1]).any():
                found[column.name] = np.where(odd, column.coding.log_density(cells), 0.0)
        constant = ((one.name, odd) for one, _, odd in self._constants(table) if odd.any())
        return found | {name: self.log_new * odd for name, odd in constant}

    def found(self, table: Table, *, allow_missing: bool = False) -> tuple[Table, tuple[str, ...]]:
        """A table with all its columns, called as the schema calls them, and what is to be said.

        Args:
            table: of any order of columns.
            allow_missing: whether a modelled column may not be there.

        Raises:
            BadInput: for a column that is not there.
        """
        names, table = self.names, table.called(self.order)
        if table.bare and len(table.columns) == len(self.order):
            wanted = self.order
        else:
            aside = [one.name for one in self.aside if one.name in table.columns]
            there = [n for n in names if n in table.columns or not allow_missing]
            wanted = (*there, *aside)
        none = f"{table.place.name} has none of the model's columns: {listed(names)}"
        require(bool(wanted), none)
        table, _, notes = table.arranged(ColumnRoles(x=wanted))
        absent = [name for name in names if name not in table.columns]
        if absent:
            notes += (f"not there, and so missing in each row: {listed(absent)}",)
        return table, notes

    def _cells(self, table: Table) -> Iterator[tuple[ColumnSchema, Cells | None]]:
        for column in self.columns:
            there = column.name in table.columns
            yield column, column.spelled(Cells.of(table, column.name)) if there else None

    def log_density_inside(self, table: Table, codes: Array | None = None) -> Array:
        """Log density of the values inside their levels, nats, summed over columns, (N,) float64.

        Together with the log probability of the levels it is the log density of the row in the
        columns' own units; numbers on a grid (whole, or of so many decimals) have probabilities.

        Args:
            table: as for ``codes``.
            codes: of the table; a cell that is -1 here does not count, unless it holds a category
                that was never seen. None for all cells.
        """
        table, _ = self.found(table, allow_missing=True)
        total = np.zeros(table.rows)
        for i, (column, cells) in enumerate(self._cells(table)):
            if cells is not None:
                found = column.coding.log_density(cells)
                if codes is not None and (left_out := codes[:, i] < 0).any():
                    _, unseen = column.coding.codes(cells)
                    found = np.where(left_out & ~unseen, 0.0, found)
                total += found
        return total + sum(self.log_new * odd for _, _, odd in self._constants(table))

    def measured(self, table: Table) -> pa.Table:
        """The modelled columns as measures of likeness look at them: numbers and moments as
        numbers, categories (numbers that are names too) as text.

        Args:
            table: as for ``codes``.
        """
        table, _ = self.found(table, allow_missing=True)
        there = ((c, cells) for c, cells in self._cells(table) if cells is not None)
        return pa.table({column.name: column.coding.measured(cells) for column, cells in there})

    def values(self, codes: Array, generator: np.random.Generator) -> dict[str, pa.ChunkedArray]:
        """Values of the columns' own types, in the table's order; constants are there again, what
        names rows and free text is not.

        Args:
            codes: (N, D) levels; -1 for a gap.
            generator: of chance: where inside a level a number lies.
        """
        rows = len(codes)
        made = {
            column.name: column.coding.values(codes[:, i], generator)
            for i, column in enumerate(self.columns)
        }
        made |= {one.name: one.values(rows) for one in self.aside if one.comes_back}
        return {name: pa.chunked_array([made[name]]) for name in self.order if name in made}

    @property
    def made(self) -> tuple[str, ...]:
        """Names of the columns that new rows have."""
        return (*self.names, *(one.name for one in self.aside if one.comes_back))

    @property
    def constants(self) -> tuple[str, ...]:
        """Names of the columns that held one value."""
        return tuple(one.name for one in self.aside if one.kind == "constant")

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is to be said of columns that rows which are made do not have."""
        gone = [f"{one.name!r} ({_kind(one)})" for one in self.aside if not one.comes_back]
        more = f" and {len(gone) - NAMED:,} more" if len(gone) > NAMED else ""
        return (f"not in new rows: {', '.join(gone[:NAMED])}{more}",) if gone else ()

    def only(self, name: str) -> TableSchema:
        """Of one modelled column alone."""
        return TableSchema((self.columns[self.names.index(name)],), order=(name,))

    def to_json(self) -> Json:
        """Lists and dictionaries."""
        return {
            "columns": [column.to_json() for column in self.columns],
            "aside": [one.to_json() for one in self.aside],
            "order": [*self.order],
            "notes": [*self.notes],
        }

    @classmethod
    def from_json(cls, found: object, name: str = "the schema") -> TableSchema:
        """As it was written.

        Args:
            found: what ``to_json`` gave.
            name: what it is called in a complaint.

        Raises:
            BadInput: for what cannot be.
        """
        part = Part(found, name)
        part.only(("columns", "aside", "order", "notes"))
        columns = tuple(ColumnSchema.from_json(Part(c, name)) for c in part.items("columns"))
        aside = tuple(SetAside.from_json(Part(c, name)) for c in part.items("aside"))
        order = part.texts("order")
        names = [*(column.name for column in columns), *(one.name for one in aside)]
        part.require(bool(columns), "columns", "at least one")
        part.require(
            len(set(names)) == len(names) and sorted(names) == sorted(order), "order", "all names"
        )
        return cls(columns, aside, order, part.texts("notes"))

    def to_toml(self) -> str:
        """What a person would have to say to get these types."""
        kinds = {one.name: (one.kind, one.said) for one in self.columns}
        kinds |= {one.name: (one.kind, one.said) for one in self.aside}
        levels = {
            column.name: tuple(texts(column.coding.levels.listed[0]))  # type: ignore[attr-defined]
            for column in self.columns
            if column.kind == "ordered"
        }
        found = {}
        for name in self.order:
            kind, said = kinds[name]
            if kind != "empty":
                values = said.to_json() | {"type": kind}
                values |= {"levels": [*levels[name]]} if name in levels else {}
                first = {"type": values.pop("type")}
                found[name] = Said.from_json(Part(first | values, name))
        return toml(found)

    def describe(self, most: int | None = None) -> str:
        """A table for people: column, type, levels, missing, example; of so many columns at most,
        and below it how many more there are of each type."""
        by_name = {column.name: column for column in self.columns}
        aside = {one.name: one for one in self.aside}
        rows: list[tuple[str, ...]] = [("column", "type", "levels", "missing", "example")]
        for name in self.order:
            if column := by_name.get(name):
                missing = f"{column.gaps:.1%}" if column.gaps else ""
                rows.append(
                    (name, column.kind, column.coding.levels_in_words, missing, column.example)
                )
            else:
                one = aside[name]
                value = one.value or ""
                rows.append((name, one.kind, "set aside", "", value or one.why))
        return shortened(rows, most)


def coarse(schema: TableSchema, said: Corrections, bins: int) -> Corrections:
    """What was said of the columns, and that those of numbers have so many bins where nobody said
    how many.

    Args:
        schema: of the columns.
        said: of them.
        bins: of each.
    """
    own = {
        column.name: replace(column.said, bins=column.said.bins or bins)
        for column in schema.columns
        if column.kind in NUMBERS
    }
    return replace(said, columns={**said.columns, **own})


def infer(table: Table, rows: Array | None = None, said: Corrections = NONE) -> TableSchema:
    """What the columns of a table are, and their levels.

    Args:
        table: as it was read.
        rows: numbers (or a mask) of the training rows, from which bins and frequencies come; None
            for all. Categories that none of them has have no level.
        said: corrections.

    Raises:
        BadInput: for a table without rows or without columns that can be modelled, and for
            corrections that cannot be.
    """
    table, roles, notes = table.arranged(NO_ROLES)
    require(table.rows > 0, f"{table.place.name} holds no rows")
    said.check(roles.x)
    if rows is not None:
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows
        require(len(rows) > 0, "no rows are left for training")
    found = [*_looked_at(table, roles.x, rows, said)]
    columns = tuple(f.column for f in found if isinstance(f.column, ColumnSchema))
    aside = tuple(f.column for f in found if isinstance(f.column, SetAside))
    more = "; it holds one row" if table.rows == 1 else ""
    require(
        bool(columns),
        f"{table.place.name} has no column to model{more}: "
        + ", ".join(f"{one.name!r} is {_kind(one)}" for one in aside[:10]),
    )
    notes += (*(note for f in found for note in f.notes), *totals_note(table, roles.x))
    return TableSchema(columns, aside, tuple(roles.x), notes)


def _looked_at(
    table: Table, names: Sequence[str], rows: Array | None, said: Corrections
) -> Iterator[Found]:
    """What each column is: by all its rows, or, of very many, by rows that stand for them."""
    if table.rows <= standing.MOST:
        yield from (column_of(Cells.of(table, n), rows, said.of(n)) for n in names)
        return
    some = Standing.of(table.rows, rows)
    for name in tracked(names, "looking at columns", len(names)):
        cells = Cells.of(table, name)
        found = column_of(*some.looked_at(cells), said.of(name), table.rows)
        if isinstance(found.column, ColumnSchema):
            found = replace(found, column=some.counted(found.column, cells))
        yield found


def _kind(one: SetAside) -> str:
    return {"constant": "constant", "empty": "empty", "text": "free text"}.get(
        one.kind, "an identifier"
    )
