"""One model seen through one set of rows: what the sections of a report are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.data import Source
from vaekit.data.on_disk import in_memory
from vaekit.evaluation.scores import Scores
from vaekit.rows import Rows
from vaekit.runs.trained import Trained
from vaekit.system.types import Array


@dataclass(frozen=True)
class View:
    """One model seen through one set of rows.

    Args:
        trained: the model.
        rows: that are shown, in random order, with all that the model is given beside them.
        scores: of the model on these rows.
        seed: of everything random.
        metrics: lines that the training wrote.
    """

    trained: Trained
    rows: Source
    scores: Scores
    seed: int = 0
    metrics: list[dict[str, Any]] = field(default_factory=list)

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
    def x(self) -> Rows:
        """The rows as the model sees them."""
        return self.trained.rows(self.rows, seed=self.seed)[:]

    @property
    def columns(self) -> list[str]:
        """Names of the numbers of a row."""
        named = self.trained.config.columns
        return named or [f"x{i}" for i in range(self.trained.representation.shape[0])]

    @property
    def is_log_likelihood(self) -> bool:
        """Whether the loss is a likelihood of the data (grey values under Bernoulli are not)."""
        return not self.trained.config.likelihood.warnings

    @property
    def bound_name(self) -> str:
        """What is called the ELBO."""
        return "ELBO" if self.is_log_likelihood else "- cross-entropy - KL"

    @property
    def likelihood_name(self) -> str:
        """What is called log p(x)."""
        return "log p(x)" if self.is_log_likelihood else "its bound by sampling"

    @property
    def kl_per_dimension(self) -> list[float]:
        """Of the latents; empty where it is not known."""
        density = self.scores.density
        return [] if density is None else density.kl_per_dimension or []

    def first(self, number: int, start: int = 0) -> Source:
        """Some of the rows, with what is given beside them."""
        return self.rows.take(torch.arange(start, min(start + number, len(self.rows))))

    def given(self, number: int) -> Mapping[str, Any]:
        """What is given beside the first rows; cyclic if there are fewer."""
        which = torch.arange(number) % len(self.rows)
        given = {name: column[which] for name, column in self.rows.given.items()}
        return self.trained.config.conditions.carried(given, self.rows.given_names)

    def most_used(self, number: int) -> list[int]:
        """The latent dimensions used most, in order of their index."""
        use = self.kl_per_dimension or self.codes.var(0)
        return sorted(int(i) for i in np.argsort(use)[::-1][:number])
