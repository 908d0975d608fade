"""Objectives: bounds to raise and penalties to lower."""

from vaekit.objectives.objective import Loss, Objective

__all__ = ["Loss", "Objective"]
