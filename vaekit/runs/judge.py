"""How good a model's samples and rows of tables are, and how its codes line up with factors."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from vaekit.data import Encoder, Source
from vaekit.data.on_disk import OnDisk, in_memory
from vaekit.data.readers.arrays import to_array
from vaekit.data.readers.frames import table_of
from vaekit.evaluation import disentanglement
from vaekit.evaluation.disentanglement import Disentanglement
from vaekit.evaluation.passes import drawn_codes
from vaekit.evaluation.samples import Quality, quality
from vaekit.evaluation.tables import TableQuality
from vaekit.evaluation.tables import quality as table_quality
from vaekit.families.base import BINARY
from vaekit.runs import tables
from vaekit.runs.reading import labels_in, with_labels
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, known, require
from vaekit.system.types import Array

Features = Callable[[Array], Array]
SPACES = ("raw", "pca", "classifier")
TRAINED_ON, COMPONENTS, HIDDEN = 10_000, 64, 64
FEWEST = 10  # rows of a table


def judge_samples(
    trained: Trained,
    features: str | Features = "pca",
    *,
    rows: int = 5_000,
    seed: int = 0,
    against: Source | None = None,
) -> Quality:
    """Compare new rows with test rows in a feature space, and training rows likewise.

    Args:
        trained: the model.
        features: "raw" numbers; "pca" of the training rows (up to 64 components); "classifier",
            the last hidden layer of a small network that tells the training labels apart (rows
            with a blank label are left out of its training); or a
            function from rows (as the data holds them) to (rows, features).
        rows: on each side, at most: the test rows are chosen at random.
        seed: of that choice, of the samples and of the feature space.
        against: rows to compare with instead of test rows. Of all rows those without gaps alone.

    Raises:
        BadInput: for a model whose data cannot be opened, or "classifier" without labels.
    """
    if isinstance(features, str):
        known("feature space", features, SPACES)
    source = whole(_source(trained))
    held_out, split = _held_out(source, against)
    real = whole(held_out).some(split, rows, seed)
    require(len(real) >= 20, f"{len(real)} test rows are too few to compare with")
    given = trained.config.conditions.carried(real.given, real.given_names)
    made = trained.sample(len(real), seed=seed, given=given)
    if isinstance(features, str):
        train = source.some("train", TRAINED_ON, seed)
        name, space = features, feature_space(features, as_modelled(trained, train, seed), seed)
    else:
        name, space = "the caller's own", features
    among = space(_stored(as_modelled(trained, real, seed)))
    own = source.some("train", len(real), seed)
    usual = quality(among, space(_stored(as_modelled(trained, own, seed))), name, seed=seed)
    return replace(quality(among, space(made), name, seed=seed), usual=usual)


def judge_rows(
    trained: Trained,
    rows: int = 5000,
    seed: int = 0,
    *,
    against: Source | None = None,
    target: str | None = None,
) -> TableQuality:
    """How good new rows are: beside training rows, and, for privacy and use, held-out ones.

    Args:
        trained: a model of a table. Where its own data is not known, new rows are compared with
            those of ``against``, and nothing is said of privacy and use.
        rows: most on each side, chosen at random.
        seed: of everything random.
        against: rows that were not trained on; by default the test rows of the model's own data.
        target: a column to predict from the others.

    Raises:
        BadInput: for rows that are too few, and for a target that is not there.
    """
    coding, source = tables.coding_of(trained), trained.source
    if target is not None:
        known("target", target, coding.schema.names)
    if source is None and against is not None:
        real = [(against, "all")]
    else:
        source = _source(trained)
        real = [(source, "train"), _held_out(source, against)]
    parts = [one.some(split, rows, seed) for one, split in real]
    few = min(map(len, parts))
    there = "1 row is" if few == 1 else f"{few} rows are"
    require(few >= FEWEST, f"{there} too few to judge by: {FEWEST} are needed at least")
    made = table_of(tables.synthesize(trained, len(parts[0]), seed=seed).table, "new rows")
    read = (*(part.table for part in parts if part.table is not None), made)
    own, *held_out, new = map(coding.schema.measured, read)
    found = table_quality(own, held_out[0] if held_out else None, new, target, seed=seed)
    if source is not None:
        return found
    return replace(found, rows={**found.rows, "training": 0, "held out": len(parts[0])})


def whole(source: Source) -> Source:
    """The rows without gaps alone, in their splits."""
    values = source.values
    if isinstance(values, OnDisk) or not values.is_floating_point():
        return source
    there = ~values.flatten(1).isnan().any(1)
    if bool(there.all()):
        return source
    place = there.long().cumsum(0) - 1
    kept = {name: place[i[there[i]]] for name, i in source.splits.items()}
    return replace(source.take(there.nonzero()[:, 0]), splits=kept)


def _held_out(source: Source, against: Source | None) -> tuple[Source, str]:
    """Rows that were not trained on, and which of them."""
    return (source, "test") if against is None else (against, "all")


def as_modelled(trained: Trained, rows: Source, seed: int = 0) -> Source:
    """The same rows as the model's samples are: made binary where the model draws zeros and ones
    but the rows are grey (each number then counts as the chance of a one)."""
    how = trained.representation
    if trained.model.likelihood.family.kind is BINARY and how.binarize == "none":
        how = replace(how, binarize="dynamic")
    if how.binarize == "none":
        return rows
    x = Encoder(how, seed).rows(in_memory(rows.values), {}, "quality").data
    return replace(rows, values=how.decode(x))


def feature_space(name: str, train: Source, seed: int = 0) -> Features:
    """A function from rows to features, (rows, features), learned on all rows of ``train``."""
    return _SPACES[known("feature space", name, SPACES)](train, seed)


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
    part = source.some("all", rows, seed)
    factors = part.factors.numpy()  # type: ignore[union-attr]
    draws = drawn_codes(trained.model, trained.rows(part), seed).cpu().numpy()
    found = replace(
        disentanglement.scores(np.asarray(trained.encode(part)), factors, seed=seed),
        mig_of_draws=disentanglement.mig(draws, factors),
    )
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


def _stored(rows: Source) -> Array:
    return to_array(in_memory(rows.values), rows.layout)


def _flat(rows: Array) -> Array:
    return rows.reshape(len(rows), -1).astype(np.float64)


def _raw(train: Source, seed: int) -> Features:
    return _flat


def _pca(train: Source, seed: int) -> Features:
    rows = _flat(_stored(train))
    fitted = PCA(min(COMPONENTS, *rows.shape), random_state=seed).fit(rows)
    return lambda rows: fitted.transform(_flat(rows))


def _classifier(train: Source, seed: int) -> Features:
    labels = labels_in(train, "all")
    known = with_labels(labels)
    if labels is None or known is None:
        raise BadInput(f"{train.name} has no labels to train a classifier on; use features pca")
    scaler = StandardScaler()
    rows = scaler.fit_transform(_flat(_stored(train)))
    network = MLPClassifier((HIDDEN,), max_iter=50, n_iter_no_change=50, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        network.fit(rows[known.numpy()], labels[known].numpy())

    def hidden(rows: Array) -> Array:
        inputs: Any = scaler.transform(_flat(rows))
        return np.maximum(inputs @ network.coefs_[0] + network.intercepts_[0], 0)

    return hidden


_SPACES = {"raw": _raw, "pca": _pca, "classifier": _classifier}
