"""Objectives: loss = - mean bound(trace) + sum of weight_i(step) * penalty_i(trace)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from vaekit.models.trace import Trace, trace
from vaekit.objectives.bounds import REPLAYING, Bound, reconstruction
from vaekit.objectives.penalties import Penalty, rate
from vaekit.objectives.schedules import Weight, at
from vaekit.rows import Batch


@dataclass(frozen=True)
class Loss:
    """``total`` is what is minimised, nats per row; ``terms`` its parts, detached.

    Terms: ``reconstruction`` = - E[log p(x|z)]; ``kl`` where the posterior has a density;
    then each penalty, unweighted, by name.
    """

    total: Tensor
    terms: dict[str, Tensor]


class Objective(nn.Module):
    """A bound to raise and weighted penalties to lower.

    Args:
        bound: function of a trace, (B,) nats.
        penalties: pairs of a weight (a number or a function of the step) and a penalty. A
            penalty that is a module may own weights: it returns (value, its own loss), and
            trains in the same backward pass.
        samples: K, particles per row.
    """

    def __init__(self, bound: Bound, *penalties: tuple[Weight, Penalty], samples: int = 1) -> None:
        super().__init__()
        self.bound, self.penalties, self.samples = bound, penalties, samples
        self.owned = nn.ModuleList(p for _, p in penalties if isinstance(p, nn.Module))

    @property
    def replays(self) -> bool:
        """Whether the bound runs the model more than once with its weights held."""
        return name_of(self.bound) in REPLAYING

    def plus(self, weight: Weight, penalty: Penalty) -> Objective:
        """The same objective with one more penalty."""
        return Objective(self.bound, *self.penalties, (weight, penalty), samples=self.samples)

    def but(self, bound: Bound, samples: int = 1) -> Objective:
        """The same penalties beside another bound."""
        return Objective(bound, *self.penalties, samples=samples)

    def weights(self, step: int) -> list[float]:
        """The penalties' weights at a step."""
        return [at(weight, step) for weight, _ in self.penalties]

    def forward(self, model: nn.Module, batch: Batch, step: int) -> Loss:
        return self.weighed(model, batch, self.weights(step))

    def weighed(self, model: nn.Module, batch: Batch, weights: Sequence[float | Tensor]) -> Loss:
        """The loss where the penalties have these weights."""
        t = trace(model, batch.x, *batch.given, samples=self.samples)
        total, terms = -self.bound(t).mean(), parts(t)
        for weight, (_, penalty) in zip(weights, self.penalties, strict=True):
            value, own = _value_and_own(penalty(t))
            total = total + weight * value + own
            terms[name_of(penalty)] = value.detach()
        return Loss(total, terms)


@torch.no_grad()
def parts(t: Trace) -> dict[str, Tensor]:
    """The two terms of the ELBO, each averaged over the rows, in nats."""
    terms = {"reconstruction": -reconstruction(t).mean().detach()}
    return terms | ({"kl": rate(t).detach()} if t.has_density else {})


def name_of(part: Bound | Penalty) -> str:
    """What a bound or a penalty is called: its function's or class's name."""
    if isinstance(part, partial):
        return name_of(part.func)
    return (
        part.__name__ if callable(part) and not isinstance(part, nn.Module) else type(part).__name__
    )


def _value_and_own(value: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor | float]:
    return value if isinstance(value, tuple) else (value, 0.0)
