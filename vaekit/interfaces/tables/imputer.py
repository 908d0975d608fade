"""Gaps of tables filled in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sklearn.base import OneToOneFeatureMixin, TransformerMixin

from vaekit.data import Source
from vaekit.interfaces.asked import check_count
from vaekit.interfaces.tables.base import TableModel
from vaekit.interfaces.tables.incoming import Incoming
from vaekit.runs import tables

IN_TURN = 0.1  # share of the rows that are learned as they would be drawn: most are to have gaps


class VAEImputer(OneToOneFeatureMixin, TransformerMixin, TableModel):
    """Fills the gaps of arrays of numbers, where they are NaN, and of tables of any columns.

    Args:
        latent: numbers in a code.
        draws: of a row's code and other gaps, over which means are taken.
        sample_posterior: whether gaps are filled with one draw, as they might have been, in
            place of what is expected: the mean of numbers, the likeliest category.
        epochs: passes over the rows; 0 for as many as suit, at most 300.
        options: more options of the recipe table_vae and of the training, by name.
        schema: what the columns are, where looking at them is not enough.
        random_state: seed, or anything scikit-learn takes for one.

    Attributes:
        model_: the trained model, a :class:`vaekit.Trained`.
        n_features_in_: columns.
        n_iter_: updates made.
    """

    def __init__(
        self,
        latent: int = 4,
        *,
        draws: int = 16,
        sample_posterior: bool = False,
        epochs: int = 0,
        options: dict[str, Any] | None = None,
        schema: str | os.PathLike[str] | Mapping[str, Any] | None = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            latent, epochs=epochs, options=options, schema=schema, random_state=random_state
        )
        self.draws = draws
        self.sample_posterior = sample_posterior

    def transform(self, X: Any) -> Any:
        """The same rows without gaps, in the form in which they come; a column that held nothing in
        training, or that names rows, stays as it is.

        What is expected depends on that row alone; a draw, on its place among the others too.
        """
        if self.sample_posterior:
            return self._draws(X, 1)[0]
        rows, incoming = self._rows(X)
        return incoming.like(tables.expected(self.model_, rows, draws=self.draws, seed=self.seed_))

    def transform_draws(self, X: Any, n_draws: int = 5) -> list[Any]:
        """As many tables without gaps, each filled with other draws: the spread between them says
        how sure the filled cells are (multiple imputation: Rubin 1987)."""
        return self._draws(X, check_count("n_draws", n_draws))

    def _draws(self, X: Any, count: int) -> list[Any]:
        rows, incoming = self._rows(X)
        each = (tables.fill(self.model_, rows, self.seed_ + n) for n in range(count))
        return [incoming.like(made) for made in each]

    def _task(self, incoming: Incoming) -> tuple[Source, str, dict[str, Any]]:
        source, recipe, own = super()._task(incoming)
        return source, recipe, {**own, "in_turn": IN_TURN}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
