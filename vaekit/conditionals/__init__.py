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

__all__ = [
    "PRIORS",
    "Conditional",
    "EvenLabels",
    "Flow",
    "Mapped",
    "Mixture",
    "Prior",
    "Site",
    "StandardNormal",
    "Vamp",
    "prior",
]
