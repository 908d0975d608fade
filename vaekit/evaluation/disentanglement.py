"""How codes line up with known factors of variation.

Codes are (rows, dim) real numbers; factors are (rows, factors) whole numbers. Every score lies in
[0, 1], 1 being best. A factor that never changes is left out: there is nothing to tell of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from vaekit.evaluation.figures import Card, Figure, Figures
from vaekit.system.checks import require
from vaekit.system.types import Array

Encoder = Callable[[Array], Array]
BINS, ACTIVE = 20, 0.05
GAPS = (
    (0.4, "Factors have dimensions of their own"),
    (0.1, "Factors have dimensions of their own in part"),
    (0.0, "Factors are mixed over the dimensions of the code"),
)  # least mutual information gap
TOLD = {
    "mig": ("MIG", "gap between the two dimensions that tell most of a factor"),
    "mig_of_draws": ("MIG of draws", "the same of draws of q(z|x), as its authors have it"),
    "sap": ("SAP", "the same gap, by linear classifiers"),
    "modularity": ("modularity", "each dimension tells of one factor"),
    "dci_disentanglement": ("DCI disentanglement", "each dimension predicts one factor"),
    "dci_completeness": ("DCI completeness", "each factor is predicted by one dimension"),
    "dci_informativeness": ("DCI informativeness", "factors told right from whole codes"),
    "factor_vae": ("FactorVAE", "the dimension that varies least names the factor"),
    "beta_vae": ("beta-VAE", "a linear classifier names the fixed factor"),
}


@dataclass(frozen=True)
class Disentanglement(Card):
    """All scores of one representation.

    Args:
        mig: mutual information gap of the codes, as most libraries have it: numbers that say next
            to nothing may still name a factor, by means that differ a little.
        sap: gap between the two most predictive dimensions (Kumar et al. 2018).
        modularity: each dimension tells of one factor (Ridgeway & Mozer 2018).
        dci_disentanglement: each dimension predicts one factor (Eastwood & Williams 2018).
        dci_completeness: each factor is predicted by one dimension (likewise).
        dci_informativeness: accuracy of predicting factors from codes (likewise).
        factor_vae: accuracy of a majority vote over the dimension that varies least (Kim & Mnih
            2018); None where rows cannot be made by factor.
        beta_vae: accuracy of a linear classifier of the fixed factor (Higgins et al. 2017); None
            likewise.
        mig_of_draws: mutual information gap of draws of q(z|x) (Chen et al. 2018); None where only
            codes are known.
    """

    mig: float
    sap: float
    modularity: float
    dci_disentanglement: float
    dci_completeness: float
    dci_informativeness: float
    factor_vae: float | None = None
    beta_vae: float | None = None
    mig_of_draws: float | None = None

    def to_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return asdict(self)

    @property
    def verdict(self) -> str:
        """What the scores say, in a sentence."""
        how = next(text for least, text in GAPS if self.mig >= least)
        return (
            f"{how}: the dimension that tells most of a factor tells {self.mig:.0%} of it more "
            f"than the next. Whole codes tell {self.dci_informativeness:.0%} of factors "
            "right."
        )

    @property
    def figures(self) -> tuple[Figures, ...]:
        """The scores, each with what it says."""
        each = tuple(
            Figure(text, value, note=note)
            for name, (text, note) in TOLD.items()
            if (value := getattr(self, name)) is not None
        )
        return (Figures("Scores (1 is best)", each),)


def mutual_information(codes: Array, factors: Array, bins: int = BINS) -> Array:
    """I(z_i; v_k) in nats, (dim, factors), with each code cut into ``bins`` equal-width bins."""
    cut = np.stack([_binned(column, bins) for column in codes.T], 1)
    levels = [_levels(column) for column in factors.T]
    return np.array([[_information(z, v) for v in levels] for z in cut.T])


def mig(codes: Array, factors: Array, bins: int = BINS) -> float:
    """Mean over factors of the gap between the two dimensions that tell most of it, as a share
    of the factor's entropy."""
    factors = changing(factors)
    information = np.sort(mutual_information(codes, factors, bins), 0)[::-1]
    second = information[1] if len(information) > 1 else 0.0
    return float(np.mean((information[0] - second) / _entropies(factors)))


def modularity(codes: Array, factors: Array, bins: int = BINS) -> float:
    """Mean over dimensions of 1 - (information on other factors)^2 / (on the best one)^2 / (n - 1).

    Dimensions that tell of no factor count as 0; of a single factor, as 1.
    """
    factors = changing(factors)
    squared = mutual_information(codes, factors, bins) ** 2
    best = squared.max(1)
    others = squared.sum(1) - best
    scores = 1 - others / (np.maximum(best, 1e-12) * max(factors.shape[1] - 1, 1))
    return float(np.where(best > 1e-6, scores, 0.0).mean())


def sap(codes: Array, factors: Array, *, split: float = 0.5, seed: int = 0) -> float:
    """Mean over factors of the gap in accuracy between the two dimensions from which a linear
    classifier tells the factor best; one that never changes does as well as chance."""
    factors = changing(factors)
    train, test = _halves(len(codes), split, seed)
    gaps = []
    for factor in factors.T:
        scores = sorted(
            (_one_code_accuracy(codes[:, [i]], factor, train, test) for i in range(codes.shape[1])),
            reverse=True,
        )
        gaps.append(scores[0] - (scores[1] if len(scores) > 1 else 0.0))
    return float(np.mean(gaps))


