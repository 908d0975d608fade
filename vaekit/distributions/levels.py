"""Distributions over whole levels 0, 1, ..., L - 1: pixels, grades, dice.

Values travel as floating-point tensors that hold whole numbers. All log probabilities are in
nats, one per element, and sum to one over the levels.
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributions as D
from torch.distributions import constraints
from torch.distributions.utils import broadcast_all
from torch.nn import functional as F

MANY = 256  # levels up to which float32 will do: in float64 an update takes a third longer
Self = TypeVar("Self", bound="Levels")


class Levels(D.Distribution):
    """Base of the elementwise distributions over L levels.

    Args:
        first: one parameter.
        second: the other.
        levels: L >= 2.
    """

    has_enumerate_support = True
    names: tuple[str, str]

    def __init__(self, first: Tensor, second: Tensor, levels: int) -> None:
        self.levels = levels
        self.first, self.second = broadcast_all(first, second)
        super().__init__(self.first.shape, validate_args=False)

    @property
    def support(self) -> constraints.Constraint:
        """0 .. L - 1."""
        return constraints.integer_interval(0, self.levels - 1)

    def expand(self: Self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution for more rows."""
        first, second = self.first.expand(batch_shape), self.second.expand(batch_shape)
        return type(self)(first, second, self.levels)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All levels, (L, *batch)."""
        values = torch.arange(self.levels, dtype=self.first.dtype, device=self.first.device)
        values = values.view(-1, *[1] * len(self.batch_shape))
        return values.expand(-1, *self.batch_shape) if expand else values


class DiscretizedLogistic(Levels):
    r"""A logistic density rounded to whole levels, its tails gathered at the two ends.

    .. math:: P(k) = \sigma((k + 1/2 - m) / s) - \sigma((k - 1/2 - m) / s)

    with the outer edges at plus and minus infinity. The difference is computed as
    ``sigma(a) sigma(-b) (1 - exp(b - a))``, which loses no digits in the tails.

    Args:
        loc: m, in levels.
        scale: s > 0, in levels.
        levels: L >= 2.

    Source: Salimans et al. 2017, PixelCNN++ (the factored difference is ours).
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}

    @property
    def loc(self) -> Tensor:
        """m, in levels."""
        return self.first

    @property
    def scale(self) -> Tensor:
        """s, in levels."""
        return self.second

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(value), in nats, one per element."""
        upper = F.logsigmoid((value + 0.5 - self.loc) / self.scale)
        lower = F.logsigmoid((self.loc - value + 0.5) / self.scale)
        inside = upper + lower + torch.log(-torch.expm1(-1 / self.scale))
        return torch.where(value <= 0, upper, torch.where(value >= self.levels - 1, lower, inside))

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, by the inverse of the logistic CDF, rounded."""
        shape = torch.Size(sample_shape) + self.batch_shape
        uniform = torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device)
        draw = self.loc + self.scale * torch.logit(uniform, eps=1e-7)
        return draw.round().clamp(0, self.levels - 1)

    @property
    def mean(self) -> Tensor:
        """The exact mean: the sum over k >= 1 of P(X >= k)."""
        total = torch.zeros_like(self.loc)
        for k in range(1, self.levels):
            total = total + torch.sigmoid((self.loc - k + 0.5) / self.scale)
        return total

    @property
    def mode(self) -> Tensor:
        """The likelier of the level nearest the location and the two gathered ends."""
        ends = torch.zeros_like(self.loc), torch.full_like(self.loc, self.levels - 1)
        candidates = torch.stack([self.loc.round().clamp(0, self.levels - 1), *ends])
        best = self.log_prob(candidates).argmax(0, keepdim=True)
        return candidates.gather(0, best).squeeze(0)


