"""Distributions that torch lacks, and what is known exactly about pairs of them."""

from vaekit.distributions.affine import Affine
from vaekit.distributions.balls import RiemannianNormal, WrappedNormal
from vaekit.distributions.bernoulli import ContinuousBernoulli
from vaekit.distributions.counts import NegativeBinomial, Poisson, ZeroInflated
from vaekit.distributions.covariances import covariance
from vaekit.distributions.divergences import exact_kl, kl_per_dimension, log_prob_per_element
from vaekit.distributions.draws import (
    common_draws,
    draw_with_density,
    has_density,
    is_discrete,
    latin_hypercube,
    no_way,
    weighs_any_value,
)
from vaekit.distributions.flows import Flowed
from vaekit.distributions.known import SomeKnown
from vaekit.distributions.levels import (
    BetaBinomial,
    CategoricalLevels,
    DiscretizedLogistic,
    LevelMixture,
)
from vaekit.distributions.low_rank import LowRankNormal
from vaekit.distributions.mixtures import NormalMixture, components_of, strata
from vaekit.distributions.point import Point
from vaekit.distributions.quantiles import quantiles
from vaekit.distributions.spheres import PowerSpherical, UniformOnSphere, VonMisesFisher
from vaekit.distributions.student import StudentT

__all__ = [
    "Affine",
    "BetaBinomial",
    "CategoricalLevels",
    "ContinuousBernoulli",
    "DiscretizedLogistic",
    "Flowed",
    "LevelMixture",
    "LowRankNormal",
    "NegativeBinomial",
    "NormalMixture",
    "Point",
    "Poisson",
    "PowerSpherical",
    "RiemannianNormal",
    "SomeKnown",
    "StudentT",
    "UniformOnSphere",
    "VonMisesFisher",
    "WrappedNormal",
    "ZeroInflated",
    "common_draws",
    "components_of",
    "covariance",
    "draw_with_density",
    "exact_kl",
    "has_density",
    "is_discrete",
    "kl_per_dimension",
    "latin_hypercube",
    "log_prob_per_element",
    "no_way",
    "quantiles",
    "strata",
    "weighs_any_value",
]
