"""Families: raw network outputs in, distributions out."""

from vaekit.families.base import Family, Likelihood
from vaekit.families.elementwise import Elementwise, Located
from vaekit.families.gaussians import DiagonalNormal, FullNormal, LowRankNormal, PointMass
from vaekit.families.likelihoods import LIKELIHOODS, likelihood
from vaekit.families.mixtures import Categorical, LogisticMixture
from vaekit.families.ranges import Range

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
