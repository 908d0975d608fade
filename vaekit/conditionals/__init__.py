"""Conditional distributions: priors, posteriors and likelihoods alike."""

from vaekit.conditionals.balls import Ball
from vaekit.conditionals.base import Prior
from vaekit.conditionals.conditional import Conditional, Mapped
from vaekit.conditionals.priors import (
    PRIORS,
    EvenLabels,
    Flow,
    Mixture,
    Site,
    StandardNormal,
    Vamp,
    prior,
    prior_kind,
)
from vaekit.conditionals.refitted import Refitted, Scaled, refit_of
from vaekit.conditionals.spheres import Sphere

__all__ = [
    "PRIORS",
    "Ball",
    "Conditional",
    "EvenLabels",
    "Flow",
    "Mapped",
    "Mixture",
    "Prior",
    "Refitted",
    "Scaled",
    "Site",
    "Sphere",
    "StandardNormal",
    "Vamp",
    "prior",
    "prior_kind",
    "refit_of",
]
