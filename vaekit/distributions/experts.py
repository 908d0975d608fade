"""Normal experts, each of which knows of some of a row: their products, and mixtures of these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D
from torch.nn import functional as F

from vaekit.distributions.draws import Noise, from_noise
from vaekit.distributions.mixtures import components_of, strata
from vaekit.system.checks import Unsuited


def product(loc: Tensor, scale: Tensor, among: Tensor, prior: float) -> tuple[Tensor, Tensor]:
    r"""Mean and standard deviation of the normalised product of some normal experts and N(0, I):

    .. math:: \lambda = \lambda_0 + \sum_i \lambda_i, \qquad \mu = \sum_i \lambda_i \mu_i / \lambda,
        \qquad \lambda_i = 1 / \sigma_i^2

    and N(0, I) itself where no expert is among them.

    Args:
        loc: of the experts, (B, M, dim).
        scale: likewise.
        among: which experts are multiplied, (B, S, M): S products of each row.
        prior: the precision of N(0, I) among them: 1, or 0 if it is no expert.

    Returns:
        (B, S, dim) each.
    """
    weight = among.to(loc.dtype)
    least = torch.where(weight.sum(-1, keepdim=True) > 0, prior, 1.0)
    each = scale.square().reciprocal()
    precision = least + weight @ each
    return (weight @ (each * loc)) / precision, precision.rsqrt()


class OfExperts(D.Independent):
    """A normal of dim numbers, (B,) rows, made of M experts, which it keeps.

    Args:
        own: what they make together, (B, dim).
        each: the experts, (B, M, dim).
        there: which of them are there, (B, M).
    """

    def __init__(self, own: D.Normal, each: D.Normal, there: Tensor) -> None:
        super().__init__(own, 1, validate_args=False)
        self.each, self.there = each, there


@singledispatch
def from_experts(q: D.Distribution) -> tuple[Tensor, Tensor]:
    """KL(q || q_i) of q from each expert it is made of, in nats, 0 where that is not there; and
    which are there: (B, M) each.

    Raises:
        Unsuited: for what is made of no experts.
    """
    raise Unsuited(f"a {type(q).__name__} is made of no experts")


@from_experts.register
def _(q: OfExperts) -> tuple[Tensor, Tensor]:
    own = D.Normal(q.mean[:, None], q.stddev[:, None], validate_args=False)
    kl = D.kl_divergence(own, q.each).sum(-1)
    return torch.where(q.there, kl, 0.0), q.there


class Experts(D.MixtureSameFamily):
    """A mixture of S products of experts, (B,) rows of dim numbers.

    Args:
        logits: log of the share of each product, (B, S), normalised; -inf for none.
        loc: (B, S, dim).
        scale: (B, S, dim).
    """

    def __init__(self, logits: Tensor, loc: Tensor, scale: Tensor) -> None:
        parts = D.Independent(D.Normal(loc, scale, validate_args=False), 1, validate_args=False)
        shares = D.Categorical(logits=logits, validate_args=False)
        super().__init__(shares, parts, validate_args=False)

    @property
    def components(self) -> int:
        """S."""
        return self.mixture_distribution.logits.shape[-1]

    @property
    def log_shares(self) -> Tensor:
        """Of the products, (B, S)."""
        return self.mixture_distribution.logits


class ExpertsAndOwn(Experts):
    """A mixture of experts of some numbers, and beside them numbers of each modality's own, which
    are the same in all parts of the mixture.

    Args:
        logits: as of Experts.
        loc: likewise, of all numbers.
        scale: likewise.
        owner: of each number: the part of the mixture that tells it, or -1 if all do, (dim,).
        aside: standard deviation of each number where nobody tells it, (dim,).
    """

    def __init__(
        self, logits: Tensor, loc: Tensor, scale: Tensor, owner: Tensor, aside: Tensor
    ) -> None:
        super().__init__(logits, loc, scale)
        self.owner, self.aside = owner, aside

    def log_prob_of(self, value: Tensor, some: Tensor) -> Tensor:
        """The density of some numbers of values alone, in nats, one per row.

        Args:
            value: (..., B, dim).
            some: which numbers: all that are shared, and others; likewise.
        """
        parts: Any = self.component_distribution
        each = parts.base_dist.log_prob(value[..., None, :]) * some[..., None, :]
        return torch.logsumexp(self.log_shares + each.sum(-1), -1)


@components_of.register
def _(q: Experts) -> int:
    return q.components


@strata.register
def _(q: Experts, draws: int) -> tuple[Tensor, Tensor]:
    times = draws // q.components
    z = q.component_distribution.rsample(torch.Size([times])).transpose(1, 2)
    return z.flatten(0, 1), (q.log_shares.T + math.log(q.components)).repeat(times, 1)


@from_noise.register
def _(q: Experts, noise: Noise) -> Tensor:
    parts: Any = q.component_distribution
    parts = parts.base_dist
    chance, standard = torch.special.ndtr(noise(1)), noise(q.event_shape[0])
    upto = q.mixture_distribution.probs.cumsum(-1)[..., :-1]
    chosen = F.one_hot((chance > upto).sum(-1), q.components).to(standard.dtype)
    loc, scale = ((chosen[..., None] * v).sum(-2) for v in (parts.loc, parts.scale))
    return loc + scale * standard


class Together(D.Distribution):
    """Independent numbers of several distributions, in one row.

    Args:
        each: elementwise distributions of (rows, *shape).
        shapes: of each.
        places: of the numbers of all, one after the other, in the flattened row: (D,).
        event: shape of a row.
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(
        self,
        each: Sequence[D.Distribution],
        shapes: Sequence[torch.Size],
        places: Tensor,
        event: torch.Size,
    ) -> None:
        self.each, self.shapes, self.places, self.event = each, shapes, places, event
        self.order = places.argsort()
        rows = each[0].batch_shape[: len(each[0].batch_shape) - len(shapes[0])]
        super().__init__(torch.Size([*rows, *event]), validate_args=False)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """Whether draws carry gradients."""
        return all(p.has_rsample for p in self.each)

    @property
    def support(self) -> Any:
        """That of the first that is no discrete one, or of the first."""
        found: list[Any] = [p.support for p in self.each]
        return next((s for s in found if not s.is_discrete), found[0])

    @property
    def mean(self) -> Tensor:
        """Of each number."""
        return self._joined([p.mean for p in self.each])

    @property
    def variance(self) -> Tensor:
        """Of each number."""
        return self._joined([p.variance for p in self.each])

    def expand(self, batch_shape: Any, _instance: Any = None) -> Together:
        """The same distribution for more rows."""
        rows = batch_shape[: len(batch_shape) - len(self.event)]
        grown = zip(self.each, self.shapes, strict=True)
        each = [p.expand(torch.Size([*rows, *shape])) for p, shape in grown]
        return Together(each, self.shapes, self.places, self.event)

    def log_prob(self, value: Tensor) -> Tensor:
        """In nats, one per number."""
        flat = value.flatten(-len(self.event))[..., self.places]
        parts = flat.split([shape.numel() for shape in self.shapes], -1)
        own = zip(self.each, parts, self.shapes, strict=True)
        return self._joined([p.log_prob(x.unflatten(-1, shape)) for p, x, shape in own])

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        return self._joined([p.sample(torch.Size(sample_shape)) for p in self.each])

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the parameters."""
        return self._joined([p.rsample(torch.Size(sample_shape)) for p in self.each])

    def _joined(self, values: Sequence[Tensor]) -> Tensor:
        flat = [v.flatten(-len(shape)) for v, shape in zip(values, self.shapes, strict=True)]
        return torch.cat(flat, -1)[..., self.order].unflatten(-1, self.event)
