"""Conditional distributions p(a | b) as modules: posteriors, likelihoods, priors that depend."""

from __future__ import annotations

from torch import Tensor, nn
from torch import distributions as D

from vaekit.conditionals.base import straight
from vaekit.families import Family
from vaekit.system.precision import in_precision


class Conditional(nn.Module):
    """p(a | b): a network turns b into raw numbers, a family turns those into a distribution.

    ``forward(*given)`` takes tensors of B rows and returns a distribution with batch shape (B,)
    and its event dimensions declared, so that ``log_prob`` is one number per row, in nats.
    The network may run in bfloat16 (:mod:`vaekit.system.precision`); the distribution never does.
    """

    def __init__(self, net: nn.Module, family: Family) -> None:
        super().__init__()
        self.net, self.family = net, family

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one value of a."""
        return self.family.event_shape

    @property
    def has_density(self) -> bool:
        """False if all mass lies on one value."""
        return self.family.has_density

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(a | b) for B rows of b."""
        return self.family(in_precision(self.net, *given))

    def quantiles(self, shares: Tensor) -> Tensor | None:
        """As a prior: not known, for they depend on what is given."""
        return None

    def fitting(self, codes: Tensor, held: list[int]) -> Tensor:
        """As a prior: codes may lie anywhere."""
        return codes

    def path(self, start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
        """As a prior: the straight way from some codes to others, (pairs, shares, dim)."""
        return straight(start, end, shares)


class Mapped(nn.Module):
    """A network that is part of a model but of no distribution; it may run in bfloat16."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *given: Tensor) -> Tensor:
        """What the network gives, in float32."""
        return in_precision(self.net, *given)
