"""Rows of a table, every column of which is cut into levels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from vaekit.data import Source
from vaekit.data.coded import coded
from vaekit.data.readers.roles import NO_ROLES
from vaekit.data.schema.unseen import NeverSeen
from vaekit.interfaces.tables.incoming import Incoming
from vaekit.runs import tables
from vaekit.runs.oddest import unseen_in
from vaekit.runs.trained import Trained
from vaekit.system.types import Array


@dataclass(frozen=True)
class Levels:
    """How the model of a table weighs rows.

    Args:
        model: of them.
        seed: of the noise, which all rows share.
    """

    model: Trained
    seed: int

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are modelled."""
        return tables.coding_of(self.model).schema.names

    def rows(self, incoming: Incoming) -> Source:
        """Rows as their levels; what no training row holds is named in warnings."""
        never, coding = NeverSeen(), tables.coding_of(self.model)
        found = coded(incoming.table, NO_ROLES, coding, allow_missing=True, never=never)
        for note in never.notes:
            warnings.warn(note, stacklevel=5)
        return found

    def density(self, rows: Source, samples: int) -> Array:
        """log p of rows as a density in the columns' own units, nats, (rows,)."""
        assert rows.inside is not None
        found = self.model.log_likelihood(rows, samples=samples, seed=self.seed)
        return found + rows.inside.numpy()

    def cells(self, rows: Source, samples: int) -> Array:
        """log p(cell | others), densities in the columns' own units, nats, (rows, columns); NaN for
        a cell that is missing. One code is drawn for each row, whatever ``samples`` says."""
        levels = tables.cell_scores(self.model, rows, seed=self.seed)
        inside = tables.inside_each(rows)
        found, new = np.stack([*levels.values()], 1) + inside, unseen_in(rows)
        for j, name in enumerate(levels):
            alone = np.isnan(found[:, j]) & (new.get(name, np.zeros(1)) < 0)  # it has no level
            found[alone, j] = new[name][alone] if alone.any() else 0.0
        return found
