"""How good samples are, as distances between two sets of features; no downloads.

None of these is "FID" or "KID" as papers print them unless the features are Inception's. The
feature space is the caller's choice and belongs beside every number.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from vaekit.evaluation.figures import Card, Figure, Figures, short
from vaekit.system.seeding import some
from vaekit.system.types import Array

ROUNDING = 1e-12  # of a squared length in float64, with room

LEAST = 1e-9  # share
SHARES = {
    "precision": "made rows as near to a real one as its neighbours are",
    "recall": "real rows as near to a made one as its neighbours are",
    "density": "precision that single outliers move less",
    "coverage": "real rows that have a made one as near as their neighbours",
}
LIKE = (
    (0.9, "much like real rows"),
    (0.6, "roughly like real rows"),
    (0.0, "unlike real rows"),
)  # least share of what training rows reach


@dataclass(frozen=True)
class Quality(Card):
    """Distances between real and made rows in a named feature space.

    Args:
        features: the space.
        rows: rows on each side.
        frechet: Frechet distance between the two sets' normal fits (Heusel et al. 2017).
        kernel: unbiased squared maximum mean discrepancy with a cubic kernel (Gretton et al.
            2012; Binkowski et al. 2018), of all rows.
        kernel_error: its standard error over other rows like these.
        precision: share of made rows near real ones (Kynkaanniemi et al. 2019).
        recall: share of real rows near made ones.
        density: precision's robust variant (Naeem et al. 2020).
        coverage: recall's.
        usual: the same numbers of training rows in place of made ones: what a perfect model would
            have, but for chance; None where they are not known.
    """

    features: str
    rows: int
    frechet: float
    kernel: float
    kernel_error: float
    precision: float
    recall: float
    density: float
    coverage: float
    usual: Quality | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @property
    def verdict(self) -> str:
        """What the numbers say, in a sentence."""
        near, reached = f"{self.precision:.0%}", f"{self.coverage:.0%}"
        if self.usual is None:
            return (
                f"{near} of the samples lie among real rows, and {reached} of real rows have "
                "samples as near as other real rows are."
            )
        usual = self.usual
        share = min(
            self.precision / max(usual.precision, LEAST),
            self.coverage / max(usual.coverage, LEAST),
        )
        how = next(text for least, text in LIKE if share >= least)
        return (
            f"Samples are {how}: {near} lie among real rows (of training rows "
            f"{usual.precision:.0%}), and {reached} of real rows have samples as near as other "
            f"real rows are (training rows {usual.coverage:.0%})."
        )

    @property
    def figures(self) -> tuple[Figures, ...]:
        """The numbers with what they would be for training rows."""
        chance = "no more than chance" if self.kernel <= 2 * self.kernel_error else "beyond chance"
        title = f"{self.rows:,} rows on each side, in the feature space {self.features!r}"
        apart = self._beside("kernel", chance)
        distances = (
            Figure("Frechet distance", self.frechet, note=self._beside("frechet")),
            Figure("kernel distance", self.kernel, self.kernel_error, apart),
        )
        shares = tuple(
            Figure(name, getattr(self, name), note=self._beside(name, what))
            for name, what in SHARES.items()
        )
        return (
            Figures(f"Distances (0 is best; {title})", distances),
            Figures("Shares, by the nearest neighbours (1 is best)", shares),
        )

    def _beside(self, name: str, what: str = "") -> str:
        """What a number is, and what it is for training rows."""
        usual = "" if self.usual is None else f"training rows {short(getattr(self.usual, name))}"
        return "; ".join(text for text in (what, usual) if text)


def quality(
    real: Array, made: Array, features: str, *, neighbours: int = 5, seed: int = 0
) -> Quality:
    """Compare two sets of feature vectors, (rows, features) each, all ways at once."""
    rows = min(len(real), len(made))
    real, made = (
        np.asarray(a, dtype=np.float64)[some(len(a), rows, seed).numpy()] for a in (real, made)
    )
    kernel, error = kernel_distance(real, made)
    return Quality(
        features, rows, frechet_distance(real, made), kernel, error,
        **neighbour_scores(real, made, neighbours), usual=None,
    )  # fmt: skip


def frechet_distance(a: Array, b: Array) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)): squared 2-Wasserstein distance of the
    normal distributions with the sets' means and covariances. Biased upwards for few rows."""
    difference = a.mean(0) - b.mean(0)
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = _root(cov_a)
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    apart = difference @ difference + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    return max(float(apart), 0.0)  # equal sets are apart by rounding alone


