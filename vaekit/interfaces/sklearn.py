"""scikit-learn estimators."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from vaekit.data import Source
from vaekit.data.source import SPLITS
from vaekit.evaluation import decode, elbo_per_row, encode, in_chunks
from vaekit.models.drawing import Generator
from vaekit.runs.fit import prepare
from vaekit.runs.run import run_here
from vaekit.system.seeding import seeded

Array = np.ndarray


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
        random_state: seed, or anything scikit-learn takes for one.

    Attributes:
        model_: the trained model. n_features_in_: numbers in a row. n_iter_: updates made.
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
        random_state: Any = None,
    ) -> None:
        self.latent = latent
        self.recipe = recipe
        self.likelihood = likelihood
        self.epochs = epochs
        self.batch = batch
        self.lr = lr
        self.validation = validation
        self.options = options
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> VAETransformer:
        """Train on the rows of X; y is ignored."""
        X = validate_data(self, X, dtype=(np.float64, np.float32), ensure_min_samples=2)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        job = prepare(
            self._source(X, seed), self.recipe, latent=self.latent, likelihood=self.likelihood,
            epochs=self.epochs, batch=self.batch, lr=self.lr, seed=seed, **(self.options or {}),
        )  # fmt: skip
        run = job.run()
        run_here(run)
        self.model_ = run.best_model()
        self.representation_, self.n_iter_ = job.choice.representation, run.session.step
        self.config_ = job.config({})
        return self

    def transform(self, X: Any) -> Array:
        """The mean of q(z|x) of each row: (rows, latent), of the type of X."""
        x, dtype = self._x(X)
        return encode(self.model_, x).numpy().astype(dtype)

    def inverse_transform(self, Z: Any) -> Array:
        """The mean of p(x|z) of each code: (rows, features)."""
        check_is_fitted(self)
        z = torch.as_tensor(np.asarray(Z, dtype=np.float32))
        return self._decoded(z).astype(
            np.asarray(Z).dtype if np.asarray(Z).dtype.kind == "f" else np.float64
        )

    def reconstruct(self, X: Any) -> Array:
        """Each row encoded and decoded again."""
        return self.inverse_transform(self.transform(X))

    def sample(self, n_samples: int = 1, random_state: int = 0) -> Array:
        """New rows drawn from the model: (n_samples, features)."""
        check_is_fitted(self)
        with torch.inference_mode(), seeded(random_state, "sample"):
            return self.representation_.decode(self.model_(Generator(n_samples)).sample()).numpy()

    def score_samples(self, X: Any) -> Array:
        """A lower bound on log p(x) of each row, in nats: (rows,).

        The noise is the same for all rows and calls, so a row's score is its own affair.
        """
        x, _ = self._x(X)
        exact = copy.deepcopy(self.model_).double()  # float32 sums differ with the batch's size
        return elbo_per_row(exact, x.double(), samples=32).numpy()

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

    def _source(self, X: Array, seed: int) -> Source:
        values = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
        order = torch.randperm(len(values), generator=torch.Generator().manual_seed(seed))
        held = int(self.validation * len(values))
        parts = (order[held:], order[:held], order[:0])
        return Source("X", values, dict(zip(SPLITS, parts, strict=True)))

    def _x(self, X: Any) -> tuple[Tensor, np.dtype]:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=(np.float64, np.float32), reset=False)
        values = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
        return self.representation_.encode(values), X.dtype

    def _decoded(self, z: Tensor) -> Array:
        x = in_chunks(partial(decode, self.model_), z)
        return self.representation_.decode(x).numpy()
