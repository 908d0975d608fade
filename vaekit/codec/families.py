"""Families as symbols: from a network's exact numbers to what the coder needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.codec import fixed_point
from vaekit.codec.ans import PARTS
from vaekit.codec.fixed_point import BINS_LOG2, ONE, REACH, STEP, UNIT, look_up, rounded, through
from vaekit.codec.layers import exact
from vaekit.codec.posteriors import Chain, Latents, full, low_rank
from vaekit.codec.symbols import (
    Binary,
    Cumulative,
    Escaped,
    Shelf,
    Symbols,
    Tabled,
    Uniform,
    ends_of,
)
from vaekit.conditionals import Conditional, Mapped, StandardNormal
from vaekit.families.base import Positive
from vaekit.families.counts import Counted, OverdispersedCounted
from vaekit.families.elementwise import Elementwise, Located
from vaekit.families.gaussians import DiagonalNormal, FullNormal, LowRankNormal
from vaekit.families.levels import Categorical, DiscreteLogistic, LogisticMixture, unmix
from vaekit.system.checks import BadInput

Array = np.ndarray
COUNT_ENDS = 256
REAL = (
    "this model's likelihood is a density over real numbers, which no code can store without "
    "loss: train with bernoulli, a likelihood of whole levels, or counts"
)


class Coded(nn.Module):
    """The exact twin of a conditional: fixed-point numbers in, symbols out."""

    def __init__(self, conditional: Conditional) -> None:
        super().__init__()
        self.net, self.symbols = exact(conditional.net), symbols_of(conditional.family)

    def forward(self, *given: Tensor) -> Symbols | Chain:
        return self.symbols(self.net(*given))


class CodedMap(nn.Module):
    """The exact twin of a network between latents."""

    def __init__(self, mapped: Mapped) -> None:
        super().__init__()
        self.net = exact(mapped.net)

    def forward(self, *given: Tensor) -> Tensor:
        return self.net(*given)


class CodedPrior(nn.Module):
    """N(0, I): every bin is equally likely."""

    def __init__(self, prior: StandardNormal) -> None:
        super().__init__()
        self.dim = len(prior.zero)

    def forward(self, *given: Tensor) -> Uniform:
        return Uniform(self.dim, BINS_LOG2)


def symbols_of(family: Any) -> Callable[[Tensor], Symbols | Chain]:
    """The function from raw numbers, (rows, *raw_shape), to symbols, row after row.

    Raises:
        BadInput: for a family that gives no probability to whole numbers.
    """
    if isinstance(family, Elementwise):
        return _elementwise(family)
    if type(family) in FAMILIES:
        return partial(FAMILIES[type(family)], family)
    if isinstance(family, Located):
        raise BadInput(REAL)
    raise BadInput(f"a {type(family).__name__} has no exact form: this model cannot compress")


def _elementwise(family: Elementwise) -> Callable[[Tensor], Symbols]:
    kind: Any = family.kind
    if kind is D.Bernoulli:
        return lambda raw: Binary(_flat(raw))
    if isinstance(kind, partial) and "levels" in kind.keywords:
        return _beta_binomial(family, kind.keywords["levels"])
    raise BadInput(REAL)


def _flat(raw: Tensor) -> Array:
    return raw.reshape(-1).numpy()


def _split(raw: Tensor, event: int, parts: int) -> list[Array]:
    """Raw numbers in ``parts`` blocks along the first event axis, each flat."""
    return [_flat(block) for block in raw.chunk(parts, -event)]


def _normal(family: DiagonalNormal, raw: Tensor) -> Latents:
    mean, scale = _split(raw, 1, 2)
    return Latents(mean, through(family.link, scale))


class Logistics(Cumulative):
    """Mixtures of discretised logistics over levels.

    Args:
        loc, scale, share: (elements, components); loc and scale in levels, shares sum to 1.
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


def _logistic(family: DiscreteLogistic, raw: Tensor) -> Logistics:
    loc, scale = _split(raw, len(family.event_shape), 2)
    loc, scale = _located(loc, scale, family.levels)
    return Logistics(loc[:, None], scale[:, None], np.ones((len(loc), 1)), family.levels)


