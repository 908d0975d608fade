"""Evaluation: what a trained model is worth, in numbers that mean what they say."""

from vaekit.evaluation.aggregate import Aggregate, aggregate
from vaekit.evaluation.annealing import Annealed, Sandwich, anneal, sandwich
from vaekit.evaluation.latents import LatentHealth, latent_health
from vaekit.evaluation.likelihood import (
    BoundCurve,
    LogLikelihood,
    bits_per_dimension,
    bound_curve,
    elbo_per_row,
    log_likelihood,
    log_likelihood_and_error,
    log_likelihood_per_row,
)
from vaekit.evaluation.passes import decode, encode, in_chunks
from vaekit.evaluation.refining import Refined, refine
from vaekit.evaluation.unusual import log_likelihood_of_cells, p_values

__all__ = [
    "Aggregate",
    "Annealed",
    "BoundCurve",
    "LatentHealth",
    "LogLikelihood",
    "Refined",
    "Sandwich",
    "aggregate",
    "anneal",
    "bits_per_dimension",
    "bound_curve",
    "decode",
    "elbo_per_row",
    "encode",
    "in_chunks",
    "latent_health",
    "log_likelihood",
    "log_likelihood_and_error",
    "log_likelihood_of_cells",
    "log_likelihood_per_row",
    "p_values",
    "refine",
    "sandwich",
]
