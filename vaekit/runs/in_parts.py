"""What a model of a table is asked of many rows: they are made some at a time, so that memory does
not grow with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from vaekit.data import Source
from vaekit.data.kept import Filling
from vaekit.runs import tables
from vaekit.runs.tables import Synthetic
from vaekit.runs.trained import Trained

AT_ONCE = 100_000
SEEDS = 2**32  # as many as a person can choose


def synthesized(trained: Trained, rows: int, *, seed: int = 0, **asked: Any) -> Iterator[Synthetic]:
    """New rows as :func:`vaekit.runs.tables.synthesize` draws them, some at a time.

    Args:
        trained: a model of a table.
        rows: how many.
        seed: of everything random.
        asked: of all rows, as there.
    """
    tables.check_rows(trained, rows)
    for start, own in _parts(rows, seed):
        count = min(AT_ONCE, rows - start)
        yield tables.synthesize(trained, count, seed=own, **asked)


def synthesize(trained: Trained, rows: int, *, seed: int = 0, **asked: Any) -> Synthetic:
    """The same in one table.

    Args:
        trained: a model of a table.
        rows: how many.
        seed: of everything random.
        asked: of all rows.
    """
    parts = [*synthesized(trained, rows, seed=seed, **asked)]
    return Synthetic(pa.concat_tables([part.table for part in parts]), parts[0].notes)


def filled(
    trained: Trained, found: Source, seed: int = 0, kept: Filling | None = None
) -> Iterator[pa.Table]:
    """Rows without gaps as :func:`vaekit.runs.tables.fill` makes them, some at a time.

    Args:
        trained: a model of a table.
        found: rows of other data.
        seed: of everything random.
        kept: how columns are put together; by default as values of types.
    """
    kept = kept or tables.kept_of(trained, found)
    for start, own in _parts(len(found), seed):
        yield tables.fill(trained, found.between(start, start + AT_ONCE), own, kept)


def predicted(trained: Trained, found: Source, target: str, seed: int = 0) -> Iterator[pa.Table]:
    """What :func:`vaekit.runs.tables.prediction` says, of some rows at a time.

    Args:
        trained: a model of a table.
        found: rows of other data.
        target: name of the column.
        seed: of the codes, the same for all rows.
    """
    for start, _ in _parts(len(found), seed):
        part = found.between(start, start + AT_ONCE)
        yield tables.prediction(trained, part, target, seed=seed)


def _parts(rows: int, seed: int) -> Iterator[tuple[int, int]]:
    """The first row of each part, and its seed."""
    for number, start in enumerate(range(0, rows, AT_ONCE)):
        yield start, seed + number * SEEDS
