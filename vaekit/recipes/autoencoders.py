"""Autoencoders that are held to a prior, so that they can be drawn from: none has a density."""

from __future__ import annotations

from typing import Any

from vaekit.objectives import Term, discrepancies
from vaekit.objectives.critics import Adversary
from vaekit.objectives.discrepancies import Kernel
from vaekit.recipes.plain import autoencoder
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.system.ranges import Above, Count, Weight


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


@extends(autoencoder)
def wae_gan(
    strength: Weight = 10.0, critic_width: Count = 256, critic_lr: Above = 1e-3, **rest: Any
) -> Built:
    """An autoencoder whose codes a critic cannot tell from draws of N(0, I)
    (Tolstikhin et al. 2018); not a density.

    Args:
        strength: of what holds the codes to the prior: minus the log of the chance that the critic
            takes a code for a draw.
        critic_width: of the critic's three hidden layers.
        critic_lr: the critic's highest learning rate.
    """
    model, objective = autoencoder(**rest)
    critic = Adversary(sum(model.latents.values()), critic_width, critic_lr)
    return Built(model, objective.plus(Term("adversary", strength, critic)))


@extends(wae_gan, strength=1.0)
def adversarial_autoencoder(**rest: Any) -> Built:
    """wae_gan as it began, the critic's word as heavy as the error's (Makhzani et al. 2016); not a
    density."""
    return wae_gan(**rest)


RECIPES: tuple[Recipe, ...] = (wae, wae_gan, adversarial_autoencoder)
