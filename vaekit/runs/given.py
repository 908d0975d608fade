"""What a conditional model is given for the rows of a compressed file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vaekit.codec.bits_back import Given
from vaekit.codec.blocks import part_of
from vaekit.codec.columns import Layout, as_columns, check_of
from vaekit.data import Conditions
from vaekit.data.readers.frames import is_frame, table_of
from vaekit.data.readers.roles import ColumnRoles
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.types import Array


@dataclass(frozen=True)
class Told:
    """Columns as they were handed in, and how a model sees them.

    Args:
        conditions: the model's.
        columns: by name, (rows, ...) each; none for a model of x alone, or one that learned to do
            without.
    """

    conditions: Conditions
    columns: Mapping[str, Array]

    @classmethod
    def of(cls, trained: Trained, given: Mapping[str, Any] | None, rows: int) -> Told:
        """What is handed in for so many rows.

        Args:
            trained: the model.
            given: by name, one value for each row or one for all.
            rows: how many there are.

        Raises:
            BadInput: for what is unknown, missing, or of another length.
        """
        conditions = trained.config.conditions
        if not given and trained.may_be_untold:
            return cls(conditions, {})
        columns = as_columns(given or {}, rows)
        conditions.ask(columns, rows)
        return cls(conditions, {name: columns[name] for name in conditions.names})

    def encoded(self, rows: slice) -> Given:
        """What the model is given for some of the rows, (rows, width) each, in float64."""
        columns, count = part_of(self.columns, rows), rows.stop - rows.start
        if columns:
            told = self.conditions.encode(self.conditions.ask(columns, count))
        else:
            told = self.conditions.unknown(count)
        found = {name: values.double().numpy() for name, values in told.items()}
        for name, values in found.items():
            require(bool(np.isfinite(values).all()), f"{name} must be finite numbers")
        return found

    def header(self, counts: list[int], pieces: list[bytes] | None) -> dict[str, Any]:
        """What a file's header says of it.

        Args:
            counts: rows of each block.
            pieces: of :meth:`packed`, if the file holds them.
        """
        checks = [check_of(self.encoded(rows)) for rows in spans(counts)]
        if pieces is None:
            return {"names": [*self.columns], "stored": False, "checks": checks}
        sizes = [len(piece) for piece in pieces]
        return {
            **Layout.of(self.columns).to_json(),
            "stored": True,
            "sizes": sizes,
            "checks": checks,
        }

    def packed(self, counts: list[int]) -> list[bytes]:
        """Deflated columns for each block."""
        layout = Layout.of(self.columns)
        return [layout.pack(part_of(self.columns, rows)) for rows in spans(counts)]


def stored(trained: Trained, data: Any) -> tuple[Any, Mapping[str, Any]]:
    """Rows as they are to be compressed, and what they carry of what is given: an array as it is,
    of a data frame the columns that the model knows, by their names."""
    if not is_frame(data):
        return data, {}
    source, conditions = trained.open(data), trained.config.conditions
    array = table_of(data, source.name).array(ColumnRoles(x=source.columns))
    return array, conditions.carried(source.given, source.given_names)


def spans(counts: Iterable[int]) -> Iterator[slice]:
    """The rows of each block."""
    at = 0
    for count in counts:
        yield slice(at, at + count)
        at += count
