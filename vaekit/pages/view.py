"""One model seen through one set of rows: what the sections of a report are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vaekit.data import Source
from vaekit.data.on_disk import in_memory
from vaekit.evaluation.scores import Scores
from vaekit.models.drawing import from_posterior
from vaekit.models.trace import trace
from vaekit.rows import Rows
from vaekit.runs.tables import drawn_levels
from vaekit.runs.trained import Trained
from vaekit.system.seeding import seeded
from vaekit.system.types import Array

if TYPE_CHECKING:
    from vaekit.evaluation.tables import TableQuality

FEW_ROWS, NEW_ROWS, JUDGED = 300, 500, 2_000


@dataclass(frozen=True)
class View:
    """One model seen through one set of rows.

    Args:
        trained: the model.
        rows: that are shown, in random order, with all that the model is given beside them.
        scores: of the model on these rows.
        seed: of everything random.
        metrics: lines that the training wrote.
        others: some rows of training and validation, where the rows are test rows.
        judged: quality of rows that a model of a table draws, if it is known.
        explorer: the name of the page of the same model beside this one, where rows can be
            touched; "" where there is none.
    """

    trained: Trained
    rows: Source
    scores: Scores
    seed: int = 0
    metrics: list[dict[str, Any]] = field(default_factory=list)
    others: Source | None = None
    judged: TableQuality | None = None
    explorer: str = ""

    @property
    def title(self) -> str:
        """The page's title."""
        config = self.trained.config
        return f"{config.recipe} on {Path(config.data.name).name}"

    @property
    def image(self) -> bool:
        """Whether rows are pictures."""
        return len(self.trained.representation.shape) == 3

    @cached_property
    def values(self) -> torch.Tensor:
        """The rows as they are stored."""
        return in_memory(self.rows.values)

    @property
    def labels(self) -> Array | None:
        """One label for each row, where there are labels."""
        return None if self.rows.labels is None else self.rows.labels.numpy()

    @cached_property
    def codes(self) -> Array:
        """The mean code of each row."""
        return np.asarray(self.trained.encode(self.rows))

    @cached_property
    def drawn(self) -> tuple[Array, Array]:
        """Of one draw from q(z|x) for each row: the codes, (rows, latent), and what it says of the
        ELBO in nats, (rows,)."""
        return drawn_codes(self.trained, self.x, self.seed)

    @cached_property
    def x(self) -> Rows:
        """The rows as the model sees them."""
        return self.trained.rows(self.rows, seed=self.seed)[:]

    @property
    def columns(self) -> list[str]:
        """Names of the numbers of a row."""
        named = self.trained.config.columns
        return named or [f"x{i}" for i in range(self.trained.representation.shape[0])]

    @property
    def rows_called(self) -> str:
        """What the rows are."""
        return "rows" if self.others is None else "test rows"

    @cached_property
    def enough_values(self) -> torch.Tensor:
        """The rows as they are stored; where they are few, those of training and validation too."""
        if self.others is None or len(self.rows) >= FEW_ROWS:
            return self.values
        return torch.cat([self.values, in_memory(self.others.values)])

    @cached_property
    def new_levels(self) -> Array:
        """Of a table of mixed columns, levels of new rows, (rows, columns): as many as are shown,
        and enough to tell shares by."""
        return drawn_levels(self.trained, max(len(self.rows), NEW_ROWS), self.seed)

    @cached_property
    def quality(self) -> TableQuality | None:
        """Of rows that a model of a table draws; None where there are too few rows to judge by."""
        from vaekit.runs.judge import FEWEST, judge_rows

        if self.judged is not None or len(self.rows) < FEWEST:
            return self.judged
        return judge_rows(self.trained, JUDGED, self.seed, against=self.rows)

    @cached_property
    def spread(self) -> Array:
        """Standard deviation of each column of a table, of what is there."""
        return np.asarray(np.nanstd(self.enough_values.double().numpy(), 0))

    @cached_property
    def lost(self) -> Array:
        """Squared error of each column of a table, where it is there, as a share of its variance; 0
        for a column that never changes."""
        rebuilt = np.asarray(self.trained.usual(self.trained.reconstruct(self.rows)), float)
        error = nanmean(np.square(rebuilt - self.values.double().numpy()))
        return np.where(self.spread > 0, error / np.maximum(self.spread**2, 1e-300), 0.0)

    def telling_columns(self, number: int) -> list[int]:
        """Columns that codes say most about: their means move most with the code, in standard
        deviations of the column; in the order in which they stand."""
        codes = self.codes[:500]
        decoded = self.trained.decode(codes, given=self.given(len(codes)))
        means = np.asarray(self.trained.usual(decoded), float)
        moved = means.std(0) / np.maximum(self.spread, 1e-12)
        return sorted(np.argsort(moved)[::-1][:number].tolist())

    def left_out(self, shown: int) -> str:
        """A sentence where not all columns are shown."""
        every = len(self.columns)
        return "" if shown == every else f" {shown} of {every} columns: those that codes move most."

    def label_texts(self, number: int) -> list[str]:
        """The labels of the first rows; none without labels."""
        names = self.rows.label_names
        found = [] if self.labels is None else self.labels[:number].tolist()
        return [names[k] if 0 <= k < len(names) else str(k) for k in found]

    @property
    def is_log_likelihood(self) -> bool:
        """Whether the loss is a likelihood of the data (grey values under Bernoulli are not)."""
        return not self.trained.config.likelihood.warnings

    @property
    def bound_name(self) -> str:
        """What is called the ELBO."""
        return (
            "ELBO" if self.is_log_likelihood else "\N{MINUS SIGN} cross-entropy \N{MINUS SIGN} KL"
        )

    @property
    def likelihood_name(self) -> str:
        """What is called log p(x)."""
        return "log p(x)" if self.is_log_likelihood else "its bound by sampling"

    @property
    def kl_per_dimension(self) -> list[float]:
        """Of the latents; empty where it is not known."""
        density = self.scores.density
        return [] if density is None else density.kl_per_dimension or []

    @property
    def units_used(self) -> str:
        """How many latent units are in use, where that shows."""
        used = self.scores.active_units
        return "?" if used is None else str(used)

    def first(self, number: int, start: int = 0) -> Source:
        """Some of the rows, with what is given beside them."""
        return self.rows.between(start, start + number)

    def given(self, number: int) -> Mapping[str, Any]:
        """What is given beside the first rows; cyclic if there are fewer."""
        which = torch.arange(number) % len(self.rows)
        given = {name: column[which] for name, column in self.rows.given.items()}
        return self.trained.config.conditions.carried(given, self.rows.given_names)

    def most_used(self, number: int) -> list[int]:
        """The latent dimensions used most, in order of their index."""
        use = self.kl_per_dimension or self.codes.var(0)
        return sorted(int(i) for i in np.argsort(use)[::-1][:number])


def nanmean(each: Array) -> Array:
    """The mean of each column over what is there; 0 where nothing is."""
    there = ~np.isnan(each)
    found: Array = np.where(there, each, 0.0).sum(0) / np.maximum(there.sum(0), 1)
    return found


def drawn_codes(trained: Trained, x: Rows, seed: int) -> tuple[Array, Array]:
    """Of one draw from q(z|x) for each row: the codes, (rows, latent), and log p(x|z) less the
    KL in nats, (rows,)."""
    with torch.inference_mode(), seeded(seed, "aggregate"):
        traces = [trace(trained.model, part, rule=from_posterior) for part in x.split(500)]
    codes = [torch.cat([z.value[0] for z in t.latents.values()], 1) for t in traces]
    elbo = [t.log_px[0] - t.kl[0] for t in traces]
    return torch.cat(codes).numpy(), torch.cat(elbo).double().numpy()
