"""Training: one loop, what it keeps, and how it goes on after an interruption."""

from vaekit.training.checkpoint import (
    checkpoint_size,
    forget_checkpoints,
    latest_checkpoint,
    load_checkpoint,
    progress,
    save_checkpoint,
)
from vaekit.training.loop import train
from vaekit.training.metrics import Meter, Metrics, read_metrics
from vaekit.training.plan import Plan
from vaekit.training.state import TrainingState
from vaekit.training.step import Diverged, Step

__all__ = [
    "Diverged",
    "Meter",
    "Metrics",
    "Plan",
    "Step",
    "TrainingState",
    "checkpoint_size",
    "forget_checkpoints",
    "latest_checkpoint",
    "load_checkpoint",
    "progress",
    "read_metrics",
    "save_checkpoint",
    "train",
]
