"""Runs that were stopped before their end."""

from __future__ import annotations

from pathlib import Path

from vaekit.runs.config import Config
from vaekit.runs.failed import failure
from vaekit.runs.folder import METRICS
from vaekit.system.checks import BadInput
from vaekit.system.records import Part, from_text
from vaekit.training import latest_checkpoint
from vaekit.training.checkpoint import progress


def unfinished(folder: Path | None, config: Config) -> str | None:
    """What there is to say of a run whose training was stopped early; None of one that came to its
    end or ran out of patience, and of a model that has no checkpoint.

    Args:
        folder: of the run.
        config: of it.
    """
    path = None if folder is None else latest_checkpoint(folder)
    if folder is None or path is None:
        return None
    try:
        step, notes = progress(path)
        waited = Part(notes, "the checkpoint's notes").whole("waited")
        done = step // _updates_per_epoch(folder / METRICS)
    except (BadInput, OSError):
        return None  # only a resumed training needs them
    epochs, patience = config.plan.epochs, config.plan.patience
    if done >= epochs or 0 < patience <= waited:
        return None
    if why := failure(folder):
        return f"this is the best of {done:,} of {epochs:,} epochs: {why}"
    return (
        f"training was stopped after {done:,} of {epochs:,} epochs: go on with "
        f"vaekit train --resume {folder}"
    )


def _updates_per_epoch(path: Path) -> int:
    """What the first line of a run's metrics says: every command reads no more of them."""
    with path.open("rb") as file:
        first = Part(from_text(file.readline(), str(path)), str(path))
    return first.whole("step", 1) // first.whole("epoch", 1)