class BetaBinomial(Levels):
    r"""The number of successes in L - 1 trials whose chance is drawn from a Beta(a, b).

    .. math:: P(k) = \binom{L-1}{k} B(k + a, L - 1 - k + b) / B(a, b)

    For up to 256 levels it is computed in the type of a and b: in float32 it is right to 2e-7 of
    log Gamma(L + a + b), 2e-4 nats for L = 256. For more levels it is computed in float64.

    Args:
        concentration1: a > 0.
        concentration0: b > 0.
        levels: L >= 2.
    """

    arg_constraints = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }

    @property
    def concentration1(self) -> Tensor:
        """a."""
        return self.first

    @property
    def concentration0(self) -> Tensor:
        """b."""
        return self.second

    def log_prob(self, value: Tensor) -> Tensor:
        """log P(value), in nats, one per element."""
        kind = torch.float64 if self.levels > MANY else self.first.dtype
        k, a, b = value.to(kind), self.first.to(kind), self.second.to(kind)
        rest = self.levels - 1 - k
        ways = self._ways_by_table(value).to(kind) if self.levels <= MANY else self._ways(k)
        total = ways + _log_beta(k + a, rest + b) - _log_beta(a, b)
        return total.clamp_max(0).to(self.first.dtype)

    def _ways(self, k: Tensor) -> Tensor:
        """The logarithm of L - 1 over k."""
        return math.lgamma(self.levels) - (k + 1).lgamma() - (self.levels - k).lgamma()

    def _ways_by_table(self, value: Tensor) -> Tensor:
        k = torch.arange(self.levels, dtype=torch.float64, device=value.device)
        return self._ways(k)[value.nan_to_num().clamp(0, self.levels - 1).long()]

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws: a chance from Beta(a, b), then a binomial."""
        shape = self._extended_shape(sample_shape)
        odds = _log_gamma_draw(self.first.expand(shape)) - _log_gamma_draw(
            self.second.expand(shape)
        )
        chance = torch.sigmoid(odds)
        return torch.binomial(torch.full_like(chance, self.levels - 1), chance)

    @property
    def mean(self) -> Tensor:
        """(L - 1) a / (a + b)."""
        return (self.levels - 1) * self.first / (self.first + self.second)

    @property
    def mode(self) -> Tensor:
        """The likeliest level."""
        scores = self.log_prob(self.enumerate_support())
        return scores.argmax(0).to(self.first.dtype)


def _log_gamma_draw(shape: Tensor) -> Tensor:
    """The logarithm of a draw from Gamma(shape), which itself is below all numbers for a small
    shape (Marsaglia & Tsang 2000: G(a) = G(a + 1) U^(1 / a))."""
    more = torch._standard_gamma(shape + 1).log()
    return more - torch.empty_like(more).exponential_() / shape


def _log_beta(a: Tensor, b: Tensor) -> Tensor:
    return a.lgamma() + b.lgamma() - (a + b).lgamma()


class LevelMixture(D.MixtureSameFamily):
    """A mixture of distributions over levels; unlike torch's, its probabilities are never above
    one by a rounding error."""

    def __init__(self, weights: D.Categorical, parts: Levels) -> None:
        super().__init__(weights, parts, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        return super().log_prob(value).clamp_max(0)

    def expand(self, batch_shape: Any, _instance: Any = None) -> LevelMixture:
        """The same distribution for more rows."""
        shape, count = torch.Size(batch_shape), self._num_component
        parts = self.component_distribution.expand((*shape, count))
        return LevelMixture(self.mixture_distribution.expand(shape), parts)


class CategoricalLevels(D.Categorical):
    r"""A free probability for each level; unlike torch's, it knows its mean.

    .. math:: P(k) = e^{l_k} / \sum_j e^{l_j}

    Args:
        logits: shape (*batch, L), unnormalised log probabilities.
    """

    @property
    def mean(self) -> Tensor:
        """The sum of k P(k)."""
        levels = torch.arange(self._num_events, dtype=self.probs.dtype, device=self.probs.device)
        return self.probs @ levels

    @property
    def mode(self) -> Tensor:
        """The likeliest level."""
        return self.logits.argmax(-1).to(self.logits.dtype)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, as floating-point numbers."""
        return super().sample(torch.Size(sample_shape)).to(self.logits.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> CategoricalLevels:
        """The same distribution for more rows."""
        logits = self.logits.expand(*batch_shape, self._num_events)
        return CategoricalLevels(logits=logits, validate_args=False)
