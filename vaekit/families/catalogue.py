"""The likelihoods by name: what p(x|z) is made of for each kind of data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import distributions as D

from vaekit.distributions import ContinuousBernoulli
from vaekit.families.base import UNIT, UNIT_RANGE, Kind, Likelihood, Shape
from vaekit.families.counts import Counted, CountMixture, OverdispersedCounted, ZeroInflatedCounted
from vaekit.families.elementwise import Bernoulli, Elementwise, same
from vaekit.families.levels import (
    BetaBinomialLevels,
    Categorical,
    DiscreteLogistic,
    LogisticMixture,
)
from vaekit.families.located import Located, Scale, StudentT
from vaekit.system.checks import known


def bernoulli(shape: Shape, **_: Any) -> Likelihood:
    """Binary data. Grey values in [0, 1] are let through, but then the result is a
    cross-entropy, not a log likelihood."""
    return Bernoulli(shape)


def continuous_bernoulli(shape: Shape, **_: Any) -> Likelihood:
    """Values in [0, 1] with a proper density (Loaiza-Ganem & Cunningham 2019)."""
    return Elementwise(ContinuousBernoulli, {"logits": same}, shape, UNIT_RANGE, UNIT)


def gaussian(shape: Shape, scale: Scale = "shared", **_: Any) -> Likelihood:
    """Real values; their scale is given, shared, one per element, or from the network."""
    return Located(D.Normal, shape, scale)


def laplace(shape: Shape, scale: Scale = "shared", **_: Any) -> Likelihood:
    """Real values with heavier tails than the normal; scale as for gaussian."""
    return Located(D.Laplace, shape, scale)


def student_t(shape: Shape, scale: Scale = "shared", **_: Any) -> Likelihood:
    """Real values with outliers; the degrees of freedom are learned."""
    return StudentT(shape, scale)


def discretized_logistic(shape: Shape, levels: int, **_: Any) -> Likelihood:
    """Whole levels from 0 upwards, one bump per element."""
    return DiscreteLogistic(shape, levels)


def logistic_mixture(shape: Shape, levels: int, components: int = 3, **_: Any) -> Likelihood:
    """Whole levels, several bumps per element: the best fit for 8-bit images."""
    return LogisticMixture(shape, levels, components)


def categorical(shape: Shape, levels: int, **_: Any) -> Likelihood:
    """Whole levels with a free probability each."""
    return Categorical(shape, levels)


def beta_binomial(shape: Shape, levels: int, **_: Any) -> Likelihood:
    """Whole levels, from a bell to a U: two numbers per element."""
    return BetaBinomialLevels(shape, levels)


def poisson(shape: Shape, **_: Any) -> Likelihood:
    """Counts whose variance equals their mean."""
    return Counted(shape)


def negative_binomial(shape: Shape, **_: Any) -> Likelihood:
    """Counts that vary more than Poisson's."""
    return OverdispersedCounted(shape)


def zero_inflated(shape: Shape, **_: Any) -> Likelihood:
    """Counts that vary more than Poisson's, some of which were missed and are 0."""
    return ZeroInflatedCounted(shape)


def count_mixture(shape: Shape, **_: Any) -> Likelihood:
    """Counts of a background or of a signal above it."""
    return CountMixture(shape)


LIKELIHOODS: dict[str, Callable[..., Likelihood]] = {
    make.__name__: make
    for make in (
        bernoulli, continuous_bernoulli, gaussian, laplace, student_t, discretized_logistic,
        logistic_mixture, categorical, beta_binomial, poisson, negative_binomial,
        zero_inflated, count_mixture,
    )
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """The kind of data that the likelihood called ``name`` describes."""
    return likelihood(name, (1,), levels=2).kind


def of_symbols(name: str) -> bool:
    """Whether levels of the likelihood called ``name`` are symbols, in no order."""
    return getattr(likelihood(name, (1,), levels=2), "symbols", False)


def likelihood(
    name: str, shape: Shape, *, levels: int = 256, scale: Scale = "shared", components: int = 3
) -> Likelihood:
    """The likelihood called ``name`` over rows of ``shape``.

    Args:
        name: of the likelihood.
        shape: of one row.
        levels: number of levels, for the likelihoods on whole levels.
        scale: where the scale comes from, for gaussian, laplace and student_t.
        components: bumps per element, for logistic_mixture.

    Raises:
        BadInput: for an unknown name, with the nearest known one.
    """
    make = LIKELIHOODS[known("likelihood", name, LIKELIHOODS)]
    return make(shape, levels=levels, scale=scale, components=components)
