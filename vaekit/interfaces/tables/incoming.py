"""Rows as they come to an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from vaekit.data.readers.frames import as_kind, typed_as
from vaekit.data.readers.tables import Table


@dataclass(frozen=True)
class Incoming:
    """Rows as they came.

    Args:
        table: of them.
        kind: of frame; None for an array.
        rows: the frame or array.
    """

    table: Table
    kind: str | None
    rows: Any

    @property
    def numbers(self) -> dict[str, str]:
        """All columns of an array are numbers, but for those that hold nothing."""
        some = {n: c for n, c in self.table.columns.items() if c.null_count < len(c)}
        return dict.fromkeys(some, "number")

    def like(self, made: pa.Table) -> Any:
        """A table in the form in which the rows came; columns that the model does not make stay
        as they were."""
        own = {n: made[n] if n in made.column_names else c for n, c in self.table.columns.items()}
        if self.kind:
            return typed_as(as_kind(pa.table(own), self.kind, self.rows), self.rows)
        cells = [c.to_numpy(zero_copy_only=False) for c in own.values()]
        return np.stack(cells, 1).astype(self.rows.dtype)
