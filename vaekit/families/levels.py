"""Families over whole levels 0 .. levels - 1."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch import distributions as D

from vaekit.distributions import (
    BetaBinomial,
    CategoricalLevels,
    DiscretizedLogistic,
    LevelMixture,
)
from vaekit.distributions.labels import one_hot
from vaekit.families.base import LEVELS, Positive, Range, Shape
from vaekit.families.elementwise import independent, widen


def unmix(raw: Tensor, event_shape: Shape, times: int) -> Tensor:
    """(rows, times * C, ...) to (rows, C, ..., times): the numbers of one element side by side."""
    axis = -len(event_shape)
    return raw.unflatten(axis, (times, event_shape[0])).movedim(axis - 1, -1)


def logistic(raw_loc: Tensor, raw_scale: Tensor, levels: int) -> DiscretizedLogistic:
    """Raw 0 is the middle level and +-1 the ends; raw scale 0 is a fourteenth of the range."""
    half = (levels - 1) / 2
    scale = half * 0.2 * Positive(1e-3)(raw_scale)
    return DiscretizedLogistic(half * (raw_loc + 1), scale, levels)


@dataclass(frozen=True)
class OfLevels:
    """What families over levels share.

    Args:
        event_shape: shape of one row of data.
        levels: how many there are.

    Attributes:
        symbols: whether levels are alike or different and no more, none nearer to one than others.
    """

    event_shape: Shape
    levels: int
    symbols = False
    kind = LEVELS
    has_density = True

    @property
    def range(self) -> Range:
        """Whole numbers 0 .. levels - 1."""
        advice = "give whole levels (uint8 pixels are 0..255) or use a continuous likelihood"
        return Range(0, self.levels - 1, whole=True, advice=advice)


@dataclass(frozen=True)
class BetaBinomialLevels(OfLevels):
    """A beta-binomial per element, from a bell to a U."""

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, 2)

    @property
    def links(self) -> tuple[Positive, Positive]:
        """From raw numbers to the two concentrations."""
        return Positive(1e-3), Positive(1e-3)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """softplus(raw) + floor."""
        blocks = raw.chunk(2, -len(self.event_shape))
        first, second = (link(block) for link, block in zip(self.links, blocks, strict=True))
        return independent(BetaBinomial(first, second, self.levels), self.event_shape)


@dataclass(frozen=True)
class DiscreteLogistic(OfLevels):
    """One discretised logistic per element."""

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, 2)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale = raw.chunk(2, -len(self.event_shape))
        return independent(logistic(loc, scale, self.levels), self.event_shape)


@dataclass(frozen=True)
class LogisticMixture(OfLevels):
    r"""A mixture of discretised logistics per element (Salimans et al. 2017, without their
    dependence between colour channels).

    .. math:: P(k) = \sum_c w_c P(k | m_c, s_c)
    """

    components: int = 3

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, 3 * self.components)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        numbers = unmix(raw, self.event_shape, 3 * self.components)
        logits, loc, scale = numbers.chunk(3, -1)
        parts = logistic(loc + loc.new_tensor(self.spread()), scale, self.levels)
        weights = D.Categorical(logits=logits, validate_args=False)
        return independent(LevelMixture(weights, parts), self.event_shape)

    def spread(self) -> list[float]:
        """Where the components start: evenly over the levels, so that they differ."""
        return [2 * (i + 0.5) / self.components - 1 for i in range(self.components)]


@dataclass(frozen=True)
class Categorical(OfLevels):
    """A free probability for every level of every element; ``levels`` raw numbers each."""

    symbols = True

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, self.levels)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        logits = unmix(raw, self.event_shape, self.levels)
        base = CategoricalLevels(logits=logits, validate_args=False)
        return independent(base, self.event_shape)


@dataclass(frozen=True)
class OneHot:
    """One class out of some, as a one-hot vector: raw numbers are logits."""

    classes: int
    has_density = True

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return (self.classes,)

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.classes,)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        return one_hot(raw)
