"""Numbers that may be missing: NaN where they are."""

from __future__ import annotations

from functools import lru_cache, reduce, singledispatch
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D
from torch.nn import functional as F

from vaekit.distributions.known import SomeKnown
from vaekit.distributions.wrapped import Wrapped

NODES = 24  # of the integral over a number that is missing
CANDIDATES = 64  # draws of which one is taken for such a number


class SomeMissing(Wrapped):
    r"""x of independent numbers, NaN where one is missing: it has no part in the density.

    .. math:: \log p(x) = \sum_{i \text{ there}} \log p(x_i)

    Draws and means are of whole rows.

    Args:
        base: of all numbers, elementwise.
        typical: a value that each number can have, of the last dimensions of base.
    """

    def __init__(self, base: Any, typical: Tensor) -> None:
        self.typical = typical
        super().__init__(base)

    def expand(self, batch_shape: Any, _instance: Any = None) -> SomeMissing:
        """The same distribution for more rows."""
        return SomeMissing(self.base.expand(batch_shape), self.typical)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) in nats, one per element; 0 where it is missing."""
        gone = value.isnan()
        return torch.where(gone, 0.0, self.base.log_prob(torch.where(gone, self.typical, value)))


class SelfMasked(SomeMissing):
    r"""Normal numbers, each of which is missing by a chance that depends on the number itself.

    .. math:: P(\text{missing} \mid x) = \sigma(a(x)), \qquad a(x) = b + w (x - m) / s

    so that a number that is there has the density :math:`p(x) \sigma(-a(x))`, and a missing one
    the probability :math:`\int p(x) \sigma(a(x)) dx`, by Gauss-Hermite quadrature: both together
    integrate to one (the self-masking of Ipsen et al. 2021, who draw the missing numbers).

    Args:
        base: of all numbers, elementwise, each normal.
        typical: as there.
        bias: b, of the last dimensions of base, as are the next three.
        slope: w.
        centre: m.
        spread: s.
    """

    def __init__(
        self,
        base: Any,
        typical: Tensor,
        bias: Tensor,
        slope: Tensor,
        centre: Tensor,
        spread: Tensor,
    ) -> None:
        super().__init__(base, typical)
        self.bias, self.slope, self.centre, self.spread = bias, slope, centre, spread

    def logits(self, x: Tensor) -> Tensor:
        """a(x), elementwise."""
        return self.bias + self.slope * (x - self.centre) / self.spread

    def expand(self, batch_shape: Any, _instance: Any = None) -> SelfMasked:
        """The same distribution for more rows."""
        parts = (self.typical, self.bias, self.slope, self.centre, self.spread)
        return SelfMasked(self.base.expand(batch_shape), *parts)

    def log_prob(self, value: Tensor) -> Tensor:
        """In nats, one per element: log density where it is there, else log P(missing)."""
        gone = value.isnan()
        full = torch.where(gone, self.typical, value)
        there = self.base.log_prob(full) + F.logsigmoid(-self.logits(full))
        return torch.where(gone, self.log_chance(), there)

    def log_chance(self) -> Tensor:
        """log P(missing), elementwise."""
        parts = [w + F.logsigmoid(self.logits(x)) for x, w in self._nodes()]
        return reduce(torch.logaddexp, parts)

    def mean_missing(self) -> Tensor:
        """E[x | it is missing], elementwise."""
        nodes = self._nodes()
        x = torch.stack([place for place, _ in nodes])
        weight = torch.stack([w + F.logsigmoid(self.logits(place)) for place, w in nodes])
        return (x * weight.softmax(0)).sum(0)

    def draw_missing(self) -> Tensor:
        """A draw of x given that it is missing: one of some draws of p(x), by its chance of being
        missing."""
        some = self.base.sample(torch.Size([CANDIDATES]))
        chosen = D.Categorical(logits=F.logsigmoid(self.logits(some)).movedim(0, -1)).sample()
        return some.gather(0, chosen[None])[0]

    def _nodes(self) -> list[tuple[Tensor, float]]:
        """Places and log weights of the quadrature."""
        mean, spread = self.base.mean, self.base.stddev
        return [(mean + spread * t, w) for t, w in gauss_hermite(NODES)]


@lru_cache
def gauss_hermite(nodes: int) -> tuple[tuple[float, float], ...]:
    """Places and log weights of the quadrature of means over N(0, 1), by the eigenvectors of its
    Jacobi matrix (Golub & Welsch 1969)."""
    beside = torch.arange(1, nodes, dtype=torch.float64, device="cpu").sqrt()
    places, vectors = torch.linalg.eigh(torch.diag(beside, 1) + torch.diag(beside, -1))
    return tuple(zip(places.tolist(), vectors[0].square().log().tolist(), strict=True))


class Missing(D.Distribution):
    """Numbers of which it is known that they are missing: means and draws alone."""

    arg_constraints: dict[str, Any] = {}

    def __init__(self, of: SelfMasked) -> None:
        self.of = of
        super().__init__(of.batch_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """E[x | missing]."""
        return self.of.mean_missing()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """A draw of each number; one at a time."""
        return self.of.draw_missing()


@singledispatch
def of_missing(p: D.Distribution) -> D.Distribution:
    """What numbers of p are where they are missing: p itself, where that says nothing of them."""
    return p


@of_missing.register
def _(p: D.Independent) -> D.Distribution:
    return D.Independent(of_missing(p.base_dist), p.reinterpreted_batch_ndims, validate_args=False)


@of_missing.register
def _(p: SomeKnown) -> D.Distribution:
    return SomeKnown(of_missing(p.base), p.known, p.value)


@of_missing.register
def _(p: SelfMasked) -> D.Distribution:
    return Missing(p)
