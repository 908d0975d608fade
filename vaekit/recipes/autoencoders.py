"""Autoencoders that are held to a prior, or smoothed, so that they can be drawn from: none has a
density."""

from __future__ import annotations

from typing import Annotated, Any

from vaekit.objectives import Term, discrepancies, penalties
from vaekit.objectives.critics import Adversary
from vaekit.objectives.discrepancies import Kernel
from vaekit.recipes.plain import autoencoder
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.ranges import Above, Count, Swept, Weight


@extends(autoencoder)
@good_for("samples", "rebuilds sharply and can be drawn from; not a density.", rank=0.4)
def wae(
    strength: Annotated[Weight, Swept(1.0, 100.0, log=True)] = 10.0,
    kernel: Kernel = "imq",
    **rest: Any,
) -> Built:
    """An autoencoder whose codes as a whole are held to N(0, I): the Wasserstein autoencoder
    (Tolstikhin et al. 2018); not a density.

    Args:
        strength: of what holds the codes to the prior: their maximum mean discrepancy.
        kernel: of the discrepancy: imq (inverse multiquadric) or rbf.
    """
    model, objective = autoencoder(**rest)
    return Built(model, objective.plus(Term("mmd", strength, discrepancies.mmd(kernel), "batch")))


@extends(autoencoder)
@good_for("samples", "the same by a critic.", rank=0.3)
def wae_gan(
    strength: Annotated[Weight, Swept(1.0, 100.0, log=True)] = 10.0,
    steep: Weight = 1.0,
    critic_width: Count = 256,
    critic_lr: Above = 1e-3,
    **rest: Any,
) -> Built:
    """An autoencoder whose codes a critic cannot tell from draws of N(0, I)
    (Tolstikhin et al. 2018); not a density.

    Args:
        strength: of what holds the codes to the prior: minus the log of the chance that the critic
            takes a code for a draw.
        steep: what the critic pays for a steep slope at draws, which keeps it from being too sure
            to learn from.
        critic_width: of the critic's three hidden layers.
        critic_lr: the critic's highest learning rate.
    """
    model, objective = autoencoder(**rest)
    critic = Adversary(sum(model.latents.values()), critic_width, critic_lr, steep=steep)
    return Built(model, objective.plus(Term("adversary", strength, critic)))


@extends(wae_gan, strength=1.0, steep=0.1)
@good_for("samples", "the same by a critic, as it began.", rank=0.3)
def adversarial_autoencoder(**rest: Any) -> Built:
    """wae_gan as it began, the critic's word as heavy as the error's (Makhzani et al. 2016); not a
    density."""
    return wae_gan(**rest)


@extends(autoencoder)
@good_for("samples", "an autoencoder to be drawn from after refit-prior; not a density.", rank=0.4)
def rae_l2(
    norm: Annotated[Weight, Swept(1e-4, 1.0, log=True)] = 1e-2,
    decoder_norm: Weight = 1e-4,
    **rest: Any,
) -> Built:
    """An autoencoder with short codes and small weights of the decoder, to be drawn from after
    refit-prior (Ghosh et al. 2020); not a density.

    Args:
        norm: weight of half the squared length of codes.
        decoder_norm: weight of the sum of the decoder's squared weights.
    """
    model, objective = autoencoder(**rest)
    smooth = Term("decoder_norm", decoder_norm, penalties.decoder_norm, replays=True)
    return Built(model, objective.plus(Term("code_norm", norm, penalties.code_norm), smooth))


@extends(autoencoder)
@good_for("samples", "the same with a decoder that is nowhere steep.", rank=0.3)
def rae_gp(
    norm: Annotated[Weight, Swept(1e-4, 1.0, log=True)] = 1e-2, slope: Weight = 1e-2, **rest: Any
) -> Built:
    """An autoencoder with short codes and a decoder that is nowhere steep, to be drawn from after
    refit-prior (Ghosh et al. 2020); not a density.

    Args:
        norm: weight of half the squared length of codes.
        slope: weight of the sum of the squared derivatives of the decoder's means.
    """
    model, objective = autoencoder(**rest)
    smooth = Term("decoder_slope", slope, penalties.decoder_slope, replays=True)
    return Built(model, objective.plus(Term("code_norm", norm, penalties.code_norm), smooth))


RECIPES: tuple[Recipe, ...] = (
    wae,
    wae_gan,
    adversarial_autoencoder,
    rae_l2,
    rae_gp,
)
