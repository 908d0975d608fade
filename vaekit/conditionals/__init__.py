"""Conditional distributions: priors, posteriors and likelihoods alike."""

from vaekit.conditionals.conditional import Conditional, Mapped
from vaekit.conditionals.priors import (
    PRIORS,
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
    "Flow",
    "Mapped",
    "Mixture",
    "Prior",
    "Site",
    "StandardNormal",
    "Vamp",
    "prior",
]
