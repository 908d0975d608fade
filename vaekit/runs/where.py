"""What rows are to fulfil, in words: "age > 60 and city in ['Rome', 'Paris']", which are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from vaekit.data.coding import TableCoding, as_type
from vaekit.data.readers.columns import Place, value_type
from vaekit.data.readers.tables import Table
from vaekit.data.schema import ColumnSchema
from vaekit.data.schema.arrow_types import type_named
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.columns import SetAside
from vaekit.data.schema.corrections import NUMBERS
from vaekit.data.schema.forms import Form, Moments, Plain
from vaekit.runs.asked import IN, MISSING, ORDERS, Test, parse
from vaekit.system.checks import BadInput, require
from vaekit.system.seeding import seed_for
from vaekit.system.types import Array

DRAWS, FEWEST, MOST, TRIES = 200_000, 64, 2_048, 100
WHERE = Place("where")


@dataclass(frozen=True)
class Condition:
    """All tests of one column's values.

    Args:
        column: whose they are.
        tests: that have values.
        seed: of the values inside levels.
    """

    column: ColumnSchema
    tests: tuple[Test, ...]
    seed: int = 0

    @cached_property
    def shares(self) -> Array:
        """Of each level, how much of it fulfils the tests, (levels,), 0 to 1.

        Raises:
            BadInput: if nothing does.
        """
        _, codes, mass = self._fulfilling
        if len(codes):
            found = np.bincount(codes, mass, self.column.coding.count)
            return np.minimum(found, 1.0)
        shown = " and ".join(f"{t.rule} {', '.join(map(repr, t.values))}" for t in self.tests)
        raise BadInput(
            f"where: no value of column {self.column.name!r} that the model makes is {shown}"
        )

    @cached_property
    def _fulfilling(self) -> tuple[pa.Array, Array, Array]:
        """Values that fulfil the tests, their levels, and how much of its level each stands for."""
        coding, listed = self.column.coding, [t for t in self.tests if t.rule == IN]
        if not listed:
            count = int(np.clip(DRAWS // coding.count, FEWEST, MOST))
            codes = np.repeat(np.arange(coding.count), count)
            values, mass = (
                self._drawn(codes, self._generator("shares")),
                np.full(len(codes), 1 / count),
            )
        else:
            texts = list(dict.fromkeys(listed[0].values))
            for text in texts:
                self._said(text)
            cells, kind = (
                self._cells(pa.array(texts)),
                self._drawn(np.zeros(1, int), self._generator("")).type,
            )
            codes, mass = coding.codes(cells)[0], coding.mass(cells)
            self._check_known(texts, codes, mass)
            values = as_type(_table(self.column.name, pa.array(texts)), self.column.name, kind)
            values = _one(values)
        kept = np.flatnonzero(self._holds(values) & (mass > 0))
        return values.take(pa.array(kept)), codes[kept], mass[kept]

    def _check_known(self, texts: Sequence[str], codes: Array, mass: Array) -> None:
        """Raise ``BadInput`` for a value that the column cannot have."""
        for text, code, share in zip(texts, codes, mass, strict=True):
            require(code >= 0, f"where: column {self.column.name!r} has no value {text!r}")
            require(
                share > 0,
                f"where: {self.column.name!r} may have any decimals, so that no row has exactly "
                f"{text}: say between which two values it lies, or give it with given",
            )

    def values(self, codes: Array) -> pa.Array:
        """A value that fulfils the tests for each level, drawn as it lies inside it.

        Args:
            codes: (N,) levels of which some part fulfils the tests.
        """
        random = self._generator("values")
        values = self._drawn(codes, random)
        for _ in range(TRIES if not any(t.rule == IN for t in self.tests) else 0):
            wrong = np.flatnonzero(~self._holds(values))
            if not len(wrong):
                return values
            values = _put(values, wrong, self._drawn(codes[wrong], random))
        return self._from_known(values, codes, random)

    def _from_known(self, values: pa.Array, codes: Array, random: np.random.Generator) -> pa.Array:
        """The same with what does not fulfil the tests replaced by values that are known to."""
        known_values, levels, mass = self._fulfilling
        listed = any(test.rule == IN for test in self.tests)
        wrong = np.flatnonzero(~self._holds(values) | listed)
        order = np.argsort(levels, kind="stable")
        ends = np.cumsum(mass[order])
        first = np.searchsorted(levels[order], codes[wrong], side="left")
        last = np.searchsorted(levels[order], codes[wrong], side="right") - 1
        low = ends[first] - mass[order][first]
        chosen = np.searchsorted(ends, low + random.random(len(wrong)) * (ends[last] - low))
        chosen = order[np.clip(chosen, first, last)]
        return _put(values, wrong, known_values.take(pa.array(chosen)))

    def _holds(self, values: pa.Array) -> Array:
        """Which values fulfil all tests, (N,)."""
        keys = self.column.coding.keys(self._cells(values))
        found = np.ones(len(values), bool)
        for test in self.tests:
            found &= self._compared(keys, test)
        return found

    def _compared(self, keys: Array, test: Test) -> Array:
        bounds = [self._bound(text) for text in test.values]
        if test.rule in ORDERS:
            require(
                self.column.coding.ordered,
                f"where: categories of column {self.column.name!r} have no order: use = or in",
            )
            return np.asarray(ORDERS[test.rule](keys, bounds[0]))
        among = np.any([keys == bound for bound in bounds], 0)  # exact for numbers of 64 bits
        return among if test.rule == IN else ~among

    def _bound(self, text: str) -> float:
        found = self._said(text)
        if found is None:
            raise BadInput(f"where: column {self.column.name!r} can have no value {text!r}")
        return found

    def _said(self, text: str) -> float | None:
        """What a text says as a value of the column; None for a category that it has not."""
        try:
            return self.column.coding.bound(self._cells(pa.array([text])))
        except BadInput as error:
            point = ": write a decimal point" if self.column.kind in NUMBERS and "," in text else ""
            raise BadInput(
                f"where: column {self.column.name!r} can have no value {text!r}; "
                f"one of it is {self.column.example}{point}"
            ) from error

    def _cells(self, values: pa.Array) -> Cells:
        return self.column.cells(Cells.of(_table(self.column.name, values), self.column.name))

    def _drawn(self, codes: Array, random: np.random.Generator) -> pa.Array:
        return _one(self.column.coding.values(codes, random))

    def _generator(self, what: str) -> np.random.Generator:
        return np.random.default_rng(seed_for(self.seed, "where", self.column.name, what))


def _table(name: str, values: pa.Array) -> Table:
    return Table(WHERE, {name: pa.chunked_array([values])})


def _one(values: Any) -> pa.Array:
    """In one piece."""
    found = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return found.chunk(0) if isinstance(found, pa.ChunkedArray) else found


def _put(values: pa.Array, places: Array, others: pa.Array) -> pa.Array:
    """The same values with others at some places."""
    at = np.arange(len(values))
    at[places] = len(values) + np.arange(len(places))
    return _one(pa.chunked_array([values, others]).unify_dictionaries()).take(pa.array(at))


@dataclass(frozen=True)
class Where:
    """What rows are to fulfil.

    Args:
        gone: whether the cells of each of these columns are missing, by name.
        conditions: of the values of columns, by name.
    """

    gone: dict[str, bool]
    conditions: dict[str, Condition]

    @property
    def names(self) -> set[str]:
        """Of all columns that something is said of."""
        return {*self.gone, *self.conditions}

    def shares(self, coding: TableCoding) -> dict[int, Array]:
        """Of the levels of the model's columns, by their places: how much of each is let in.

        Args:
            coding: the model's.
        """
        found = {
            coding.gaps.index(name): np.array([not gone, gone], float)
            for name, gone in self.gone.items()
            if name in coding.gaps
        }
        places = {name: len(coding.gaps) + i for i, name in enumerate(coding.schema.names)}
        return found | {places[name]: c.shares for name, c in self.conditions.items()}

    def settled(self, made: pa.Table, coding: TableCoding, rows: Array) -> pa.Table:
        """A table in which each value inside its level fulfils what is said of it.

        Args:
            made: the table.
            coding: the model's.
            rows: its levels, (N, D).
        """
        for name, condition in self.conditions.items():
            codes = rows[:, len(coding.gaps) + coding.schema.names.index(name)]
            place = made.column_names.index(name)
            made = made.set_column(place, name, pa.chunked_array([condition.values(codes)]))
        return made


def _check_aside(one: SetAside, test: Test) -> None:
    """Raise ``BadInput`` unless all rows fulfil a test of a column that is set aside."""
    require(one.comes_back, f"where: column {one.name!r} is set aside ({one.kind}): leave it out")
    fine = _is_always(one, test)
    require(fine, f"where: column {one.name!r} {one.always}: no row is as asked")


def _is_always(one: SetAside, test: Test) -> bool:
    """Whether a column of one value, or of none, fulfils a test."""
    if one.value is None or not test.values:
        return (one.value is None) == (test.rule == MISSING)
    if test.rule not in ORDERS:
        cells = Cells.of(_table(one.name, pa.array(test.values)), one.name)
        return bool((~one.departing(cells) & ~cells.missing).any()) == (test.rule == IN)
    kind = value_type(type_named(one.type))
    form: Form = Moments(kind) if pa.types.is_temporal(kind) else Plain(pa.float64())
    try:
        own, bound = (
            form.bound(Cells.of(_table(one.name, pa.array([text])), one.name))
            for text in (one.value, test.values[0])
        )
    except BadInput as error:
        raise BadInput(
            f"where: column {one.name!r} {one.always}: {test.values[0]!r} is neither before nor "
            "behind that; use = or in"
        ) from error
    return bool(ORDERS[test.rule](own, bound))


def where_of(text: str, coding: TableCoding, seed: int = 0) -> Where:
    """What a text says of the columns of a model.

    Args:
        text: as :func:`parse` takes it.
        coding: the model's.
        seed: of the values inside levels.

    Raises:
        BadInput: for what cannot be read, or that no row can fulfil.
    """
    aside = {one.name: one for one in coding.schema.aside}
    asked = parse(text, (*coding.schema.names, *aside))
    for test in asked:
        if test.name in aside:
            _check_aside(aside[test.name], test)
    tests = [test for test in asked if test.name not in aside]
    columns = {column.name: column for column in coding.schema.columns}
    gone = {test.name: test.rule == MISSING for test in reversed(tests)}
    found: dict[str, Condition] = {}
    for test in tests:
        fine = gone[test.name] == (test.rule == MISSING)
        require(fine, f"where: {test.name!r} cannot be missing and have a value")
        require(
            test.rule != MISSING or test.name in coding.gaps,
            f"where: column {test.name!r} was never missing in training, and so never is",
        )
        own = tuple(t for t in tests if t.name == test.name and t.values)
        if own:
            found[test.name] = Condition(columns[test.name], own, seed)
    where = Where(gone, found)
    where.shares(coding)
    return where
