"""Families as symbols: from a network's exact numbers to what the coder needs.

A new family adds one registration of :func:`symbols_of`, here or beside itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from torch import Tensor

from vaekit.codec import fixed_point
from vaekit.codec.ans import PARTS
from vaekit.codec.by_type import ByType, refused
from vaekit.codec.counts import Counts
from vaekit.codec.fixed_point import ONE, REACH, STEP, UNIT, look_up, rounded, through
from vaekit.codec.posteriors import BinnedNormal, CorrelatedNormal, full, low_rank
from vaekit.codec.symbols import Binary, Cumulative, Escaped, Symbols, TableCache, Tabled, cdf_of
from vaekit.families.base import Positive
from vaekit.families.counts import Counted, OverdispersedCounted
from vaekit.families.elementwise import Bernoulli
from vaekit.families.gaps import SelfMasking, WithGaps
from vaekit.families.gaussians import DiagonalNormal, FullNormal, LowRankNormal
from vaekit.families.levels import (
    BetaBinomialLevels,
    Categorical,
    DiscreteLogistic,
    LogisticMixture,
    unmix,
)
from vaekit.system.checks import BadInput
from vaekit.system.types import Array

ToSymbols = Callable[[Tensor], Symbols | CorrelatedNormal]
COUNT_LEVELS = 256
REAL = (
    "this model's likelihood is a density over real numbers, which no code can store without "
    "loss: train with bernoulli, a likelihood of whole levels, or counts"
)


GAPPY = (
    "this model is of rows that may have gaps, for which no code is known: to compress rows "
    "without any, train another recipe, as vae"
)


@ByType
def symbols_of(family: Any) -> ToSymbols:
    """The function from a family's raw numbers, (rows, *raw_shape), to symbols, row after row.

    Raises:
        BadInput: for a family that gives no probability to whole numbers, or is not known.
    """
    kind = getattr(family, "kind", None)  # families for latents have none
    if kind is not None and not kind.discrete:
        raise BadInput(REAL)
    raise refused(family)


def _flat(raw: Tensor) -> Array:
    return raw.reshape(-1).numpy()


def _split(raw: Tensor, event: int, parts: int) -> list[Array]:
    """Raw numbers in ``parts`` blocks along the first event axis, each flat."""
    return [_flat(block) for block in raw.chunk(parts, -event)]


@symbols_of.register(WithGaps)
@symbols_of.register(SelfMasking)
def gappy(family: WithGaps) -> ToSymbols:
    """None: rows that may have gaps are refused."""
    raise BadInput(GAPPY)


@symbols_of.register
def bernoulli(family: Bernoulli) -> ToSymbols:
    """Logits."""
    return lambda raw: Binary(_flat(raw))


@symbols_of.register
def diagonal_normal(family: DiagonalNormal) -> ToSymbols:
    """Bins, by the mean and the scale of each."""

    def symbols(raw: Tensor) -> Symbols:
        mean, scale = _split(raw, 1, 2)
        return BinnedNormal(mean, through(family.link, scale))

    return symbols


@symbols_of.register
def full_normal(family: FullNormal) -> ToSymbols:
    """Bins, one after the other."""
    return lambda raw: full(family, raw)


@symbols_of.register
def low_rank_normal(family: LowRankNormal) -> ToSymbols:
    """Bins, one after the other."""
    return lambda raw: low_rank(family, raw)


class Logistics(Cumulative):
    """Mixtures of discretised logistics over levels.

    Args:
        loc: (elements, components), in levels.
        scale: likewise.
        share: of each component; they sum to 1.
        levels: how many there are.
    """

    def __init__(self, loc: Array, scale: Array, share: Array, levels: int) -> None:
        super().__init__(len(loc), levels, self._mass_below)
        self.slope = np.ascontiguousarray((STEP / scale).T)
        self.start = np.ascontiguousarray(((-0.5 - loc).T) * self.slope + (REACH * STEP + 0.5))
        self.share = np.ascontiguousarray(share.T) * ((PARTS - levels) / UNIT)

    def _mass_below(self, part: slice, k: Array) -> Array:
        at = self.slope[:, part] * k
        at += self.start[:, part]
        mass = fixed_point.sigmoid().take(at.astype(np.int64), mode="clip")
        mass *= self.share[:, part]
        total = mass[0]
        for more in mass[1:]:  # one after the other: the order of a sum is part of its result
            total = total + more
        return total


def _located(loc: Array, scale: Array, levels: int) -> tuple[Array, Array]:
    half = (levels - 1) / 2
    return half * (loc / ONE + 1), half * 0.2 * through(Positive(1e-3), scale)


@symbols_of.register
def discrete_logistic(family: DiscreteLogistic) -> ToSymbols:
    """One component."""

    def symbols(raw: Tensor) -> Symbols:
        loc, scale = _split(raw, len(family.event_shape), 2)
        loc, scale = _located(loc, scale, family.levels)
        return Logistics(loc[:, None], scale[:, None], np.ones((len(loc), 1)), family.levels)

    return symbols


@symbols_of.register
def logistic_mixture(family: LogisticMixture) -> ToSymbols:
    """Several components, their shares by a softmax."""
    count = family.components
    spread = rounded(np.array(family.spread()) * ONE)

    def symbols(raw: Tensor) -> Symbols:
        numbers = unmix(raw, family.event_shape, 3 * count).reshape(-1, 3, count)
        logits, loc, scale = (numbers[:, i].numpy() for i in range(3))
        loc, scale = _located(loc + spread, scale, family.levels)
        drop = rounded((logits.max(1, keepdims=True) - logits) * (STEP / ONE))
        mass = look_up(fixed_point.exponential(), drop)
        share = np.floor(mass / mass.sum(1, keepdims=True) * 2.0**20) / 2.0**20
        return Logistics(loc, scale, share, family.levels)

    return symbols


@symbols_of.register
def categorical(family: Categorical) -> ToSymbols:
    """A table for each element."""

    def symbols(raw: Tensor) -> Symbols:
        logits = unmix(raw, family.event_shape, family.levels).reshape(-1, family.levels).numpy()
        return Tabled(cdf_of(rounded(logits * (STEP / ONE))))

    return symbols


@symbols_of.register
def beta_binomial(family: BetaBinomialLevels) -> ToSymbols:
    """Tables for pairs of places on a grid, kept from one batch to the next."""
    rises, choose = fixed_point.rises(family.levels), fixed_point.choose(family.levels)

    def cdf(pairs: Array) -> Array:
        first, second = np.divmod(pairs, fixed_point.PLACES)
        return cdf_of(rises[first] + rises[second][:, ::-1] + choose)

    cache = TableCache(fixed_point.PLACES**2, family.levels, cdf)

    def symbols(raw: Tensor) -> Symbols:
        blocks = _split(raw, len(family.event_shape), 2)
        first, second = (
            fixed_point.places(through(link, block))
            for link, block in zip(family.links, blocks, strict=True)
        )
        return cache.tabled(first * fixed_point.PLACES + second)

    return symbols


@symbols_of.register
def poisson(family: Counted) -> ToSymbols:
    """A table for each element, up to where counts are escaped; or buckets."""

    def narrow(mean: Array) -> Symbols:
        k = np.arange(COUNT_LEVELS)
        weights = rounded(fixed_point.logs(mean)[:, None] * k)
        weights = _with_tail(weights - fixed_point.log_factorials(COUNT_LEVELS))
        return Escaped(Tabled(cdf_of(weights)), COUNT_LEVELS)

    def symbols(raw: Tensor) -> Symbols:
        (rate,) = _split(raw, len(family.event_shape), 1)
        mean = _means(family, raw, rate)
        return Counts(len(mean), partial(narrow, mean), mean)

    return symbols


@symbols_of.register
def negative_binomial(family: OverdispersedCounted) -> ToSymbols:
    """Likewise."""

    def narrow(mean: Array, size: Array) -> Symbols:
        place = fixed_point.places(size)
        log_chance = fixed_point.logs(mean / (mean + fixed_point.value(place)))
        k = np.arange(COUNT_LEVELS)
        weights = fixed_point.rises(COUNT_LEVELS)[place] + rounded(log_chance[:, None] * k)
        weights = _with_tail(weights - fixed_point.log_factorials(COUNT_LEVELS))
        return Escaped(Tabled(cdf_of(weights)), COUNT_LEVELS)

    def symbols(raw: Tensor) -> Symbols:
        mean, size = _split(raw, len(family.event_shape), 2)
        mean, size = _means(family, raw, mean), through(family.link, size)
        return Counts(len(mean), partial(narrow, mean, size), mean, size)

    return symbols


def _with_tail(weights: Array) -> Array:
    """The last symbol stands for all larger ones: give it the weight of some of them."""
    weights[:, -1] = np.maximum(weights[:, -1], weights.max(1) - 8 * STEP)
    return weights


def _means(family: Counted, raw: Tensor, flat: Array) -> Array:
    gain = family.gain.detach().double().cpu().expand(len(raw), *family.event_shape)
    return _flat(gain.contiguous()) * through(family.link, flat)
