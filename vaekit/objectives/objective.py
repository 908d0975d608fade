"""Objectives: loss = - mean bound(trace) + sum of weight_i(step) * penalty_i(trace)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vaekit.models import Graph
from vaekit.models.drawing import Rule
from vaekit.models.trace import Trace, trace
from vaekit.objectives.bounds import Bound, reconstruction
from vaekit.objectives.critics import Critic
from vaekit.objectives.keeping import Keeping
from vaekit.objectives.penalties import Penalty, rate
from vaekit.objectives.schedules import Weight, at, times
from vaekit.rows import Rows
from vaekit.system.checks import BadInput, Unsuited, require

Goal = float | Tensor
Learning = Callable[[Trace], tuple[Tensor, Tensor]]

RESERVED = ("loss", "reconstruction", "kl", "gradient")


@dataclass(frozen=True)
class Term:
    """A penalty in an objective.

    Args:
        name: under which it is reported.
        weight: a number, or a function of the step.
        penalty: a function of a trace giving a number in nats per row, or that and a loss of its
            own, as a :class:`Critic` does.
        over: "row" for a mean over the rows; "batch" for what looks at the batch as a whole, and
            so cannot be computed in parts.
        goal: what the penalty is given beside the trace, for one that changes as training goes
            on: a number, or a function of the step. None: nothing.
        replays: whether it looks at the model's weights, or runs the model again.
    """

    name: str
    weight: Weight
    penalty: Penalty | Critic | Callable[[Trace, Goal], Tensor] | Learning
    over: Literal["row", "batch"] = "row"
    goal: Weight | None = None
    replays: bool = False


@dataclass(frozen=True)
class Loss:
    """``total`` is what the model minimises, nats per row; ``terms`` its parts, detached; ``own``
    what critics minimise for themselves, and ``theirs`` what of the total they say, detached: it
    changes as they learn, so that epochs are not compared by it.

    Terms: ``reconstruction`` = - E[log p(x|z)]; ``kl`` where the posterior has a density;
    then each penalty, unweighted, by name.
    """

    total: Tensor
    terms: dict[str, Tensor]
    own: Tensor | float = 0.0
    theirs: Tensor | float = 0.0


class Objective(nn.Module):
    """A bound to raise and weighted penalties to lower.

    Args:
        bound: function of a trace, (B,) nats.
        terms: penalties with their names and weights.
        samples: K, particles per row.
        kl_weight: what the bound multiplies the KL by: beta, a warm-up, or their product.
        rules: from rows to rules for some latents by name: observed or enumerated labels.
        trim: rows whose bound is so many robust standard deviations below the batch's median teach
            nothing (:func:`typical`); 0: all rows do.

    Raises:
        ValueError: if two terms have one name.
    """

    def __init__(
        self,
        bound: Bound | Callable[[Trace], Tensor],
        *terms: Term,
        samples: int = 1,
        kl_weight: Weight = 1.0,
        rules: Callable[[Rows], Mapping[str, Rule]] | None = None,
        trim: float = 0.0,
    ) -> None:
        super().__init__()
        self.bound = bound if isinstance(bound, Bound) else Bound(bound)
        self.terms, self.samples, self.kl_weight, self.rules = terms, samples, kl_weight, rules
        self.trim = trim
        names = [term.name for term in terms]
        if len({*names, *RESERVED}) < len(names) + len(RESERVED):
            raise ValueError(f"the names of terms must differ, and from {RESERVED}: {names}")
        self.owned = nn.ModuleList(self.critics)
        self.keeping = nn.ModuleList(t.penalty for t in terms if isinstance(t.penalty, Keeping))

    def keep(self, rows: Rows) -> None:
        """Let penalties that keep training rows keep these."""
        for penalty in self.keeping:
            penalty.keep(rows)  # type: ignore[operator]

    @property
    def critics(self) -> list[Critic]:
        """The penalties that own weights."""
        return [term.penalty for term in self.terms if isinstance(term.penalty, Critic)]

    @property
    def over_batch(self) -> list[str]:
        """The names of what looks at the batch as a whole."""
        own = ["trim"] if self.trim else []
        return own + [term.name for term in self.terms if term.over == "batch"]

    @property
    def replays(self) -> bool:
        """Whether the model's weights must be at hand after it ran."""
        return self.bound.replays or any(term.replays for term in self.terms)

    def plus(self, *terms: Term) -> Objective:
        """The same objective with more terms."""
        return self._but(terms=(*self.terms, *terms))

    def but(self, bound: Bound, samples: int = 1, rule: Rule | None = None) -> Objective:
        """The same terms and weights beside another bound.

        Args:
            bound: the other.
            samples: K, particles per row.
            rule: by which the latent z is drawn; None: as before.
        """
        rules = self.rules if rule is None else lambda _: {"z": rule}
        return self._but(bound=bound, samples=samples, rules=rules)

    def weighing_kl(self, weight: Weight) -> Objective:
        """The same objective with the KL's weight multiplied by another."""
        return self._but(kl_weight=times(self.kl_weight, weight))

    def trimming(self, trim: float) -> Objective:
        """The same objective, of the rows that are like the others of their batch."""
        return self._but(trim=trim)

    def _but(self, **changes: object) -> Objective:
        names = ("bound", "terms", "samples", "kl_weight", "rules", "trim")
        now = {name: getattr(self, name) for name in names} | changes
        return Objective(now.pop("bound"), *now.pop("terms"), **now)

    def weights(self, step: int) -> list[float]:
        """At a step, the KL's weight, those of the terms, and the goals of those that have one."""
        goals = [term.goal for term in self.terms if term.goal is not None]
        each = (self.kl_weight, *(term.weight for term in self.terms), *goals)
        return [at(weight, step) for weight in each]

    def forward(self, model: nn.Module, rows: Tensor | Rows, step: int = 0) -> Loss:
        """The loss of some rows at a step."""
        return self.weighed(model, Rows.of(rows), self.weights(step))

    def weighed(self, model: nn.Module, rows: Rows, weights: Sequence[float | Tensor]) -> Loss:
        """The loss where the KL and the terms have these weights and goals."""
        named = None if self.rules is None else self.rules(rows)
        t = trace(model, rows, samples=self.samples, named=named)
        kl_weight, *each = weights
        t, goals = replace(t, kl_weight=kl_weight), iter(each[len(self.terms) :])
        total, terms, own, theirs = -self._mean(self.bound(t)), elbo_terms(t), 0.0, 0.0
        for weight, term in zip(each, self.terms, strict=False):
            value = _value(term, t, goals)
            if isinstance(value, tuple):
                value, loss = value
                own, theirs = own + loss, theirs + weight * value.detach()
            total = total + weight * value
            terms[term.name] = value.detach()
        return Loss(total, terms, own, theirs)

    def _mean(self, bound: Tensor) -> Tensor:
        if not self.trim:
            return bound.mean()
        kept = typical(bound.detach(), self.trim)
        return torch.where(kept, bound, 0.0).sum() / kept.sum()

    def check(self, model: Graph, rows: Rows | None = None) -> None:
        """Refuse a pair that cannot train, before it does.

        Args:
            model: what it is to train.
            rows: a few rows to try it on.

        Raises:
            BadInput: in one line that names what does not go together.
        """
        require(
            model.has_density or not self.bound.needs_density,
            f"a point has no density, which the bound {self.bound.name} needs: take another "
            "posterior, or the recipe autoencoder",
        )
        require(
            self.bound.needs_density or self.kl_weight == 1,
            f"the bound {self.bound.name} has no KL to weigh",
        )
        if rows is not None:
            self._try(model, rows)

    @torch.no_grad()
    def _try(self, model: Graph, rows: Rows) -> None:
        try:
            loss = self(model, rows)
        except Unsuited as error:
            raise BadInput(f"this model cannot be trained so: {error}") from error
        values = {**loss.terms, "loss": loss.total}
        bad = [name for name, value in values.items() if not torch.isfinite(value)]
        own = self.bound.advice or "check the recipe's options"
        advice = own if bad == ["loss"] else "check the scale"
        require(not bad, f"the {', '.join(bad)} of the first rows is not finite: {advice}")


def typical(values: Tensor, trim: float) -> Tensor:
    """Which values, (B,), lie at most ``trim`` robust standard deviations below the median, (B,).

    A robust standard deviation is 1.4826 times the median distance from the median: a standard
    deviation for normal values, and half of the others may be anything (Rousseeuw & Croux 1993).
    """
    middle = values.median()
    spread = 1.4826 * (values - middle).abs().median()
    return values >= middle - trim * spread


def _value(term: Term, t: Trace, goals: Iterator[Goal]) -> Any:
    """What a penalty says; one that has a goal takes the next."""
    penalty: Callable[..., Any] = term.penalty
    return penalty(t) if term.goal is None else penalty(t, next(goals))


@torch.no_grad()
def elbo_terms(t: Trace) -> dict[str, Tensor]:
    """The two terms of the ELBO, each averaged over the rows, in nats."""
    terms = {"reconstruction": -reconstruction(t).mean().detach()}
    return terms | ({"kl": rate(t).detach()} if t.has_density else {})