def kernel_distance(a: Array, b: Array) -> tuple[float, float]:
    """Unbiased squared MMD with kernel (x . y / dim + 1)^3 and its standard error. It may be below
    zero where the sets do not differ.

    The error is that of a two-sample U-statistic: what each row adds (it falls as 1 / rows), and
    what each pair adds beyond its two rows (it falls as 1 / rows^2, and is all there is where the
    sets do not differ).
    """
    n, m = len(a), len(b)
    within_a, within_b, across = _kernel(a, a), _kernel(b, b), _kernel(a, b)
    mean_a, mean_b = (_off_diagonal_means(within) for within in (within_a, within_b))
    value = mean_a.mean() + mean_b.mean() - 2 * across.mean()
    pairs_a, pairs_b = _beyond_rows(within_a, mean_a), _beyond_rows(within_b, mean_b)
    over_a, over_b = across.mean(1), across.mean(0)
    pairs = (across - over_a[:, None] - over_b[None] + across.mean()).var()
    rows_a = (mean_a - over_a).var(ddof=1) - pairs_a / n - pairs / m
    rows_b = (mean_b - over_b).var(ddof=1) - pairs_b / m - pairs / n
    first = 4 * (max(rows_a, 0.0) / n + max(rows_b, 0.0) / m)
    second = 2 * pairs_a / n**2 + 2 * pairs_b / m**2 + 4 * pairs / (n * m)
    return float(value), math.sqrt(first + second)


def neighbour_scores(real: Array, made: Array, neighbours: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage by k-nearest-neighbour balls, their edges included:
    rows that repeat more than k times lie in their own balls."""
    between = _distances(real, made)
    real_radius = _radius(real, neighbours)
    made_radius = _radius(made, neighbours)
    inside = between <= real_radius[:, None]
    return {
        "precision": float(inside.any(0).mean()),
        "recall": float((between <= made_radius[None]).any(1).mean()),
        "density": float(inside.sum(0).mean() / neighbours),
        "coverage": float((between.min(1) <= real_radius).mean()),
    }


def _root(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _kernel(a: Array, b: Array) -> Array:
    root: Array = a @ b.T / a.shape[1] + 1
    return root * root * root


def _off_diagonal_means(within: Array) -> Array:
    means: Array = (within.sum(1) - within.diagonal()) / (len(within) - 1)
    return means


def _beyond_rows(within: Array, means: Array) -> float:
    """Variance over pairs of different rows of what remains when both rows' means are taken off."""
    rest = within - means[:, None] - means[None] + means.mean()
    np.fill_diagonal(rest, 0)
    return float(np.square(rest).sum() / (rest.size - len(rest)))


def _distances(a: Array, b: Array) -> Array:
    """Between all pairs, (len(a), len(b)); 0 where there is only what rounding leaves."""
    lengths = (a**2).sum(1)[:, None] + (b**2).sum(1)[None]
    squared = lengths - 2 * a @ b.T
    return np.sqrt(np.where(squared > ROUNDING * lengths, squared, 0.0))


def _radius(x: Array, neighbours: int) -> Array:
    """Distance of each row to its k-th nearest other row."""
    return np.partition(_distances(x, x), neighbours, axis=1)[:, neighbours]
