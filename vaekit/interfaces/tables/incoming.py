"""Rows as they come to an estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from vaekit.data.readers.frames import filled_frame
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
        names = self.table.columns
        if self.kind:
            return filled_frame(self.rows, made.select([*names]))
        cells = np.stack([made[n].to_numpy(zero_copy_only=False) for n in names], 1)
        gone = np.isnan(self.rows)
        return np.where(gone, cells.astype(self.rows.dtype), self.rows)
