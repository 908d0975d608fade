"""Rows that are unlike the others."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from sklearn.base import OutlierMixin

from vaekit.data import Source
from vaekit.data.readers.frames import as_kind, named_as
from vaekit.evaluation import p_values
from vaekit.interfaces.tables.base import TableModel
from vaekit.interfaces.tables.incoming import Incoming
from vaekit.interfaces.tables.levels import Levels
from vaekit.interfaces.tables.reals import OPTIONS, RECIPE, Reals, Standard, numbers_in
from vaekit.system.types import Array

HELD_OUT, BINS = 0.2, 8


class VAEDetector(OutlierMixin, TableModel):
    """Says which rows are unlike the others: of arrays of numbers, and of tables of any columns.

    A fifth of the rows is not trained on: what is usual is known by their scores, so that the share
    of false alarms is what is asked for, whatever the model is worth.

    Args:
        latent: numbers in a code.
        bins: levels that a column of numbers is cut into: few, as numbers are odd that lie far from
            others, not those that are seldom written so exactly. By default 8 where there are gaps,
            categories or a schema; where there are only numbers, they stay real numbers.
        false_alarm: share of usual rows that may be called unusual.
        samples: importance samples of a row's log density.
        epochs: passes over the rows; 0 for as many as suit, at most 300 (of real
            numbers, 20 to 200).
        options: more options of the recipe and of the training, by name: of table_vae, or of vae
            for real numbers.
        schema: what the columns are, where looking at them is not enough.
        random_state: seed, or anything scikit-learn takes for one.

    Attributes:
        model_: the trained model, a :class:`vaekit.Trained`.
        held_out_: scores of the rows that were not trained on, rising.
        usual_: mean log p(cell | others) of these rows, of each column.
        offset_: rows with lower scores are called unusual.
        centre_: what is subtracted from real numbers; empty where numbers are cut into levels.
        spread_: what they are then divided by.
        n_features_in_: columns.
        n_iter_: updates made.
    """

    held_out = HELD_OUT
    kept = ("held_out_", "usual_", "centre_", "spread_")

    def __init__(
        self,
        latent: int = 4,
        *,
        bins: int | None = None,
        false_alarm: float = 0.05,
        samples: int = 20,
        epochs: int = 0,
        options: dict[str, Any] | None = None,
        schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            latent, epochs=epochs, options=options, schema=schema, random_state=random_state
        )
        self.bins = bins
        self.false_alarm = false_alarm
        self.samples = samples

    @property
    def _bins(self) -> int:  # type: ignore[override]
        return BINS if self.bins is None else self.bins

    def _task(self, incoming: Incoming) -> tuple[Source, str, dict[str, Any]]:
        stay = self.bins is None and self.schema is None
        values = numbers_in(incoming) if stay else None
        if values is None:
            self.centre_ = self.spread_ = np.empty(0)
            return super()._task(incoming)
        splits = self._splits(len(values))
        standard = Standard.of(values[splits["train"].numpy()])
        self.centre_, self.spread_ = standard.centre, standard.spread
        epochs = standard.epochs(self.epochs, len(splits["train"]))
        return standard.source(values, splits), RECIPE, {**OPTIONS, "epochs": epochs}

    @property
    def _measure(self) -> Reals | Levels:
        """How rows are weighed."""
        if not len(self.centre_):
            return Levels(self.model_, self.seed_)
        standard = Standard(self.centre_, self.spread_)
        return Reals(self.model_, standard, self.seed_, tuple(self._names))

    def _calibrate(self, held_out: Source) -> None:
        self.held_out_ = np.sort(self._measure.density(held_out, self.samples))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a column that is missing in all
            self.usual_ = np.nan_to_num(np.nanmean(self._measure.cells(held_out, self.samples), 0))

    @property
    def offset_(self) -> float:
        """The score below which p-values are at most the share of false alarms."""
        count = int(self.false_alarm * (len(self.held_out_) + 1))
        return float(self.held_out_[max(count, 1) - 1])

    def score_samples(self, X: Any) -> Array:
        """log p(row) in nats, (rows,), a density in the columns' own units: low for unusual rows.
        It depends on that row alone."""
        rows, _ = self._rows(X)
        return self._measure.density(rows, self.samples)

    def decision_function(self, X: Any) -> Array:
        """How far scores lie above what is still usual, (rows,): negative for unusual rows."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Array:
        """1 for usual rows, -1 for unusual ones, (rows,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: Any) -> Array:
        """How likely a usual row is to score as low, (rows,): see
        :func:`vaekit.evaluation.p_values`."""
        found = torch.from_numpy(self.score_samples(X))
        return p_values(found, torch.from_numpy(self.held_out_)).numpy()

    def attribute(self, X: Any) -> Any:
        """What makes rows unusual: log p(cell | all other cells of its row) less its mean over
        usual rows, in nats, (rows, columns that are modelled): low for cells that are odd; NaN for
        those that are missing. A frame, for a frame."""
        rows, incoming = self._rows(X)
        found = self._measure.cells(rows, self.samples) - self.usual_
        if not incoming.kind:
            return found
        names = [*incoming.table.columns] if len(self.centre_) else self._measure.names
        made = pa.table({name: found[:, i] for i, name in enumerate(names)})
        return named_as(as_kind(made, incoming.kind, incoming.rows), incoming.rows)
