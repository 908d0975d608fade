"""The loop: a generator of steps. All else (bars, files, early stopping) watches from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from vaekit.objectives import Loss
from vaekit.rows import Batch, Part
from vaekit.system.precision import networks_in
from vaekit.system.seeding import seeded
from vaekit.training.cuda_graphs import CapturedUpdates, CudaGraphs, can_be_captured
from vaekit.training.state import TrainingState
from vaekit.training.step import Step, diverged


def train(state: TrainingState, batches: Iterable[Batch]) -> Iterator[Step]:
    """Update the state's model on one batch after another until its steps are done.

    The noise of a step depends on the seed and the step's number alone, so a state restored
    from a checkpoint goes on exactly as it would have. On a GPU whole updates are captured
    (:mod:`vaekit.training.cuda_graphs`).

    Raises:
        Diverged: at the first loss or gradient that is NaN or infinite, before it is applied; a
            little later if updates are captured.
    """
    state.model.train()
    captured = CapturedUpdates(state, CudaGraphs(state.device)) if can_be_captured(state) else None
    for batch in batches:
        if state.step >= state.steps:
            return
        here = batch.to(state.device)
        yield captured.update(here) if captured else updated(state, here)


def updated(state: TrainingState, batch: Batch) -> Step:
    """One update, as Python asks for it."""
    loss = compute(state, batch)
    return Step(state.step + 1, batch.rows, loss, state.update())


def compute(state: TrainingState, batch: Batch) -> Loss:
    """The mean loss of a batch, with its gradients, clipped, left on the parameters."""
    *others, last = batch.parts
    with state.passes.no_sync():
        losses = [_part(state, part) for part in others]
    loss = combined(state, [*losses, _part(state, last)])
    norm = state.clip()
    if not torch.isfinite(loss.total + norm):
        values = {**loss.terms, "loss": loss.total, "gradient": norm}
        raise diverged(state.step + 1, values, state.objective.bound.advice)
    return loss


def _part(state: TrainingState, part: Part) -> Loss:
    """One part's contribution to the batch's mean loss; its gradients are added up."""
    source: list[int | str] = ["noise", state.step, *([part.number] if part.number else [])]
    with seeded(state.plan.seed, *source), networks_in(state.precision):
        loss = state.passes(part.rows, state.step)
        weight = part.share * state.world.size
        whole = loss.total + loss.own
        (whole * weight if weight != 1 else whole).backward()
    shared = {name: value * part.share for name, value in loss.terms.items()}
    return Loss(loss.total.detach() * part.share, shared)


def combined(state: TrainingState, parts: list[Loss]) -> Loss:
    """The sum of all parts' contributions, those of other processes too."""
    if len(parts) == state.world.size == 1:
        return parts[0]
    each = [torch.stack([part.total, *part.terms.values()]) for part in parts]
    total, *terms = state.world.all_reduce(torch.stack(each).sum(0)).unbind()
    return Loss(total, dict(zip(parts[0].terms, terms, strict=True)))
