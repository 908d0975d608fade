"""Conditional distributions: priors, posteriors and likelihoods alike."""

from vaekit.conditionals.conditional import Conditional, Mapped, StandardNormal

__all__ = ["Conditional", "Mapped", "StandardNormal"]
