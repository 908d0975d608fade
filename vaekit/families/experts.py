"""Posteriors of experts, and likelihoods of rows of several modalities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product as every
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.data_init import SeesSome
from vaekit.distributions.experts import (
    Experts,
    ExpertsAndOwn,
    OfExperts,
    Together,
    product,
)
from vaekit.families.base import Family, Kind, Likelihood, Range, Shape
from vaekit.families.elementwise import independent
from vaekit.system.checks import require

How = Literal["product", "product_alone", "joint", "mixture", "mixture_of_products"]
MOST_MODALITIES = 8  # of a mixture of all their products


class Modality(SeesSome):
    """Some numbers of a row that belong together, and their likelihood.

    Args:
        places: of its numbers in the flattened row.
        shape: that they have.
        likelihood: of them.
        called: the likelihood's name; "" for that of the whole.
    """

    def __init__(
        self, places: Sequence[int], shape: Shape, likelihood: Likelihood, called: str = ""
    ) -> None:
        super().__init__(places, shape)
        self.likelihood: Any = likelihood
        self.called = called

    @property
    def raw_numbers(self) -> int:
        """Raw numbers of a row."""
        return prod(self.likelihood.raw_shape)

    def of(self, raw: Tensor) -> D.Distribution:
        """The elementwise distribution of raw numbers, (rows, raw_numbers)."""
        found = self.likelihood(raw.unflatten(1, self.likelihood.raw_shape))
        return found.base_dist


@dataclass(frozen=True)
class Way:
    """To join experts.

    Args:
        subsets: of so many experts, those whose products are joined, (S, count) of ones and zeros.
        prior: the precision of N(0, I) in a product.
        whole: whether one expert more sees all modalities, and speaks alone where all are there.
        mixed: whether the products are mixed.
    """

    subsets: Callable[[int], Tensor]
    prior: float = 0.0
    whole: bool = False
    mixed: bool = False


def _all(count: int) -> Tensor:
    return torch.ones(1, count)


def _subsets(count: int) -> Tensor:
    """All that are not empty, the smallest first, (2^count - 1, count)."""
    found = sorted(every((0, 1), repeat=count), key=lambda row: (sum(row), [-i for i in row]))
    return torch.tensor(found[1:])


WAYS: dict[How, Way] = {
    "product": Way(_all, prior=1.0),
    "product_alone": Way(_all),
    "joint": Way(_all, whole=True),
    "mixture": Way(torch.eye, mixed=True),
    "mixture_of_products": Way(_subsets, mixed=True),
}


class JoinedExperts(nn.Module):
    r"""q(z | the modalities that are there), of a normal expert q_i for each:

    "product", of N(0, I) and the experts that are there, as mvae has it; "product_alone", of these
    (mvtcae); "joint", the same, but where all are there an expert more, which sees them all
    (jmvae); "mixture", of those that are there (mmvae); "mixture_of_products", of the products of
    all subsets of these (mopoe). N(0, I) where none is there.

    Raw numbers are those of the experts side by side, with that of all modalities behind them, and
    for each modality whether it is there.

    Args:
        expert: the family of each.
        count: how many modalities.
        how: they are joined.
    """

    has_density = True
    subsets: Tensor

    def __init__(self, expert: Family, count: int, how: How) -> None:
        super().__init__()
        self.expert, self.count, self.how = expert, count, how
        require(
            how != "mixture_of_products" or count <= MOST_MODALITIES,
            f"a mixture of products is of at most {MOST_MODALITIES} modalities, not {count}",
        )
        self.way = WAYS[how]
        self.experts = count + self.way.whole
        self.register_buffer("subsets", self.way.subsets(count).bool(), persistent=False)

    @property
    def event_shape(self) -> Shape:
        """Shape of a code."""
        return self.expert.event_shape

    @property
    def raw_shape(self) -> Shape:
        """Those of all experts, and whether each modality is there."""
        return (self.experts * prod(self.expert.raw_shape) + self.count,)

    @property
    def components(self) -> int:
        """Of the mixture."""
        return len(self.subsets)

    def forward(self, raw: Tensor) -> D.Distribution:
        """q of raw numbers, (rows, *raw_shape)."""
        there = raw[:, -self.count :] > 0
        own = self.expert(raw[:, : -self.count].unflatten(1, (self.experts, -1)).flatten(0, 1))
        loc, scale = (v.unflatten(0, (-1, self.experts)) for v in (own.mean, own.stddev))
        join = self._mixture if self.way.mixed else self._normal
        return join(loc, scale, there)

    def _normal(self, loc: Tensor, scale: Tensor, there: Tensor) -> D.Distribution:
        each, spread = loc[:, : self.count], scale[:, : self.count]
        mean, deviation = (v[:, 0] for v in product(each, spread, there[:, None], self.way.prior))
        if self.way.whole:
            all_there = there.all(1, keepdim=True)
            mean = torch.where(all_there, loc[:, -1], mean)
            deviation = torch.where(all_there, scale[:, -1], deviation)
        own = D.Normal(mean, deviation, validate_args=False)
        return OfExperts(own, D.Normal(each, spread, validate_args=False), there)

    def _mixture(self, loc: Tensor, scale: Tensor, there: Tensor) -> Experts:
        whole = (there[:, None] | ~self.subsets).all(-1)
        loc, scale = product(loc, scale, there[:, None] & self.subsets, 0.0)
        none = ~whole.any(-1, keepdim=True)
        logits = torch.where(whole | none, 0.0, -torch.inf).to(loc.dtype).log_softmax(-1)
        return Experts(logits, loc, scale)


class ExpertsWithOwn(JoinedExperts):
    """A mixture of experts of the numbers that modalities share, and beside them, of each expert
    by itself, numbers of its modality's own: N(0, I) where that is missing (Palumbo et al. 2023).

    Args:
        expert: the family of each: of the shared numbers, then of its own.
        count: how many modalities.
        shared: how many numbers are shared.
    """

    owner: Tensor

    def __init__(self, expert: Family, count: int, shared: int) -> None:
        super().__init__(expert, count, "mixture")
        self.shared, self.own = shared, prod(expert.event_shape) - shared
        owner = torch.arange(count).repeat_interleave(self.own)
        owner = torch.cat([-torch.ones(shared).long(), owner])
        self.register_buffer("owner", owner, persistent=False)
        self.log_aside = nn.Parameter(torch.zeros(count * self.own))

    @property
    def event_shape(self) -> Shape:
        """Shape of a code: the shared numbers, then each modality's own."""
        return (self.shared + self.count * self.own,)

    def seen_by(self, modality: int) -> list[int]:
        """The places in a code of what is shared, and of what is a modality's own."""
        first = self.shared + modality * self.own
        return [*range(self.shared), *range(first, first + self.own)]

    def _mixture(self, loc: Tensor, scale: Tensor, there: Tensor) -> Experts:
        mixed: Any = super()._mixture(loc[..., : self.shared], scale[..., : self.shared], there)
        parts, none = mixed.component_distribution.base_dist, ~there[..., None]
        loc = self._beside(parts.loc, loc.masked_fill(none, 0.0))
        scale = self._beside(parts.scale, scale.masked_fill(none, 1.0))
        aside = torch.cat([self.log_aside.new_ones(self.shared), self.log_aside.exp()])
        return ExpertsAndOwn(mixed.log_shares, loc, scale, self.owner, aside)

    def _beside(self, mixed: Tensor, each: Tensor) -> Tensor:
        """What is mixed, and beside it what is each modality's own."""
        own = each[..., self.shared :].flatten(1)
        return torch.cat([mixed, own[:, None].expand(-1, self.count, -1)], -1)


