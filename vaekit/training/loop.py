"""The loop: a generator of steps. All else (bars, files, early stopping) watches from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaekit.batch import Batch
from vaekit.objectives import Loss
from vaekit.precision import networks_in
from vaekit.seeding import seeded
from vaekit.training.session import Session


class Diverged(ArithmeticError):
    """A loss or gradient is no longer finite. The weights are those before this step."""

    def __init__(self, step: int, term: str, value: float) -> None:
        super().__init__(f"{term} became {value} at step {step}")
        self.step, self.term, self.value = step, term, value


@dataclass(frozen=True)
class Step:
    """One update: its number from 1, the rows it saw, the loss in nats per row, the rate used."""

    number: int
    rows: int
    loss: Loss
    rate: float


def train(session: Session, batches: Iterable[Batch]) -> Iterator[Step]:
    """Update the session's model on one batch after another until its steps are done.

    The noise of a step depends on the seed and the step's number alone, so a session restored
    from a checkpoint goes on exactly as it would have.

    Raises:
        Diverged: at the first loss or gradient that is NaN or infinite, before it is applied.
    """
    session.model.train()
    for batch in batches:
        if session.step >= session.steps:
            return
        loss = compute(session, batch)
        yield Step(session.step + 1, len(batch.x), loss, session.update())


def compute(session: Session, batch: Batch) -> Loss:
    """The loss of a batch, with its gradients, clipped, left on the parameters."""
    with seeded(session.plan.seed, "noise", session.step), networks_in(session.precision):
        loss = session.objective(session.model, batch, session.step)
        loss.total.backward()
    norm = nn.utils.clip_grad_norm_(session.parameters, session.plan.clip or torch.inf)
    if not torch.isfinite(loss.total.detach() + norm):
        raise _explained(session.step + 1, {**loss.terms, "loss": loss.total, "gradient": norm})
    return Loss(loss.total.detach(), loss.terms)


def _explained(step: int, values: dict[str, Tensor]) -> Diverged:
    """The error that names the first value that is not finite."""
    name = next(name for name, value in values.items() if not torch.isfinite(value))
    return Diverged(step, name, float(values[name]))
