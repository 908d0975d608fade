"""Measures that trainings with other options can be compared by: each is of the model and the data,
none is the objective that was trained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from vaekit.evaluation.likelihood import log_likelihood
from vaekit.evaluation.rebuilding import reconstruction_error
from vaekit.evaluation.scores import elbo_terms
from vaekit.models import Graph
from vaekit.rows import Rows

SAMPLES = 50


@dataclass(frozen=True)
class Measure:
    """A number that says how good a model is.

    Args:
        about: what it is, in words.
        of: the number, of a model, rows and a seed.
        high: whether a high one is good.
        needs_density: whether an autoencoder has none.
    """

    about: str
    of: Callable[[Graph, Rows, int], float]
    high: bool = True
    needs_density: bool = True


def elbo(model: Graph, rows: Rows, seed: int) -> float:
    """E_q[log p(x|z)] - KL with weight 1, nats per row.

    Args:
        model: with a density.
        rows: that it was not trained on.
        seed: of the draws.
    """
    terms = elbo_terms(model, rows, seed)
    return (terms[0] - terms[1]).mean().item()


def sampled(model: Graph, rows: Rows, seed: int) -> float:
    """Importance-sampled log p(x), nats per row.

    Args:
        model: with a density.
        rows: that it was not trained on.
        seed: of the draws.
    """
    return log_likelihood(model, rows, samples=SAMPLES, seed=seed).mean


def error(model: Graph, rows: Rows, seed: int) -> float:
    """Squared error per number; NaN where all numbers are missing.

    Args:
        model: of numbers.
        rows: that it was not trained on.
        seed: of nothing.
    """
    found = reconstruction_error(model, rows)
    return math.nan if found is None else found


MEASURES: dict[str, Measure] = {
    "elbo": Measure("ELBO of validation rows with the KL at weight 1, nats per row", elbo),
    "log_likelihood": Measure(f"log p(x) of validation rows, {SAMPLES} samples each", sampled),
    "error": Measure(
        "squared error per number of validation rows", error, high=False, needs_density=False
    ),
}