def dci(
    codes: Array, factors: Array, *, split: float = 0.5, seed: int = 0
) -> tuple[float, float, float]:
    """Disentanglement, completeness and informativeness from the importances that gradient
    boosted trees give each dimension for each factor. Informativeness is accuracy on test rows."""
    factors = changing(factors)
    train, test = _halves(len(codes), split, seed)
    importances, accuracy = [], []
    for factor in factors.T:
        trees = _fitted(
            GradientBoostingClassifier(n_estimators=10, random_state=seed),
            codes[train],
            factor[train],
        )
        importances.append(getattr(trees, "feature_importances_", np.zeros(codes.shape[1])))
        accuracy.append(trees.score(codes[test], factor[test]))
    matrix = np.array(importances).T
    return _one_each(matrix), _one_each(matrix.T), float(np.mean(accuracy))


def factor_vae(
    draw: Callable[[int, int, np.random.Generator], Array], encode: Encoder, factors: int,
    *, votes: int = 800, batch: int = 64, seed: int = 0,
) -> float:  # fmt: skip
    """Accuracy of guessing which factor was held fixed from the dimension that varied least.

    Args:
        draw: (factor, rows, random) to rows that share one random value of that factor.
        encode: rows to codes.
        factors: how many there are.
        votes: for training, and as many again for the test.
        batch: rows of a vote.
        seed: of everything random.
    """
    random = np.random.default_rng(seed)
    spread = encode(
        np.concatenate([draw(k, batch, random) for k in range(factors) for _ in range(8)])
    ).std(0)
    used = np.flatnonzero(spread > ACTIVE)
    if not len(used):
        return 0.0
    cast = [
        (
            int(
                used[np.argmin(encode(draw(k, batch, random))[:, used].var(0) / spread[used] ** 2)]
            ),
            k,
        )
        for k in random.integers(0, factors, 2 * votes)
    ]
    table = np.zeros((len(spread), factors))
    for unit, factor in cast[:votes]:
        table[unit, factor] += 1
    return float(np.mean([table[unit].argmax() == factor for unit, factor in cast[votes:]]))


def beta_vae(
    draw: Callable[[int, int, np.random.Generator], Array], encode: Encoder, factors: int,
    *, votes: int = 400, batch: int = 64, seed: int = 0,
) -> float:  # fmt: skip
    """Accuracy of a linear classifier that guesses the fixed factor from the mean absolute
    difference between the codes of ``batch`` pairs of rows, each pair sharing a value of it.
    ``draw`` as in :func:`factor_vae`."""
    random = np.random.default_rng(seed)
    which = random.integers(0, factors, 2 * votes)
    points = []
    for k in which:
        rows = np.concatenate([draw(int(k), 2, random) for _ in range(batch)])
        codes = encode(rows)
        points.append(np.abs(codes[0::2] - codes[1::2]).mean(0))
    model = LogisticRegression(max_iter=2000).fit(points[:votes], which[:votes])
    return float(model.score(points[votes:], which[votes:]))


def scores(codes: Array, factors: Array, *, seed: int = 0) -> Disentanglement:
    """All scores that need only codes and factors."""
    d, c, i = dci(codes, factors, seed=seed)
    return Disentanglement(
        mig(codes, factors), sap(codes, factors, seed=seed), modularity(codes, factors), d, c, i
    )


def changing(factors: Array) -> Array:
    """The factors that change.

    Raises:
        BadInput: if none does.
    """
    kept = factors[:, (factors != factors[:1]).any(0)]
    require(kept.shape[1] > 0, "no factor ever changes: there is nothing to tell apart")
    return kept


def _fitted(model: Any, codes: Array, factor: Array) -> Any:
    """A fitted classifier; of rows that all share one value, one that always says so."""
    if len(np.unique(factor)) < 2:
        model = DummyClassifier()
    return model.fit(codes, factor)


def _levels(factor: Array) -> Array:
    """Whole numbers from 0 for the values of a factor, whatever they are."""
    return np.unique(factor, return_inverse=True)[1]


def _binned(column: Array, bins: int) -> Array:
    edges = np.linspace(column.min(), column.max() + 1e-12, bins + 1)
    return np.digitize(column, edges[1:-1])


def _information(a: Array, b: Array) -> float:
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a, b), 1)
    joint = table / table.sum()
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / independent[seen])).sum())


def _entropies(factors: Array) -> Array:
    levels = [_levels(column) for column in factors.T]
    return np.array([_information(v, v) for v in levels])


def _one_code_accuracy(column: Array, factor: Array, train: Array, test: Array) -> float:
    """Accuracy from one dimension."""
    model = _fitted(LinearSVC(C=0.01, class_weight="balanced"), column[train], factor[train])
    return float(model.score(column[test], factor[test]))


def _one_each(matrix: Array) -> float:
    """Mean over rows of 1 - entropy (to the base of the columns), weighted by the rows' sums; 0
    where there is nothing, 1 where there is one column."""
    total = matrix.sum()
    if total == 0:
        return 0.0
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1e-12)
    entropy = -(shares * np.log(np.maximum(shares, 1e-12))).sum(1) / np.log(max(matrix.shape[1], 2))
    return float(((1 - entropy) * matrix.sum(1) / total).sum())


def _halves(rows: int, split: float, seed: int) -> tuple[Array, Array]:
    order = np.random.default_rng(seed).permutation(rows)
    cut = int(split * rows)
    return order[:cut], order[cut:]
