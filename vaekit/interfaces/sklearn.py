"""scikit-learn estimators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from vaekit.data.readers.arrays import to_rows
from vaekit.data.readers.frames import is_frame, split
from vaekit.data.readers.roles import ColumnRoles
from vaekit.data.source import SPLITS, Source, source
from vaekit.interfaces.asked import check_count, drawn_seed, seed_of
from vaekit.runs.job import prepare, warn_of
from vaekit.runs.run import run_here
from vaekit.runs.trained import Trained
from vaekit.system.checks import require
from vaekit.system.progress import quiet_if
from vaekit.system.types import Array

Given = Mapping[str, Any]


class VAETransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A variational autoencoder of rows of numbers, as a scikit-learn transformer.

    ``transform`` gives the means of q(z|x); ``score_samples`` a lower bound on log p(x).

    Args:
        latent: numbers in a code.
        recipe: see ``vaekit recipes``.
        likelihood: p(x|z) by name; "auto" looks at the data.
        epochs: passes over the rows; 0 for as many as make 4,000 updates, 20 to 2,000.
        batch: rows per update.
        lr: highest learning rate.
        validation: share of the rows that choose the best epoch and are not trained on; 0
            trains on all rows and keeps the last weights.
        options: more options of the recipe, by name.
        given: columns of a data frame that a conditional recipe is given; they are no part of x.
        random_state: seed, or anything scikit-learn takes for one.
        quiet: show no progress, and do not say which likelihood was picked.

    Attributes:
        model_: the trained model, a :class:`vaekit.Trained`.
        likelihood_: p(x|z) by name, as asked or as picked.
        n_features_in_: numbers in a row.
        n_iter_: updates made.
    """

    def __init__(
        self,
        latent: int = 2,
        *,
        recipe: str = "vae",
        likelihood: str = "auto",
        epochs: int = 100,
        batch: int = 128,
        lr: float = 1e-3,
        validation: float = 0.0,
        options: dict[str, Any] | None = None,
        given: Sequence[str] = (),
        random_state: Any = None,
        quiet: bool = False,
    ) -> None:
        self.latent = latent
        self.recipe = recipe
        self.likelihood = likelihood
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.validation = validation
        self.options = options
        self.given = given
        self.random_state = random_state
        self.quiet = quiet

    def fit(self, X: Any, y: Any = None) -> VAETransformer:
        """Train on the rows of X; y is ignored."""
        X, beside = self._split_given(X)
        X = validate_data(self, X, dtype=(np.float64, np.float32), ensure_min_samples=2)
        seed = drawn_seed(self.random_state)
        rows = self._source(X, beside, seed)
        with quiet_if(wanted=self.quiet):
            job = prepare(
                rows, self.recipe, latent=self.latent, likelihood=self.likelihood,
                epochs=self.epochs, batch=self.batch, lr=self.lr, seed=seed, **(self.options or {}),
            )  # fmt: skip
            warn_of(job)
            run = job.run()
            run_here(run)
        self.likelihood_ = job.choice.likelihood
        self.model_, self.n_iter_ = Trained(run.best_model(), job.config()), run.state.step
        return self

    def transform(self, X: Any) -> Array:
        """The mean of q(z|x) of each row: (rows, latent), of the type of X."""
        X, given = self._checked(X)
        return np.asarray(self.model_.encode(X, given=given)).astype(X.dtype)

    def inverse_transform(self, Z: Any, given: Given | None = None) -> Array:
        """The mean of p(x|z) of each code: (rows, features).

        Args:
            Z: codes.
            given: what a conditional model is given, one value or one for each row.
        """
        check_is_fitted(self)
        kind = np.asarray(Z).dtype
        return self.model_.decode(Z, given=given).astype(kind if kind.kind == "f" else np.float64)

    def reconstruct(self, X: Any) -> Array:
        """Each row encoded and decoded again."""
        return self.inverse_transform(self.transform(X), self._split_given(X)[1])

    def sample(
        self, n_samples: int = 1, random_state: Any = 0, given: Given | None = None
    ) -> Array:
        """New rows drawn from the model: (n_samples, features)."""
        check_is_fitted(self)
        count, seed = check_count("n_samples", n_samples), seed_of(random_state)
        return self.model_.sample(count, seed=seed, given=given)

    def score_samples(self, X: Any) -> Array:
        """A lower bound on log p(x) of each row, in nats: (rows,).

        The noise is the same for all rows and calls, so a row's score depends on that row alone.
        """
        X, given = self._checked(X)
        return self.model_.elbo(X, given=given)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: higher is better."""
        return float(self.score_samples(X).mean())

    @property
    def _n_features_out(self) -> int:
        return self.latent

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _split_given(self, X: Any) -> tuple[Any, dict[str, Array]]:
        """The columns of x, and those that are given beside it."""
        if not self.given:
            return X, {}
        names = ", ".join(map(str, self.given))
        require(is_frame(X), f"to be given {names}, X must be a data frame")
        return split(X, ColumnRoles(given=tuple(map(str, self.given))))

    def _checked(self, X: Any) -> tuple[Array, dict[str, Array]]:
        check_is_fitted(self)
        X, beside = self._split_given(X)
        return validate_data(self, X, dtype=(np.float64, np.float32), reset=False), beside

    def _source(self, X: Array, beside: dict[str, Array], seed: int) -> Source:
        values = to_rows(X, "X", exact=True)
        order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
        validation = int(self.validation * len(values))
        parts = (order[validation:], order[:validation], order[:0])
        return source("X", values, dict(zip(SPLITS, parts, strict=True)), beside=beside)
