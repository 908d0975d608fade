"""A column while it is looked at, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.schema.arrow_types import is_known
from vaekit.data.schema.cells import TEXT, Cells
from vaekit.data.schema.columns import ColumnSchema, SetAside
from vaekit.data.schema.corrections import NOTHING_SAID, Said
from vaekit.system.checks import BadInput
from vaekit.system.types import Array

SHOWN = 24


@dataclass(frozen=True)
class Found:
    """What a column is.

    Args:
        column: as it is modelled or set aside.
        notes: what was assumed, in words.
    """

    column: ColumnSchema | SetAside
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Looked:
    """A column while it is looked at.

    Args:
        cells: all of them.
        rows: of training; None for all.
        said: what a person says of it.
        among: how many rows the column has, where only some are looked at.
    """

    cells: Cells
    rows: Array | None
    said: Said = NOTHING_SAID
    among: int = 0

    @property
    def name(self) -> str:
        """Of the column."""
        return self.cells.name

    def aside(self, kind: str, why: str, value: str | None = None) -> Found:
        """Set aside.

        Args:
            kind: constant, identifier, text or empty.
            why: in words.
            value: of a constant.
        """
        stored = self.cells.column.type
        known = str(stored) if is_known(stored) else "null"
        return Found(SetAside(self.name, kind, why, known, value, self.said))

    def training(self, found: Array) -> Array:
        """Of the training rows alone.

        Args:
            found: one for each row.
        """
        return found if self.rows is None else found[self.rows]

    def refuse(self, what: str) -> BadInput:
        """An error about what is said of the column.

        Args:
            what: is wrong.
        """
        return BadInput(f"{self.cells.place.name}: column {self.name!r} {what}")


def text_of(values: Any) -> str:
    """The first of some values as text.

    Args:
        values: of any type that texts can be made of.
    """
    return str(values.cast(TEXT)[0].as_py())


def distinct(looked: Looked) -> tuple[pa.Array, Array]:
    """Different values, and which each row has; -1 for a gap."""
    cells = looked.cells
    if cells.is_text:
        return cells.text.values, cells.text.rows
    encoded = cells.plain.combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    return encoded.dictionary, pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)


def _shown(cell: pa.Scalar) -> str:
    """A cell as people read it; ticks, of a moment that Python has no name for."""
    try:
        return str(cell.as_py()).strip()
    except (OverflowError, ValueError):
        return str(cell.cast(pa.int64()))


def modelled(
    looked: Looked,
    kind: str,
    coding: Any,
    gaps: Array,
    notes: tuple[str, ...],
) -> Found:
    """A column that is modelled.

    Args:
        looked: the column.
        kind: of it.
        coding: to levels and back.
        gaps: which cells are missing.
        notes: what was assumed, in words.
    """
    first = int(np.argmin(gaps))
    example = _shown(looked.cells.plain[first])
    example = example if len(example) <= SHOWN else example[: SHOWN - 3] + "..."
    own = float(looked.training(gaps).mean())
    column = ColumnSchema(looked.name, kind, coding, own, example, looked.cells.kept, looked.said)
    return Found(column, notes)
