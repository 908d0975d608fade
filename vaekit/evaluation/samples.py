"""How good samples are, as distances between two sets of features; no downloads.

None of these is "FID" or "KID" as papers print them unless the features are Inception's. The
feature space is the caller's choice and belongs beside every number.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from vaekit.system.types import Array


@dataclass(frozen=True)
class Quality:
    """Distances between real and made rows in a named feature space.

    Args:
        features: the space.
        rows: rows on each side.
        frechet: Frechet distance between the two sets' normal fits (Heusel et al. 2017).
        kernel: unbiased squared maximum mean discrepancy with a cubic kernel, the mean over
            subsets, and ``kernel_error`` its standard error (Binkowski et al. 2018).
        precision, recall: share of made rows near real ones, and of real near made
            (Kynkaanniemi et al. 2019).
        density, coverage: their robust variants (Naeem et al. 2020).
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

    def to_dict(self) -> dict[str, float | str]:
        """For JSON."""
        return asdict(self)


def quality(
    real: Array, made: Array, features: str, *, neighbours: int = 5, seed: int = 0
) -> Quality:
    """Compare two sets of feature vectors, (rows, features) each, all ways at once."""
    rows = min(len(real), len(made))
    real, made = (np.asarray(a, dtype=np.float64)[:rows] for a in (real, made))
    kernel, error = kernel_distance(real, made, seed=seed)
    return Quality(
        features, rows, frechet_distance(real, made), kernel, error,
        **neighbour_scores(real, made, neighbours),
    )  # fmt: skip


def frechet_distance(a: Array, b: Array) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)): squared 2-Wasserstein distance of the
    normal distributions with the sets' means and covariances. Biased upwards for few rows."""
    difference = a.mean(0) - b.mean(0)
    cov_a, cov_b = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    root = _root(cov_a)
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(difference @ difference + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def kernel_distance(
    a: Array, b: Array, *, subsets: int = 20, size: int = 500, seed: int = 0
) -> tuple[float, float]:
    """Unbiased squared MMD with kernel (x . y / dim + 1)^3: mean over random subsets, and its
    standard error. It may be below zero where the sets do not differ."""
    random = np.random.default_rng(seed)
    size = min(size, len(a), len(b))

    def some(rows: Array) -> Array:
        return rows[random.choice(len(rows), size, replace=False)]

    values = [_mmd(some(a), some(b)) for _ in range(subsets)]
    return float(np.mean(values)), float(np.std(values, ddof=1) / math.sqrt(subsets))


def neighbour_scores(real: Array, made: Array, neighbours: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage by k-nearest-neighbour balls."""
    between = _distances(real, made)
    real_radius = _radius(real, neighbours)
    made_radius = _radius(made, neighbours)
    inside = between < real_radius[:, None]
    return {
        "precision": float(inside.any(0).mean()),
        "recall": float((between < made_radius[None]).any(1).mean()),
        "density": float(inside.sum(0).mean() / neighbours),
        "coverage": float((between.min(1) < real_radius).mean()),
    }


def _root(covariance: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def _mmd(a: Array, b: Array) -> float:
    def kernel(x: Array, y: Array) -> Array:
        return (x @ y.T / x.shape[1] + 1) ** 3

    n, m = len(a), len(b)
    aa, bb = kernel(a, a), kernel(b, b)
    within = (aa.sum() - np.trace(aa)) / (n * (n - 1)) + (bb.sum() - np.trace(bb)) / (m * (m - 1))
    return float(within - 2 * kernel(a, b).mean())


def _distances(a: Array, b: Array) -> Array:
    squared = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(squared.clip(0))


def _radius(x: Array, neighbours: int) -> Array:
    """Distance of each row to its k-th nearest other row."""
    return np.partition(_distances(x, x), neighbours, axis=1)[:, neighbours]
