"""z -> x, where rows are counts that were measured more or less deeply."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.conditionals import Conditional, Prior
from vaekit.data_init import DataInit
from vaekit.families.elementwise import independent
from vaekit.models.drawing import Draw
from vaekit.models.graph import Graph
from vaekit.rows import Rows
from vaekit.system.precision import in_precision

TOTAL, SMALLEST = "log_total", 0.1  # a latent; the least spread of log totals


class OfShares(Conditional):
    """p(x | z, total, given): a network of z and of what is given says which shares of the total
    elements have."""

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(x | z, total, given) for B rows."""
        z, total, *beside = given
        return self.family(in_precision(self.net, z, *beside), total)  # type: ignore[call-arg]


class LogTotals(Prior, DataInit):
    """The log of a row's total, as it is distributed among the training rows: a normal."""

    centre: Tensor
    spread: Tensor

    def __init__(self) -> None:
        super().__init__(1)
        self.register_buffer("centre", torch.zeros(1))
        self.register_buffer("spread", torch.ones(1))

    def init_from(self, x: Tensor) -> None:
        """Set both."""
        logs = log_totals(x).double()
        self.centre.copy_(logs.mean(0))
        self.spread.copy_(logs.std(0, correction=0).clamp_min(SMALLEST))

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(log total)."""
        return independent(D.Normal(self.centre, self.spread, validate_args=False), (1,))


class CountedVAE(Graph):
    """z ~ p(z), x ~ p(x | z, total), where the total of a row is known from it, or a second latent
    (Lopez et al. 2018).

    Where it is known, log p(x | z) is of a row whose total is known; rows that are drawn have the
    training rows' usual one.

    Args:
        prior: p(z | given).
        posterior: q(z | x, given).
        likelihood: p(x | z, total, given).
        totals: p(log total).
        total_posterior: q(log total | x, given); None where it is known.
        side: what is done to all that is given before it is used; by default nothing.
    """

    def __init__(
        self,
        prior: Any,
        posterior: Any,
        likelihood: Any,
        totals: LogTotals,
        total_posterior: Any = None,
        side: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood
        self.totals, self.total_posterior, self.side = totals, total_posterior, side
        self.latents = {"z": math.prod(prior.event_shape)}
        if total_posterior is not None:
            self.latents[TOTAL] = 1

    @property
    def may_be_untold(self) -> bool:
        """If what is given was withheld now and then."""
        return self.side is not None

    @property
    def posteriors(self) -> list[Any]:
        """q(z | x), and q(log total | x) where that is a latent."""
        return [q for q in (self.posterior, self.total_posterior) if q is not None]

    @property
    def priors(self) -> list[Any]:
        """p(z), and p(log total) likewise."""
        return [self.prior, self.totals][: len(self.latents)]

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Draw z, and the total where it is a latent; returns both and all that is given."""
        given = [*rows.given.values()]
        if self.side is not None:
            given = self.side(*given)
        seen = None if rows.x is None else (rows.x, *given)
        z = draw("z", self.prior(*given), self.posterior(*seen) if seen else None)
        return z, self._total(draw, seen), *map(draw.tile, given)

    def _total(self, draw: Draw, seen: tuple[Tensor, ...] | None) -> Tensor:
        """Of each row, (draw.rows, 1)."""
        if self.total_posterior is not None:
            q = self.total_posterior(*seen) if seen else None
            return draw(TOTAL, self.totals(), q).exp()
        if seen is None:
            return self.totals.centre.exp().expand(draw.rows, 1)
        return draw.tile(log_totals(seen[0]).exp())


def log_totals(x: Tensor) -> Tensor:
    """The log of the sum of each row, (rows, 1); of an empty row as of one count."""
    return x.flatten(1).sum(1, keepdim=True, dtype=torch.float64).clamp_min(1.0).log().to(x.dtype)
