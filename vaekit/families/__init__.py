"""Families: raw network outputs in, distributions out."""

from vaekit.families.base import Family, Likelihood, Range
from vaekit.families.catalogue import LIKELIHOODS, likelihood
from vaekit.families.elementwise import Elementwise, Located
from vaekit.families.gaussians import DiagonalNormal, FullNormal, LowRankNormal, PointMass
from vaekit.families.levels import Categorical, LogisticMixture

__all__ = [
    "LIKELIHOODS",
    "Categorical",
    "DiagonalNormal",
    "Elementwise",
    "Family",
    "FullNormal",
    "Likelihood",
    "Located",
    "LogisticMixture",
    "LowRankNormal",
    "PointMass",
    "Range",
    "likelihood",
]
