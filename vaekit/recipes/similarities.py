"""Variants whose rows are compared otherwise than number by number."""

from __future__ import annotations

import math
from typing import Annotated, Any

from vaekit.objectives import Term, schedules
from vaekit.objectives.similarity import Discriminator, apart_from_pixels
from vaekit.objectives.structure import rebuilding, unlike
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for, of_pictures
from vaekit.system.checks import require
from vaekit.system.ranges import Above, Count, Share, Swept, Weight


@extends(vae)
@good_for(
    "samples",
    "pictures that a critic takes for real ones, sharper than means.",
    rank=0.5,
    when=of_pictures,
)
@good_for("samples", "rows that a critic takes for real ones.", rank=0.3)
def vae_gan(
    similarity: Annotated[Weight, Swept(0.1, 10.0, log=True)] = 0.3,
    strength: Annotated[Weight, Swept(0.1, 100.0, log=True)] = 10.0,
    pixels: Weight = 1.0,
    steep: Weight = 0.5,
    rise: Share = 0.5,
    critic_width: Count = 64,
    critic_lr: Above = 1e-3,
    steps: int = 1,
    **rest: Any,
) -> Built:
    """Rows are compared as a discriminator sees them that learns to tell them from what the decoder
    makes, beside number by number, or in place of that (VAE/GAN: Larsen et al. 2016).

    Args:
        similarity: weight of the squared error of the discriminator's features.
        strength: of what makes the decoder's rows pass for real ones, beside that error.
        pixels: weight of log p(x|z), from which the likelihood learns its noise; 0 in the paper.
        steep: what the discriminator pays for a steep slope at rows, which keeps it from being too
            sure to learn from; 0 in the paper.
        rise: share of the training in which the discriminator's word comes to count, since at
            first it knows nothing; 0 in the paper.
        critic_width: of the discriminator's features.
        critic_lr: the discriminator's highest learning rate.
        steps: updates of the training, for schedules.
    """
    model, objective = vae(steps=steps, **rest)
    rescale, net = parts.features(model.likelihood.family, critic_width, **rest)
    critic = Discriminator(net, critic_width, strength, steep, rescale, critic_lr)
    weight = schedules.rise(similarity, rise, steps)
    term = Term("similarity", weight, critic, replays=True)
    return Built(model, objective.but(apart_from_pixels(pixels)).plus(term))


@extends(vae)
@good_for(
    "samples",
    "pictures held to the structure of rows, beside their numbers.",
    rank=0.3,
    when=of_pictures,
)
def ms_ssim_vae(
    strength: Annotated[Weight, Swept(0.01, 1.0, log=True)] = 0.1,
    pixels: Weight = 1.0,
    **rest: Any,
) -> Built:
    """Pictures rebuilt so that they are alike in structure at several scales, beside their
    likelihood (MS-SSIM: Wang et al. 2003; Snell et al. 2017). What is lowered is no bound.

    Args:
        strength: nats that each number of a picture costs where it is not alike at all.
        pixels: weight of log p(x|z); 0 in the paper, where the likelihood learns nothing but its
            mean.
    """
    model, objective = vae(**rest)
    data: Any = model.likelihood.family
    white, shape = data.kind.white(data), data.event_shape
    require(len(shape) == 3, "ms_ssim_vae compares pictures, which these rows are not: take vae")
    require(white, f"ms_ssim_vae needs values between black and white, not {data.kind.name}")
    term = Term("unlike", strength * math.prod(shape), rebuilding(unlike(white)))
    return Built(model, objective.but(apart_from_pixels(pixels)).plus(term))


RECIPES: tuple[Recipe, ...] = (vae_gan, ms_ssim_vae)
