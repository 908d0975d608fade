"""The posterior fitted to each row by itself: what the encoder, which does all rows at a glance,
loses.

Sources: Hjelm et al. 2016 and Kim et al. 2018 (refinement); Cremer, Li & Duvenaud 2018 (the gaps).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaekit.distributions import components_of, no_way
from vaekit.evaluation.figures import Figure
from vaekit.evaluation.likelihood import particles_for
from vaekit.evaluation.passes import chunks, concatenated
from vaekit.models import Graph
from vaekit.models.drawing import Rule, from_posterior, stratified
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae
from vaekit.rows import AnyRows, Rows
from vaekit.system.checks import require
from vaekit.system.progress import bar
from vaekit.system.seeding import seeded

STEPS, RATE = 200, 0.05  # of Adam, falling to 0; in what the encoder's last layer gives
FITTED_BY, DRAWS = 4, 200  # particles of a row (or component) in each step, and when it is done


@dataclass(frozen=True)
class Refined:
    """Bounds of rows with the encoder's q and with the best of its kind, each (rows,) nats.

    Args:
        encoder: ELBO with q(z|x) as the encoder gives it.
        fitted: ELBO with q fitted to each row.
        log_likelihood: importance-sampled log p(x) by the fitted q; on average below it.
    """

    encoder: Tensor
    fitted: Tensor
    log_likelihood: Tensor

    @property
    def encoder_gap(self) -> Tensor:
        """What the encoder loses, (rows,) nats: the amortisation gap."""
        return self.fitted - self.encoder

    @property
    def family_gap(self) -> Tensor:
        """What no q of this kind reaches, (rows,) nats: the approximation gap; on average more."""
        return self.log_likelihood - self.fitted


@dataclass(frozen=True)
class Refinement:
    """What the encoder loses, means over some rows, chosen at random, in nats per row.

    Args:
        rows: how many.
        elbo: with q fitted to each of them.
        encoder_gap: by how much it is more than with the encoder's q.
        encoder_error: of that, a standard error over the rows; None for one row.
        family_gap: what is left to log p(x) by importance sampling: no q of this kind reaches it.
    """

    rows: int
    elbo: float
    encoder_gap: float
    encoder_error: float | None
    family_gap: float

    @classmethod
    def of(cls, found: Refined) -> Refinement:
        """The means."""
        count, gap = len(found.fitted), found.encoder_gap.double()
        return cls(
            rows=count,
            elbo=found.fitted.double().mean().item(),
            encoder_gap=gap.mean().item(),
            encoder_error=gap.std().item() / math.sqrt(count) if count > 1 else None,
            family_gap=found.family_gap.double().mean().item(),
        )

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""
        rows = f"of {self.rows:,} row{'s' * (self.rows > 1)}"
        lost = f"more, {rows}, where q(z|x) is fitted to each: what the encoder loses"
        left = "from there to log p(x), or more: what no q(z|x) of this kind reaches"
        return (
            Figure("encoder's gap", self.encoder_gap, self.encoder_error, lost),
            Figure("family's gap", self.family_gap, note=left),
        )

    def to_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return {
            "refined_rows": self.rows,
            "refined_elbo": self.elbo,
            "encoder_gap": self.encoder_gap,
            "encoder_gap_error": self.encoder_error,
            "family_gap": self.family_gap,
        }


def refine(
    model: Graph, rows: AnyRows, *, steps: int = STEPS, draws: int = DRAWS, seed: int = 0
) -> Refined:
    """Fit q(z|x) to each row: what the encoder gives for a row moves up the gradient of the row's
    ELBO, all weights of the model staying as they are.

    Args:
        model: of one latent, whose q gradients can follow.
        rows: to look at.
        steps: of Adam.
        draws: for each row, of the bounds before and after.
        seed: of everything random.

    Raises:
        BadInput: for a model with several latents, or none that gradients can follow.
    """
    model.eval()
    how = _draws(model, Rows.of(rows[:1]))

    def bounds(part: Rows, number: int) -> tuple[Tensor, Tensor]:
        """By the same draws, whatever q is; of the exact q they are equal, whatever the draws."""
        with torch.no_grad(), seeded(seed, "bounds of refined rows", number):
            t = trace(model, part, samples=draws)
            return t.log_ratio.mean(0), iwae(t)

    def both(part: Rows, number: int) -> Tensor:
        before, _ = bounds(part, number)
        with seeded(seed, "refine", number):
            move = _best_move(model, part, steps, how)
        with moved(model, move):
            return torch.stack([before, *bounds(part, number)], 1)

    parts = chunks(rows, max(particles_for(rows) // draws, 1), "fitting q to rows")
    each = (both(part, number) for number, part in enumerate(parts))
    return Refined(*concatenated(each, len(rows)).unbind(1))


class Draws(NamedTuple):
    """How z is drawn while q is fitted: by what rule, and how often for each row."""

    rule: Rule
    samples: int


def _draws(model: Graph, one: Rows) -> Draws:
    """Such that gradients follow them to the one q(z|x), whose numbers a network gives: a mixture
    whose draws they do not follow is drawn from by its components in turn."""
    count, reason = len(model.posteriors), "there is no one q(z|x) to fit to a row"
    require(count == 1, f"this model has {count} latents: {reason}")
    require(model.has_density, f"this model's codes are points: {reason}")
    move = _no_move(model, one).requires_grad_()
    with torch.enable_grad(), moved(model, move):
        (latent,) = trace(model, one).latents.values()
    no_step = no_way(latent.prior)
    require(no_step is None, f"{no_step}: q(z|x) cannot be fitted to a row")
    if latent.value.requires_grad:
        return Draws(from_posterior, FITTED_BY)
    parts = components_of(latent.posterior)
    require(parts > 0, "gradients do not follow this model's draws: q(z|x) cannot be fitted")
    return Draws(stratified, FITTED_BY * parts)


def _no_move(model: Graph, rows: Rows) -> Tensor:
    """Of the encoder's numbers of each row, to begin with."""
    (posterior,) = model.posteriors
    return torch.zeros(len(rows), *posterior.family.raw_shape, device=rows.data.device)


def _best_move(model: Graph, rows: Rows, steps: int, draws: Draws) -> Tensor:
    """What to add to the encoder's numbers of each row."""
    move = _no_move(model, rows).requires_grad_()
    adam = torch.optim.Adam([move], RATE)
    with bar("fitting q", steps) as told, moved(model, move), torch.enable_grad():
        for step in range(steps):
            adam.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * step / steps)) / 2
            t = trace(model, rows, samples=draws.samples, rule=draws.rule)
            (move.grad,) = torch.autograd.grad(-elbo(t).sum(), [move])
            adam.step()
            told.update(step + 1)
    return move.detach()


@contextmanager
def moved(model: Graph, move: Tensor) -> Iterator[None]:
    """Inside the block the network of q gives what it gives plus a move of each row; where a prior
    asks it, as one of pseudo-inputs does, that is of no rows, and stays as it is."""
    asking: list[Any] = []

    def begins(prior: Any, *_: Any) -> None:
        asking.append(prior)

    def ends(*_: Any) -> None:
        asking.clear()

    (posterior,) = model.posteriors
    net = posterior.net
    handles = [net.register_forward_hook(lambda _net, _given, raw: raw if asking else raw + move)]
    for prior in model.priors:
        handles.append(prior.register_forward_pre_hook(begins))
        handles.append(prior.register_forward_hook(ends, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
