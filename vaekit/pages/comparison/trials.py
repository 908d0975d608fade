"""What each model makes of test rows, of random codes, and of the middle between two codes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from vaekit.data import Source, check_enough, open_source
from vaekit.evaluation.spread import Spread, together
from vaekit.pages.comparison.models import EncoderDecoder, train_coders, unit
from vaekit.runs.reading import labels_in, with_labels
from vaekit.system.seeding import some
from vaekit.system.types import Array

SURE, USUAL = 0.8, 0.95
TRIALS, JUDGED_BY = 1000, 10_000


@dataclass(frozen=True)
class Realism:
    """Shares of a set of rows.

    Args:
        near: at least as near to a training row as 95 % of real rows are.
        meaningful: near, and given one label with at least 80 % by a classifier trained on
            real rows; without labels the same as ``near``.
    """

    near: float
    meaningful: float


@dataclass(frozen=True)
class Trial:
    """One model's numbers, and some of what it made (in ``shown``, left out of JSON).

    Args:
        name: of the model.
        error: mean squared error per number on test rows.
        random: what decoding random codes gives.
        midpoint: what decoding the middle between the codes of two test rows gives.
        code_spread: standard deviation of the test codes, per dimension.
        log_likelihood: mean log p(x) of test rows, in nats; None for an autoencoder.
        shown: codes and rows for the page, by name.
    """

    name: str
    error: float
    random: Realism
    midpoint: Realism
    code_spread: list[float]
    log_likelihood: float | None = None
    shown: dict[str, Array] = field(default_factory=dict, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {k: v for k, v in asdict(self).items() if k != "shown"}


@dataclass(frozen=True)
class Comparison:
    """Three trials on the same data, with real test rows for reference.

    Args:
        source: the data.
        latent: numbers in a code.
        epochs: of the networks.
        seed: of everything random.
        trials: the three models.
        real: what is found of real rows.
        labels: of test rows.
        again: the same with other seeds, as :meth:`to_dict` gives it.
    """

    source: Source
    latent: int
    epochs: int
    seed: int
    trials: list[Trial]
    real: Realism
    labels: Array | None
    again: tuple[Mapping[str, Any], ...] = ()

    @property
    def tones(self) -> tuple[float, float]:
        """The values of pictures that are shown black and white: 0 and 1, or the smallest and the
        largest where those lie outside."""
        low, high = (float(v) for v in np.quantile(self.trials[0].shown["test"], (0, 1)))
        return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)

    def spread(self, trial: Trial, *path: str) -> Spread | None:
        """A number of a trial over all seeds; None where the model has none.

        Args:
            trial: one of the three.
            path: of the number, by names.
        """
        place = [t.name for t in self.trials].index(trial.name)
        each = [run["models"][place] for run in (self.alone(), *self.again)]
        for name in path:
            each = [found[name] for found in each]
        return None if None in each else Spread(tuple(each))

    def to_dict(self) -> dict[str, Any]:
        """For JSON; of several seeds each number with its spread."""
        if not self.again:
            return self.alone()
        seeds = [*range(self.seed, self.seed + len(self.again) + 1)]
        runs = [
            {k: v for k, v in run.items() if k != "seed"} for run in (self.alone(), *self.again)
        ]
        return {"seeds": seeds, **together(runs)}

    def alone(self) -> dict[str, Any]:
        """For JSON: of this seed alone."""
        return {
            "data": self.source.name,
            "latent": self.latent,
            "epochs": self.epochs,
            "seed": self.seed,
            "real": asdict(self.real),
            "models": [trial.to_dict() for trial in self.trials],
        }

    @property
    def verdict(self) -> str:
        """What the numbers say."""
        shares = {t.name: self._mean(t, "random", "meaningful") for t in self.trials}
        each = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
        first = max(self.trials, key=lambda t: shares[t.name])
        closest = min(self.trials, key=lambda t: self._mean(t, "error"))
        over = f"Means over {len(self.again) + 1} seeds. " if self.again else ""
        return (
            f"{over}Random codes that decode to something meaningful: {each} (real rows: "
            f"{self.real.meaningful:.0%}). Best at that: {first.name}. Nearest to test rows when "
            f"it rebuilds them: {closest.name}."
        )

    def _mean(self, trial: Trial, *path: str) -> float:
        spread = self.spread(trial, *path)
        return float("nan") if spread is None else spread.mean

    def shown(self, trial: Trial, *path: str, form: str = ",.2f") -> str:
        """A number of a trial as people read it, over all seeds with its standard deviation."""
        spread = self.spread(trial, *path)
        if spread is None:
            return "-"
        found = f"{spread.mean:{form}}"
        return found if spread.deviation is None else f"{found} ± {spread.deviation:{form}}"

    def rows(self) -> list[list[str]]:
        """The table, a row for each model and one for real data."""
        kinds = [(of, what) for what in ("meaningful", "near") for of in ("random", "midpoint")]
        shown = [
            [
                t.name, self.shown(t, "error", form=".5f"), self.shown(t, "log_likelihood"),
                *(self.shown(t, *path, form=".1%") for path in kinds),
            ]
            for t in self.trials
        ]  # fmt: skip
        real = [f"{getattr(self.real, what):.1%}" for _, what in kinds]
        return [*shown, ["real test rows", "", "", *real]]

    def table(self) -> str:
        """The table as text."""
        rows = [list(HEAD), *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
        return "\n".join(
            "  ".join(
                c.rjust(w) if number else c.ljust(w)
                for number, (c, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )


HEAD = (
    "model", "squared error", "log p(x)", "random meaningful", "midpoint meaningful", "random near",
    "midpoint near",
)  # fmt: skip


def compare_models(data: Any, *, latent: int = 2, epochs: int = 0, seed: int = 0) -> Comparison:
    """Train PCA, an autoencoder and a VAE on the same split and try them in the same way.

    Args:
        data: anything that can be opened.
        latent: numbers in a code.
        epochs: of the two networks; 0 for as many as make 4,000 updates.
        seed: of everything random.
    """
    source = open_source(data)
    check_enough(source)
    test, labels = unit(source, "test"), source.labels_of("test")
    judge = RealismTest(source, seed)
    trials = [trial(c, test, judge, seed) for c in train_coders(source, latent, epochs, seed)]
    real = judge(chosen_of(test, TRIALS, seed))
    return Comparison(
        source, latent, epochs, seed, trials, real, None if labels is None else labels.numpy()
    )


def chosen_of(rows: Array, limit: int, seed: int) -> Array:
    """Rows that stand for all of them, at most ``limit``."""
    return rows[some(len(rows), limit, seed).numpy()]


def trial(coder: EncoderDecoder, test: Array, judge: RealismTest, seed: int) -> Trial:
    """One model tried on test rows, random codes and midpoints."""
    random = np.random.default_rng(seed)
    codes = coder.encode(test)
    rebuilt, drawn = coder.decode(codes), coder.decode(coder.prior(random, TRIALS))
    a, b = random.integers(0, len(test), (2, TRIALS))
    middles = coder.decode((codes[a] + codes[b]) / 2)
    return Trial(
        name=coder.name,
        error=float(np.square(rebuilt - test).mean()),
        random=judge(drawn),
        midpoint=judge(middles),
        code_spread=codes.std(0).tolist(),
        log_likelihood=_scored(coder, chosen_of(test, TRIALS, seed)),
        shown={
            "codes": codes,
            "test": test,
            "rebuilt": chosen_of(rebuilt, 16, seed),
            "originals": chosen_of(test, 16, seed),
            "random": drawn[:64],
            "middles": np.stack([test[a[:8]], middles[:8], test[b[:8]]], 1),
        },
    )


def _scored(coder: EncoderDecoder, rows: Array) -> float | None:
    """Mean log p(x) of rows, where the model has one."""
    return None if coder.log_likelihood is None else coder.log_likelihood(rows)


class RealismTest:
    """Says of rows how many could be real: by distance to training rows and by a classifier."""

    def __init__(self, source: Source, seed: int) -> None:
        train, labels = unit(source, "train"), labels_in(source, "train")
        chosen = some(len(train), JUDGED_BY, seed)
        train, labels = train[chosen.numpy()], None if labels is None else labels[chosen]
        self.index = NearestNeighbors(n_neighbors=1).fit(train)
        usual = self.distance(chosen_of(unit(source, "validation"), TRIALS, seed))
        self.limit = np.quantile(usual, USUAL)
        self.classifier = _classifier(train, labels, seed)

    def distance(self, rows: Array) -> Array:
        """Euclidean distance of each row to its nearest training row."""
        return self.index.kneighbors(rows.astype(np.float32))[0][:, 0]

    def __call__(self, rows: Array) -> Realism:
        """The shares of rows, flat, that could be real."""
        near = self.distance(rows) <= self.limit
        if self.classifier is None:
            return Realism(float(near.mean()), float(near.mean()))
        sure = self.classifier.predict_proba(rows).max(1) >= SURE
        return Realism(float(near.mean()), float((near & sure).mean()))


def _classifier(rows: Array, labels: Tensor | None, seed: int) -> Any:
    """A network that tells the labels apart, -1 for none, or None where there are no two."""
    known = with_labels(labels)
    if labels is None or known is None:
        return None
    network = MLPClassifier((128,), max_iter=50, n_iter_no_change=50, random_state=seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        told_apart = make_pipeline(StandardScaler(), network)
        return told_apart.fit(rows[known.numpy()], labels[known].numpy())