def _mixture(family: LogisticMixture, raw: Tensor) -> Logistics:
    numbers = unmix(raw, family.event_shape, 3 * family.components).reshape(
        -1, 3, family.components
    )
    logits, loc, scale = (numbers[:, i].numpy() for i in range(3))
    spread = rounded(np.array(family.spread()) * ONE)
    loc, scale = _located(loc + spread, scale, family.levels)
    drop = rounded((logits.max(1, keepdims=True) - logits) * (STEP / ONE))
    mass = look_up(fixed_point.exponential(), drop)
    share = np.floor(mass / mass.sum(1, keepdims=True) * 2.0**20) / 2.0**20
    return Logistics(loc, scale, share, family.levels)


def _categorical(family: Categorical, raw: Tensor) -> Tabled:
    logits = unmix(raw, family.event_shape, family.levels).reshape(-1, family.levels).numpy()
    return Tabled(ends_of(rounded(logits * (STEP / ONE))))


def _beta_binomial(family: Elementwise, levels: int) -> Callable[[Tensor], Symbols]:
    """Tables for pairs of places on a grid, kept from one batch to the next."""
    rises, choose = fixed_point.rises(levels), fixed_point.choose(levels)

    def ends(pairs: Array) -> Array:
        first, second = np.divmod(pairs, fixed_point.PLACES)
        return ends_of(rises[first] + rises[second][:, ::-1] + choose)

    shelf = Shelf(fixed_point.PLACES**2, levels, ends)

    def symbols(raw: Tensor) -> Symbols:
        blocks = _split(raw, len(family.event_shape), 2)
        first, second = (
            fixed_point.places(through(link, block))
            for link, block in zip(family.links.values(), blocks, strict=True)
        )
        return shelf.tabled(first * fixed_point.PLACES + second)

    return symbols


def _poisson(family: Counted, raw: Tensor) -> Escaped:
    (rate,) = _split(raw, len(family.event_shape), 1)
    log_rate = fixed_point.logs(_means(family, raw, rate))
    k = np.arange(COUNT_ENDS)
    weights = rounded(log_rate[:, None] * k) - fixed_point.log_factorials(COUNT_ENDS)
    return Escaped(Tabled(ends_of(_with_tail(weights))), COUNT_ENDS)


def _negative_binomial(family: OverdispersedCounted, raw: Tensor) -> Escaped:
    mean, size = _split(raw, len(family.event_shape), 2)
    mean, size = _means(family, raw, mean), through(family.link, size)
    place = fixed_point.places(size)
    log_chance = fixed_point.logs(mean / (mean + fixed_point.value(place)))
    k = np.arange(COUNT_ENDS)
    weights = fixed_point.rises(COUNT_ENDS)[place] + rounded(log_chance[:, None] * k)
    weights = _with_tail(weights - fixed_point.log_factorials(COUNT_ENDS))
    return Escaped(Tabled(ends_of(weights)), COUNT_ENDS)


def _with_tail(weights: Array) -> Array:
    """The last symbol stands for all larger ones: give it the weight of some of them."""
    weights[:, -1] = np.maximum(weights[:, -1], weights.max(1) - 8 * STEP)
    return weights


def _means(family: Counted, raw: Tensor, flat: Array) -> Array:
    gain = family.gain.detach().double().cpu().expand(len(raw), *family.event_shape)
    return _flat(gain.contiguous()) * through(family.link, flat)


FAMILIES: dict[type, Callable[[Any, Tensor], Symbols | Chain]] = {
    DiagonalNormal: _normal,
    FullNormal: full,
    LowRankNormal: low_rank,
    DiscreteLogistic: _logistic,
    LogisticMixture: _mixture,
    Categorical: _categorical,
    Counted: _poisson,
    OverdispersedCounted: _negative_binomial,
}


def twin(model: nn.Module) -> nn.Module:
    """The same graph of latents with every conditional exact.

    Raises:
        BadInput: where a part has no exact form.
    """
    made = type(model).__new__(type(model))
    nn.Module.__init__(made)
    for name, part in model.named_children():
        made.add_module(name, _twin_of(part))
    return made.eval()


def _twin_of(part: nn.Module) -> nn.Module:
    if isinstance(part, Conditional):
        return Coded(part)
    if isinstance(part, StandardNormal):
        return CodedPrior(part)
    if isinstance(part, Mapped):
        return CodedMap(part)
    return twin(part)


def values_of(bins: Array, dim: int) -> Tensor:
    """Bins of a latent, row after row, as the fixed-point values that networks are given."""
    return torch.from_numpy(fixed_point.centres()[bins]).reshape(-1, dim)
