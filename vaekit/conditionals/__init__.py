"""Conditional distributions: priors, posteriors and likelihoods alike."""

from vaekit.conditionals.conditional import Conditional, Mapped
from vaekit.conditionals.priors import (
    PRIORS,
    EvenLabels,
    Flow,
    Mixture,
    Prior,
    Site,
    StandardNormal,
    Vamp,
    prior,
)
from vaekit.conditionals.refitted import REFITS, Refitted, Scaled, refit_of

__all__ = [
    "PRIORS",
    "REFITS",
    "Conditional",
    "EvenLabels",
    "Flow",
    "Mapped",
    "Mixture",
    "Prior",
    "Refitted",
    "Scaled",
    "Site",
    "StandardNormal",
    "Vamp",
    "prior",
    "refit_of",
]
