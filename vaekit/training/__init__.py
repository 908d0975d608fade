"""Training: one loop, what it keeps, and how it goes on after an interruption."""

from vaekit.training.checkpoint import latest_checkpoint, load_checkpoint, save_checkpoint
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
    "latest_checkpoint",
    "load_checkpoint",
    "read_metrics",
    "save_checkpoint",
    "train",
]
