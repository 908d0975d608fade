"""Rows of numbers alone, which stay real numbers: of mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from vaekit.data import Source
from vaekit.data.source import source
from vaekit.evaluation import log_likelihood_of_cells
from vaekit.interfaces.tables.incoming import Incoming
from vaekit.runs.apart import per_row
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput
from vaekit.system.types import Array
from vaekit.training import Plan
from vaekit.training.plan import Length

RECIPE, EPOCHS, FAR = "vae", 200, 1e6
EXACT = 2.0**53  # whole numbers below it are exact in float64
OPTIONS: dict[str, Any] = {
    "likelihood": "student_t", "scale": "0.5", "decay": "cosine", "kl_warmup": 0.0, "trim": 5.0,
}  # fmt: skip
GAPS = (
    "X holds {what}, and the rows of the training held numbers alone, without gaps: fill them in, "
    "or train with bins=8, which makes levels of the numbers and takes gaps and words as well"
)


def numbers_in(incoming: Incoming) -> Array | None:
    """Rows as float64, (rows, columns); None where a column has gaps or is none of numbers, or
    holds whole numbers that float64 does not tell apart."""
    found = _read(incoming)[0]
    whole = [pa.types.is_integer(c.type) for c in incoming.table.columns.values()]
    fine = found is None or (np.abs(found[:, whole]) < EXACT).all()
    return found if fine else None


def _read(incoming: Incoming) -> tuple[Array | None, str]:
    """The same, and what there is beside numbers, in words."""
    found = []
    for name, column in incoming.table.columns.items():
        if not (pa.types.is_floating(column.type) or pa.types.is_integer(column.type)):
            return None, f"other things than numbers in column {name!r}"
        values = column.to_numpy().astype(np.float64)
        if column.null_count or np.isnan(values).any():
            return None, f"gaps in column {name!r}"
        if not np.isfinite(values).all():
            return None, f"infinite numbers in column {name!r}"
        found.append(values)
    return np.stack(found, 1), ""


@dataclass(frozen=True)
class Standard:
    """What makes the training rows of mean 0 and standard deviation 1, column by column.

    Args:
        centre: their means.
        spread: their standard deviations; 1 for a column that is the same in all.
    """

    centre: Array
    spread: Array

    @classmethod
    def of(cls, values: Array) -> Standard:
        """That of these rows, also where squares of their numbers are too large or too small for
        float64."""
        with np.errstate(over="ignore", invalid="ignore"):
            centre, spread = values.mean(0), values.std(0)
        differ = (values != values[:1]).any(0)
        if not np.isfinite([centre, spread]).all() or (differ & (spread == 0)).any():
            largest = np.abs(values).max(0)
            unit = np.where(largest > 0, largest, 1.0)
            centre, spread = (values / unit).mean(0) * unit, (values / unit).std(0) * unit
        return cls(centre, np.where(spread > 0, spread, 1.0))

    def rows(self, values: Array) -> Array:
        """Rows in these units, as the model is shown them; numbers farther than ``FAR`` from the
        centre are as far as that."""
        with np.errstate(over="ignore"):
            far = (values - self.centre) / self.spread
        return np.clip(far, -FAR, FAR).astype(np.float32)

    def source(self, values: Array, splits: dict[str, Any]) -> Source:
        """The same to train on."""
        return source("X", torch.from_numpy(self.rows(values)), splits)

    def epochs(self, wanted: int, rows: int) -> int:
        """Passes over so many rows: as many as are wanted, or make 4,000 updates, at most 200."""
        plan = Plan(epochs=wanted)
        return plan.sized(max(-(-rows // plan.batch), 1), Length(most=EPOCHS)).epochs


@dataclass(frozen=True)
class Reals:
    """How a model of real numbers weighs rows.

    Args:
        model: of rows in the units of ``standard``.
        standard: what makes rows such.
        seed: of the noise, which all rows share.
        names: of the columns.
    """

    model: Trained
    standard: Standard
    seed: int
    names: tuple[str, ...]

    def rows(self, incoming: Incoming) -> Array:
        """Rows in the model's units.

        Raises:
            BadInput: for gaps and anything but numbers.
        """
        values, what = _read(incoming)
        if values is None:
            raise BadInput(GAPS.format(what=what))
        return self.standard.rows(values)

    def density(self, rows: Array | Source, samples: int) -> Array:
        """log p of rows in the columns' own units, nats, (rows,)."""
        found = self.model.log_likelihood(rows, samples=samples, seed=self.seed)
        return found - np.log(self.standard.spread).sum()

    def cells(self, rows: Array | Source, samples: int) -> Array:
        """log p(cell | others), densities in the columns' own units, nats, (rows, columns)."""
        found = per_row(self.model, log_likelihood_of_cells, rows, None, samples, self.seed)
        return found - np.log(self.standard.spread)
