"""From a table to a source: rows of mixed columns as levels, in memory or, of a large table, in a
temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from vaekit.data.coding import TableCoding, coding_of
from vaekit.data.on_disk import Mapped, Values
from vaekit.data.readers import columns as cells_of
from vaekit.data.readers import mapping
from vaekit.data.readers.arrays import label_numbers
from vaekit.data.readers.roles import ColumnRoles
from vaekit.data.readers.tables import Table, cells
from vaekit.data.schema import NONE, Corrections
from vaekit.data.schema.unseen import NeverSeen
from vaekit.data.schema.words import holds_codes
from vaekit.data.source import Source, random_splits
from vaekit.system.checks import require
from vaekit.system.progress import tracked
from vaekit.system.scratch import scratch
from vaekit.system.types import Array

NARROW = (np.int8, np.int16, np.int32)


def is_plain(table: Table, roles: ColumnRoles) -> bool:
    """Whether all columns but those with a role are numbers without gaps."""
    table, roles, _ = table.arranged(roles)
    own = replace(table, columns={name: table.columns[name] for name in roles.x})
    parts = own.slices(mapping.rows_at_once(len(roles.x))) if own.kept else [own]
    truths: dict[str, bool] = {}
    return all(
        cells_of.is_number(column.type)
        and not cells_of.gaps(column).any()
        and not holds_codes(part.columns[name])
        and truths.setdefault(name, pa.types.is_boolean(column.type))
        == pa.types.is_boolean(column.type)
        for part in parts
        for name in roles.x
        for column in [part.typed(name)]
    )


def coded(
    table: Table,
    roles: ColumnRoles,
    coding: TableCoding | None = None,
    said: Corrections = NONE,
    *,
    allow_missing: bool = False,
    never: NeverSeen | None = None,
) -> Source:
    """The rows of a table as levels; those of a large table stay on disk.

    Args:
        table: as it was read.
        roles: the columns that are not modelled.
        coding: of the model whose rows they are; None to look at the columns.
        said: what a person says of the columns, where they are looked at.
        allow_missing: whether columns may be absent, and so missing; then the rows keep all of
            their columns, to be given back.
        never: where it is noted what no training row holds; by default in the source's notes alone.

    Raises:
        BadInput: for columns that cannot be modelled, or that are not the model's.
    """
    if coding is not None:
        table = table.called(coding.schema.names)
        there = [name for name in coding.schema.names if name in table.columns]
        constant = [name for name in coding.schema.constants if name in table.columns]
        own_names = there if allow_missing else coding.schema.names
        roles = replace(roles, x=(*own_names, *constant))
    table, roles, notes = table.arranged(roles)
    require(
        not roles.columns, "a table's model is given any of its cells, by name: leave out given"
    )
    require(table.rows > 0, f"{table.place.name} holds no rows")
    labels, classes = label_numbers(
        None if roles.label is None else cells(table.columns[roles.label])
    )
    own = replace(table, columns={name: table.columns[name] for name in roles.x}, kept=0)
    splits = random_splits(table.rows)
    if coding is None:
        coding = coding_of(own, splits["train"].numpy(), said)
        notes = (*notes, *coding.schema.notes)
    found, more = coding.schema.found(own, allow_missing=allow_missing)
    never = NeverSeen() if never is None else never
    values, inside = _levels(coding, found, never, large=bool(table.kept))
    return Source(
        table.place.name, values, splits, labels=labels, label_names=classes,
        notes=(*notes, *more, *never.notes), names=table.row_names(), coding=coding, table=own,
        inside=inside, whole=_whole(table, found) if allow_missing else None,
    )  # fmt: skip


def _whole(table: Table, found: Table) -> Table:
    """All columns, called as the model calls its own."""
    return table if set(found.columns) <= set(table.columns) else found


def _levels(
    coding: TableCoding, table: Table, never: NeverSeen, *, large: bool
) -> tuple[Values, Tensor]:
    """All levels, (N, D), and log densities inside them, (N,)."""
    if not large:
        rows, inside = _part(coding, never, table)
        return torch.from_numpy(rows), torch.from_numpy(inside)
    kind = next(k for k in NARROW if max(coding.levels.values()) <= np.iinfo(k).max)
    at_once = mapping.rows_at_once(len(table.columns))
    parts = map(partial(_part, coding, never), table.slices(at_once))
    return _written(table, parts, kind, len(coding.names))


def _part(coding: TableCoding, never: NeverSeen, table: Table) -> tuple[Array, Array]:
    own, inside = coding.schema.coded_part(table, never, weighed=True)
    return coding.with_flags(own), inside


def _written(
    table: Table, parts: Iterator[tuple[Array, Array]], kind: type[np.signedinteger], width: int
) -> tuple[Values, Tensor]:
    """The same in temporary files."""
    name = f"the levels of {table.place.name}"
    count = -(-table.rows // mapping.rows_at_once(len(table.columns)))
    with ExitStack() as stack:
        levels, inside = (stack.enter_context(scratch(name)) for _ in range(2))
        for rows, density in tracked(parts, "coding rows", count):
            levels.add(rows.astype(kind))
            inside.add(density)
        mapped = levels.array(kind, (table.rows, width))
        beside = inside.array(np.float64, (table.rows,))
    return Mapped(mapped, torch.int32), torch.from_numpy(beside)
