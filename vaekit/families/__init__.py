"""Families: raw network outputs in, distributions out."""

from vaekit.families.base import Family, Kind, Likelihood, Range
from vaekit.families.catalogue import LIKELIHOODS, likelihood
from vaekit.families.directions import Direction
from vaekit.families.elementwise import Bernoulli, Elementwise
from vaekit.families.flows import (
    AutoregressiveFlow,
    CouplingFlow,
    PlanarFlow,
    RadialFlow,
    SylvesterFlow,
)
from vaekit.families.gaussians import (
    DiagonalNormal,
    FullNormal,
    HouseholderNormal,
    LowRankNormal,
    NormalMixture,
    PointMass,
)
from vaekit.families.known import WithKnown
from vaekit.families.levels import BetaBinomialLevels, Categorical, LogisticMixture, OneHot
from vaekit.families.located import Located

__all__ = [
    "LIKELIHOODS",
    "AutoregressiveFlow",
    "Bernoulli",
    "BetaBinomialLevels",
    "Categorical",
    "CouplingFlow",
    "DiagonalNormal",
    "Direction",
    "Elementwise",
    "Family",
    "FullNormal",
    "HouseholderNormal",
    "Kind",
    "Likelihood",
    "Located",
    "LogisticMixture",
    "LowRankNormal",
    "NormalMixture",
    "OneHot",
    "PlanarFlow",
    "PointMass",
    "RadialFlow",
    "Range",
    "SylvesterFlow",
    "WithKnown",
    "likelihood",
]
