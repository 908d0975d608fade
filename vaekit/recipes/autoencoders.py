"""Autoencoders that are held to a prior, so that they can be drawn from: none has a density."""

from __future__ import annotations

from typing import Any

from vaekit.objectives import Term, discrepancies
from vaekit.objectives.discrepancies import Kernel
from vaekit.recipes.plain import autoencoder
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.system.ranges import Weight


@extends(autoencoder)
def wae(strength: Weight = 10.0, kernel: Kernel = "imq", **rest: Any) -> Built:
    """An autoencoder whose codes as a whole are held to N(0, I): the Wasserstein autoencoder
    (Tolstikhin et al. 2018); not a density.

    Args:
        strength: of what holds the codes to the prior: their maximum mean discrepancy.
        kernel: of the discrepancy: imq (inverse multiquadric) or rbf.
    """
    model, objective = autoencoder(**rest)
    return Built(model, objective.plus(Term("mmd", strength, discrepancies.mmd(kernel), "batch")))


RECIPES: tuple[Recipe, ...] = (wae,)
