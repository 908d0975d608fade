"""How good a model's samples are, and how its codes line up with known factors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from vaekit.data import Source
from vaekit.data.on_disk import in_memory
from vaekit.data.readers.arrays import to_array
from vaekit.evaluation import disentanglement
from vaekit.evaluation.disentanglement import Disentanglement
from vaekit.evaluation.samples import Quality, quality
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, known, require
from vaekit.system.types import Array

Features = Callable[[Array], Array]
SPACES = ("raw", "pca", "classifier")
TRAINED_ON, COMPONENTS, HIDDEN = 10_000, 64, 64


def judge_samples(
    trained: Trained, features: str | Features = "pca", *, rows: int = 5_000, seed: int = 0
) -> Quality:
    """Compare new rows with test rows in a feature space.

    Args:
        trained: the model.
        features: "raw" numbers; "pca" of the training rows (up to 64 components); "classifier",
            the last hidden layer of a small network that tells the training labels apart; or a
            function from rows (as the data holds them) to (rows, features).
        rows: on each side, at most.
        seed: of everything random.

    Raises:
        BadInput: for a model whose data cannot be opened, or "classifier" without labels.
    """
    source = _source(trained)
    real = to_array(in_memory(source.rows("test", rows)))
    require(len(real) >= 20, f"{len(real)} test rows are too few to compare with")
    given = trained.config.conditions.carried(source.given_of("test", rows), source.given_names)
    made = trained.sample(len(real), seed=seed, given=given)
    if isinstance(features, str):
        name, space = features, feature_space(features, source, seed)
    else:
        name, space = "the caller's own", features
    return quality(space(real), space(made), name, seed=seed)


def feature_space(name: str, source: Source, seed: int = 0) -> Features:
    """A function from rows of a source to features, (rows, features), learned on its training
    rows."""
    return _SPACES[known("feature space", name, SPACES)](source, seed)


def judge_codes(trained: Trained, *, rows: int = 10_000, seed: int = 0) -> Disentanglement:
    """Score the model's codes against the factors that its data is known to be made of.

    Raises:
        BadInput: where the data has no factors.
    """
    source = _source(trained)
    if source.factors is None:
        raise BadInput(
            f"{source.name} has no known factors; data set sprites has, or an .npz with factors"
        )
    order = np.random.default_rng(seed).permutation(len(source.values))[:rows]
    codes = np.asarray(trained.encode(source.take(torch.from_numpy(order))))
    found = disentanglement.scores(codes, source.factors[order].numpy(), seed=seed)
    if source.intervene is None or trained.config.conditions:  # nothing is known of rows made anew
        return found
    return _with_interventions(trained, source, found, seed)


def _with_interventions(
    trained: Trained, source: Source, found: Disentanglement, seed: int
) -> Disentanglement:
    """Add the two scores that need rows made to order."""
    make = source.intervene
    assert make is not None

    def encode(rows: Array) -> Array:
        return np.asarray(trained.encode(rows))

    count = source.factors.shape[1]  # type: ignore[union-attr]
    values = {
        "factor_vae": disentanglement.factor_vae(make, encode, count, seed=seed),
        "beta_vae": disentanglement.beta_vae(make, encode, count, seed=seed, votes=200),
    }
    return Disentanglement(**{**found.to_dict(), **values})  # type: ignore[arg-type]


def _source(trained: Trained) -> Source:
    if trained.source is None:
        raise BadInput("the model's own data is needed: it could not be opened")
    return trained.source


def _flat(rows: Array) -> Array:
    return rows.reshape(len(rows), -1).astype(np.float64)


def _raw(source: Source, seed: int) -> Features:
    return _flat


def _pca(source: Source, seed: int) -> Features:
    train = _flat(to_array(in_memory(source.rows("train", TRAINED_ON))))
    fitted = PCA(min(COMPONENTS, *train.shape), random_state=seed).fit(train)
    return lambda rows: fitted.transform(_flat(rows))


def _classifier(source: Source, seed: int) -> Features:
    labels = source.labels_of("train")
    if labels is None or len(labels.unique()) < 2:
        raise BadInput(f"{source.name} has no labels to train a classifier on; use features pca")
    scaler = StandardScaler()
    rows = scaler.fit_transform(_flat(to_array(in_memory(source.rows("train", TRAINED_ON)))))
    network = MLPClassifier((HIDDEN,), max_iter=50, n_iter_no_change=50, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        network.fit(rows, labels[: len(rows)].numpy())

    def hidden(rows: Array) -> Array:
        inputs: Any = scaler.transform(_flat(rows))
        return np.maximum(inputs @ network.coefs_[0] + network.intercepts_[0], 0)

    return hidden


_SPACES = {"raw": _raw, "pca": _pca, "classifier": _classifier}
