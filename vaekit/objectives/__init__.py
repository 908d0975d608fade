"""Objectives: bounds to raise and penalties to lower."""

from vaekit.objectives.critics import Critic
from vaekit.objectives.objective import Loss, Objective, Term

__all__ = ["Critic", "Loss", "Objective", "Term"]
