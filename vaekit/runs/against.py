"""All that can be said of a model of a table beside rows that it was not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaekit.data import Source
from vaekit.evaluation.figures import Card, Figure, Figures
from vaekit.evaluation.scores import Scores
from vaekit.evaluation.tables import TableQuality
from vaekit.runs.forecast import samples_for
from vaekit.runs.judge import judge_rows
from vaekit.runs.trained import Trained


@dataclass(frozen=True)
class TableEvaluation(Card):
    """What was found.

    Args:
        scores: how likely the rows are, and what codes tell of them.
        inside: mean log density of numbers inside their levels, nats per row: log p(x) and this are
            the log density of a row in the columns' own units.
        inside_error: its standard error over the rows; None for one row.
        quality: of new rows: likeness, use and privacy.
    """

    scores: Scores
    inside: float
    inside_error: float | None
    quality: TableQuality

    @property
    def verdict(self) -> str:
        """What it comes to: of the model in a line, of its rows in another."""
        return f"{self.scores.verdict} {self.scores.diagnosis}\n{self.quality.verdict}"

    @property
    def figures(self) -> tuple[Figures, ...]:
        """The numbers in groups."""
        each = [Figure("inside levels", self.inside, self.inside_error, "of numbers, log density")]
        if self.log_density is not None:
            each.append(Figure("log p(row)", self.log_density, note="log p(x) and inside levels"))
        own = Figures("In the columns' own units, nats per row", tuple(each))
        return (*self.scores.figures, own, *self.quality.figures)

    @property
    def log_density(self) -> float | None:
        """Mean log p(row) in the columns' own units, nats; None for a model without a density."""
        found = self.scores.log_likelihood
        return None if found is None else found + self.inside

    def to_dict(self) -> dict[str, Any]:
        """For JSON: what an evaluation says, and beside it the quality of new rows."""
        own = {"inside_levels": self.inside, "inside_levels_error": self.inside_error}
        own |= {"log_density": self.log_density}
        return {**self.scores.to_dict(), **own, "quality": self.quality.to_dict()}


def judge_against(
    trained: Trained,
    rows: Source,
    *,
    target: str | None = None,
    samples: int | None = None,
    seed: int = 0,
    **also: int,
) -> TableEvaluation:
    """How likely a model of a table makes rows that it was not trained on, and how good the rows
    are that it draws.

    Args:
        trained: the model; where its own data is not known, nothing is said of privacy and use.
        rows: of a table of the same columns.
        target: a column to predict from the others.
        samples: importance samples for each row; by default 200, or fewer where each takes
            many passes of the network.
        seed: of everything random.
        also: as :meth:`vaekit.runs.trained.Trained.evaluate` takes it.

    Raises:
        BadInput: for a model of something else, and for rows that are too few.
    """
    quality = judge_rows(trained, seed=seed, against=rows, target=target)
    how: dict[str, Any] = {"samples": samples or samples_for(trained), "seed": seed, **also}
    scores = trained.evaluate(rows, split="all", **how)
    return TableEvaluation(scores, *_mean(rows.inside), quality)


def _mean(values: Tensor | None) -> tuple[float, float | None]:
    """Of some numbers, and its standard error."""
    values = torch.zeros(1) if values is None else values.double()
    error = values.std().item() / math.sqrt(len(values)) if len(values) > 1 else None
    return values.mean().item(), error
