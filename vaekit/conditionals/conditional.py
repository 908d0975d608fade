"""Conditional distributions p(a | b) as modules: priors, posteriors and likelihoods alike."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.families import Family
from vaekit.families.elementwise import independent
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

    def forward(self, *given: Tensor) -> D.Distribution:
        return self.family(in_precision(self.net, *given))


class Mapped(nn.Module):
    """A network that is part of a model but of no distribution; it may run in bfloat16."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, *given: Tensor) -> Tensor:
        return in_precision(self.net, *given)


class StandardNormal(nn.Module):
    """N(0, I) over ``dim`` numbers, whatever is given: the usual prior."""

    zero: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("zero", torch.zeros(dim), persistent=False)

    def forward(self, *given: Tensor) -> D.Distribution:
        normal = D.Normal(self.zero, torch.ones_like(self.zero), validate_args=False)
        return independent(normal, (len(self.zero),))
