"""The loop: a generator of steps. All else (bars, files, early stopping) watches from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from vaekit.objectives import Loss
from vaekit.rows import Batch
from vaekit.system.precision import networks_in
from vaekit.system.seeding import seeded
from vaekit.training.cuda_graphs import CudaGraphs, Recorded, can_be_recorded
from vaekit.training.state import Session
from vaekit.training.step import Step, diverged


def train(session: Session, batches: Iterable[Batch]) -> Iterator[Step]:
    """Update the session's model on one batch after another until its steps are done.

    The noise of a step depends on the seed and the step's number alone, so a session restored
    from a checkpoint goes on exactly as it would have. On a GPU whole updates are recorded
    (:mod:`vaekit.training.cuda_graphs`).

    Raises:
        Diverged: at the first loss or gradient that is NaN or infinite, before it is applied; a
            little later if updates are recorded.
    """
    session.model.train()
    recorded = Recorded(session, CudaGraphs(session.device)) if can_be_recorded(session) else None
    for batch in batches:
        if session.step >= session.steps:
            return
        here = batch.to(session.device)
        yield recorded.update(here) if recorded else updated(session, here)


def updated(session: Session, batch: Batch) -> Step:
    """One update, as Python asks for it."""
    loss = compute(session, batch)
    return Step(session.step + 1, batch.rows, loss, session.update())


def compute(session: Session, batch: Batch) -> Loss:
    """The mean loss of a batch, with its gradients, clipped, left on the parameters."""
    *others, last = batch.split()
    with session.passes.no_sync():
        losses = [_part(session, *part) for part in others]
    loss = combined(session, [*losses, _part(session, *last)])
    norm = session.clip()
    if not torch.isfinite(loss.total + norm):
        raise diverged(session.step + 1, {**loss.terms, "loss": loss.total, "gradient": norm})
    return loss


def _part(session: Session, number: int, part: Batch, share: float) -> Loss:
    """One part's contribution to the batch's mean loss; its gradients are added up."""
    source: list[int | str] = ["noise", session.step, *([number] if number else [])]
    with seeded(session.plan.seed, *source), networks_in(session.precision):
        loss = session.passes(part.x, part.given, session.step)
        weight = share * session.world.size
        (loss.total * weight if weight != 1 else loss.total).backward()
    return Loss(loss.total.detach() * share, {k: v * share for k, v in loss.terms.items()})


def combined(session: Session, parts: list[Loss]) -> Loss:
    """The sum of all parts' contributions, those of other processes too."""
    if len(parts) == session.world.size == 1:
        return parts[0]
    each = [torch.stack([part.total, *part.terms.values()]) for part in parts]
    total, *terms = session.world.total(torch.stack(each).sum(0)).unbind()
    return Loss(total, dict(zip(parts[0].terms, terms, strict=True)))