@dataclass(frozen=True)
class RangeOfModalities(Range):
    """The values that each modality can have.

    Args:
        of: of each its places, its range, and its likelihood's name if that is its own.
    """

    of: tuple[tuple[tuple[int, ...], Range, str], ...] = ()

    def check(self, x: Tensor, name: str) -> None:
        """Raise ``BadInput`` unless every value is in the range of its modality."""
        for number, (places, own, its) in enumerate(self.of):
            called = f"modality {number + 1} ({its or name})" if len(self.of) > 1 else its or name
            replace(own, missing=self.missing).check(x.flatten(1)[:, list(places)], called)


class InModalities(nn.Module):
    """p(x | z) of rows of several modalities, independent given z, each of a likelihood of its own.

    Args:
        shape: of a row.
        modalities: of it.
    """

    has_density = True
    places: Tensor

    def __init__(self, shape: Shape, modalities: Sequence[Modality]) -> None:
        super().__init__()
        self.event_shape, self.each = shape, nn.ModuleList(modalities)
        self.register_buffer("places", torch.cat([p.places for p in modalities]), persistent=False)

    @property
    def raw_shape(self) -> Shape:
        """Those of all modalities, one after the other."""
        return (sum(one.raw_numbers for one in self._each),)

    @property
    def range(self) -> Range:
        """That of each one."""
        each = ((one.numbers, one.likelihood.range, one.called) for one in self._each)
        return RangeOfModalities(of=tuple(each))

    @property
    def kind(self) -> Kind:
        """That of the first modality whose values are no discrete ones, or of the first."""
        kinds = [one.likelihood.kind for one in self._each]
        first = next((kind for kind in kinds if not kind.discrete), kinds[0])
        return replace(first, apart=self._apart if all(kind.apart for kind in kinds) else None)

    def _apart(self, _: Likelihood, train: Tensor, rows: Tensor) -> Tensor:
        """That of all modalities, each for itself, whatever these are wrapped in."""
        parts = [(one, one.own(train), one.own(rows)) for one in self._each]
        return sum(one.likelihood.kind.apart(one.likelihood, *own) for one, *own in parts)

    @property
    def _each(self) -> list[Modality]:
        return [*self.each]

    def forward(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        split = raw.split([one.raw_numbers for one in self._each], 1)
        each = [one.of(own) for one, own in zip(self._each, split, strict=True)]
        shapes = [torch.Size(one.shape) for one in self._each]
        together = Together(each, shapes, self.places, torch.Size(self.event_shape))
        return independent(together, self.event_shape)
