"""Rows of data, with fixed splits and optional labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data.conditions import Condition, Conditions
from vaekit.data.given_columns import column_of
from vaekit.data.layout import RowLayout
from vaekit.data.on_disk import OnDisk, Reordered, Selection, Values, chunks_of
from vaekit.data.readers.roles import ColumnRoles, listed
from vaekit.system.checks import BadInput, known, require, size_text
from vaekit.system.seeding import generator_for, some
from vaekit.system.types import Array

if TYPE_CHECKING:
    from vaekit.data.coding import TableCoding
    from vaekit.data.readers.tables import Table

SPLITS = ("train", "validation", "test")
FEWEST_ROWS = 10
GAPS = ", or train a recipe that takes gaps, as gaps_vae"


@dataclass(frozen=True)
class Source:
    """N rows as they are stored, split once and for all.

    Args:
        name: what people call it.
        values: (N, C, H, W) for images, (N, D) for vectors; uint8, a wider integer, float32,
            or float64 where float32 would lose digits; in memory, or left on disk.
        splits: indices of the rows of "train", "validation" and "test", without overlap.
        labels: (N,) whole numbers, or None; they colour pictures and are not trained on unless
            they are given.
        label_names: what the numbers mean.
        columns: names of the D numbers of a vector.
        factors: (N, factors) whole numbers from which each row was made, where known.
        factor_names: what they are.
        intervene: (factor, rows, random) to new rows that share one random value of a factor.
        notes: one line each for people, on how the data was opened.
        levels: number of levels, where the publisher says so (17 for scikit-learn's digits).
        given: what a model is given beside each row: (N,) class numbers or covariates, by name.
        given_names: the names of the classes; absent for covariates.
        names: what each row is called, such as the file of a picture; empty where rows have none.
        layout: how a row lay in the array that it came from; None for what was no array.
        types: what each of the columns holds, as NumPy calls it ("int64", "bool"); all rows are
            kept in one type, which holds them all.
        coding: how the rows of a table of mixed columns became levels; None for rows of numbers.
        inside: (N,) for such rows, log density in nats of the numbers inside their levels.
        table: their columns as they were read.
        whole: all columns of such rows, those too that are not modelled, where the rows are to be
            given back.
    """

    name: str
    values: Values
    splits: Mapping[str, Tensor]
    labels: Tensor | None = None
    label_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    levels: int | None = None
    notes: tuple[str, ...] = field(default=())
    factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()
    intervene: Callable[[int, int, np.random.Generator], np.ndarray] | None = None
    given: Mapping[str, Tensor] = field(default_factory=dict)
    given_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    layout: RowLayout | None = None
    types: tuple[str, ...] = ()
    coding: TableCoding | None = None
    inside: Tensor | None = None
    table: Table | None = None
    whole: Table | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.values.shape[1:])

    @property
    def is_mixed(self) -> bool:
        """Whether rows are fractions, or numbers, but some columns are of whole numbers, or truths:
        then there is more to remember than the type of the rows."""
        kinds = {np.dtype(kind).kind for kind in self.types}
        return "b" in kinds or (self.values.is_floating_point() and not kinds <= {"f"})

    @property
    def is_image(self) -> bool:
        """Whether rows are (C, H, W)."""
        return self.values.dim() == 4

    @property
    def series(self) -> dict[str, Any]:
        """Of rows that are series, times and features, and whether these come first."""
        layout = self.layout
        if layout is None or layout.noun != "series":
            return {}
        first = layout.axes == "features_first"
        sizes = layout.shape[::-1] if first else layout.shape
        return {"series": list(sizes), "features_first": first}

    def indices(self, split: str) -> Tensor:
        """Which rows are in a split; "all" of them are in one more."""
        if split == "all":
            return torch.arange(len(self.values))
        return self.splits[known("split", split, (*self.splits, "all"))]

    def rows(self, split: str) -> Values:
        """The stored values of a split's rows; what is on disk stays there."""
        if isinstance(self.values, OnDisk):
            return Selection(self.values, self.indices(split))
        if split == "all":
            return self.values
        return self.values[self.indices(split)]

    def numbered(self) -> Source:
        """The same, where rows of a table that have no names are called by their numbers: some of
        them are still known by these."""
        if self.names or self.coding is None:
            return self
        return replace(self, names=tuple(map(str, range(len(self)))))

    def names_of(self, split: str, limit: int | None = None) -> Array:
        """What the first ``limit`` rows of a split, or all, are called: by their names, or else by
        their numbers among all rows."""
        indices = self.indices(split)[:limit]
        return np.array([self.names[i] for i in indices]) if self.names else indices.numpy()

    def labels_of(self, split: str) -> Tensor | None:
        """The labels of one split's rows, where there are labels."""
        if self.labels is None or split == "all":
            return self.labels
        return self.labels[self.splits[split]]

    def given_of(self, split: str) -> dict[str, Tensor]:
        """What is given beside a split's rows."""
        indices = self.indices(split)
        return {name: column[indices] for name, column in self.given.items()}

    def classified(self, split: str) -> Tensor:
        """Of which rows of a split there are classes that are given, all of them known."""
        told = self.given_of(split)
        known = [told[name] >= 0 for name in self.given_names]
        return torch.stack(known).all(0) if known else torch.zeros(len(self.indices(split))).bool()

    def conditions(self) -> Conditions:
        """What a model of this data is given; means and spreads are the training rows'."""
        return Conditions(tuple(map(self._condition, self.given)))

    def _condition(self, name: str) -> Condition:
        if name in self.given_names:
            return Condition(name, self.given_names[name])
        values = self.given[name][self.splits["train"]].double()
        spread = values.std(correction=0).item()
        return Condition(name, mean=values.mean().item(), spread=spread or 1.0)

    def take(self, indices: Tensor) -> Source:
        """These rows alone, with their labels, factors and what is given; they are split again."""
        values = self.values
        chosen = Selection(values, indices) if isinstance(values, OnDisk) else values[indices]
        return replace(
            self,
            values=chosen,
            splits=random_splits(len(indices)),
            labels=None if self.labels is None else self.labels[indices],
            factors=None if self.factors is None else self.factors[indices],
            given={name: column[indices] for name, column in self.given.items()},
            names=tuple(self.names[i] for i in indices.tolist()) if self.names else (),
            inside=None if self.inside is None else self.inside[indices],
            table=None if self.table is None else self.table.take(indices.numpy()),
            whole=None if self.whole is None else self.whole.take(indices.numpy()),
        )

    def between(self, start: int, stop: int) -> Source:
        """The rows from one to another, as a source of their own; itself where these are all."""
        stop = min(stop, len(self))
        return self if (start, stop) == (0, len(self)) else self.take(torch.arange(start, stop))

    def with_columns(self, columns: Sequence[str]) -> Source:
        """The same rows with these of their columns, in this order; as they are if either has no
        names.

        Raises:
            BadInput: for a column that is not there.
        """
        names, values = tuple(columns), self.values
        if not names or not self.columns or names == self.columns:
            return self
        _, aside = ColumnRoles(x=names).settled(self.columns, self.name)
        order = [self.columns.index(name) for name in names]
        note = (f"set aside, as the model does not know them: {listed(aside)}",) if aside else ()
        return replace(
            self,
            values=Reordered(values, order) if isinstance(values, OnDisk) else values[:, order],
            columns=names,
            types=tuple(self.types[i] for i in order) if self.types else (),
            notes=(*self.notes, *note),
        )

    def some(self, split: str, limit: int, seed: int = 0) -> Source:
        """Rows that stand for a split, at most ``limit``, as a source of their own: chosen and put
        in order at random, by the seed alone."""
        indices = self.indices(split)
        return self.take(indices[some(len(indices), limit, seed)])

    def part(self, split: str, limit: int | None = None) -> Source:
        """The first ``limit`` rows of a split, or all of them, as a source of their own. They stand
        for themselves alone: :meth:`some` are for judging by."""
        if split == "all" and (limit is None or limit >= len(self)):
            return self
        return self.take(self.indices(split)[:limit])

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the values, their type and shape, the splits, and what is given; of values
        on disk, over a thousand rows spread evenly."""
        digest = hashlib.sha256(f"{self.values.dtype}{tuple(self.values.shape)}".encode())
        values = self.values
        if isinstance(values, OnDisk):
            values.feed(digest)
        else:
            digest.update(values.contiguous().numpy().data)
        for split in sorted(self.splits):
            digest.update(self.splits[split].contiguous().numpy().data)
        for name, column in sorted(self.given.items()):
            digest.update(f"{name}{self.given_names.get(name)}".encode())
            digest.update(column.contiguous().numpy().data)
        return digest.hexdigest()

    def describe(self) -> str:
        """One line for people: name, size, type, splits."""
        sizes = ", ".join(f"{len(self.splits[s]):,} {s}" for s in SPLITS)
        kind, shape = "images" if self.is_image else "rows", self.shape
        if self.coding is not None:
            columns = len(self.coding.schema.names)
            return f"{self.name}: {len(self):,} rows of {columns:,} columns ({sizes})"
        if self.layout is not None and not self.is_image:
            kind, shape = self.layout.noun, self.layout.shape
        return f"{self.name}: {len(self.values):,} {kind} of {size_text(shape)} ({sizes})"


def source(
    name: str,
    values: Values,
    splits: Mapping[str, Tensor] | None = None,
    *,
    beside: Mapping[str, Any] | None = None,
    gaps: bool = False,
    **more: Any,
) -> Source:
    """A checked :class:`Source`; without ``splits`` rows are split 80/10/10 at random but
    always in the same way.

    Args:
        name: what people call it.
        values: (N, *row).
        splits: indices of the rows of "train", "validation" and "test".
        beside: columns that a model is to be given, as they stand in the data.
        gaps: whether numbers may be missing, NaN.
        more: other fields of the source.

    Raises:
        BadInput: for no rows, values that are not finite, or labels of another length.
    """
    require(len(values) > 0, f"{name} holds no rows")
    require(values.shape[1:].numel() > 0, f"the rows of {name} hold no numbers")
    check_finite(name, values, more.get("columns", ()), more.get("names", ()), gaps=gaps)
    labels = more.get("labels")
    if isinstance(labels, Tensor) and len(labels) != len(values):
        raise BadInput(
            f"{name} has {len(values)} rows but {len(labels)} labels; give one for each row"
        )
    splits = splits or random_splits(len(values))
    columns = {n: column_of(n, cells, splits["train"]) for n, cells in (beside or {}).items()}
    given = {n: numbers for n, (numbers, _) in columns.items()}
    classes = {n: names for n, (_, names) in columns.items() if names}
    return Source(name, values, splits, given=given, given_names=classes, **more)


def check_finite(
    name: str,
    values: Values,
    columns: tuple[str, ...] = (),
    names: tuple[str, ...] = (),
    *,
    gaps: bool = False,
) -> None:
    """Raise ``BadInput`` naming the first cell that is infinite, or NaN where there are to be no
    ``gaps``."""
    if not values.is_floating_point():
        return
    first: list[int] = []
    count = rows = 0
    for part in chunks_of(values, "checking values"):
        bad = (part.isinf() if gaps else ~torch.isfinite(part)).nonzero()
        if len(bad) and not first:
            first = [rows + int(bad[0][0]), *bad[0][1:].tolist()]
        count, rows = count + len(bad), rows + len(part)
    if not first:
        return
    row, *place = first
    where = f"column {columns[place[0]]!r}" if columns else f"position {tuple(place)}"
    place_of = names[row] if names else f"row {row}"
    what = "infinite" if gaps else "missing or infinite"
    raise BadInput(
        f"{name}: {count:,} values are {what}, the first in {place_of}, {where}; "
        f"fill them in or drop those rows{'' if gaps else GAPS}"
    )


def check_enough(source: Source) -> None:
    """Raise ``BadInput`` if there are too few rows to train on and to hold some out."""
    rows = len(source.values)
    require(
        rows >= FEWEST_ROWS,
        f"{source.name} holds {rows} row{'s' * (rows > 1)}: too few to split into train, "
        f"validation and test; give at least {FEWEST_ROWS}",
    )


def random_splits(rows: int) -> dict[str, Tensor]:
    """80 % train, 10 % validation, 10 % test: a function of the number of rows alone."""
    order = torch.randperm(rows, generator=generator_for("splits", rows))
    tenth = rows // 10
    parts = order.split([rows - 2 * tenth, tenth, tenth])
    for part in parts:
        part.numpy().sort()  # in place, as there may be very many
    return dict(zip(SPLITS, parts, strict=True))


def held_out_test(train: int, test: int, validation: int | None = None) -> dict[str, Tensor]:
    """Splits for data published as train rows followed by test rows: the last of the train rows
    (a sixth by default) serve for validation."""
    validation = max(train // 6, 1) if validation is None else validation
    order = torch.arange(train + test)
    parts = order.split([train - validation, validation, test])
    return dict(zip(SPLITS, parts, strict=True))
