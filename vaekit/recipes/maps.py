"""Models whose codes are small maps of an image."""

from __future__ import annotations

import math
from typing import Annotated

from torch import nn

from vaekit.conditionals import Conditional, StandardNormal
from vaekit.families.base import half_exp
from vaekit.families.gaussians import DiagonalNormal
from vaekit.models import VAE
from vaekit.networks.maps import FromCode, ToCode, code_shape
from vaekit.recipes import parts
from vaekit.recipes.parts import LikelihoodName, Shape
from vaekit.recipes.recipe import Built, Recipe
from vaekit.recipes.uses import good_for
from vaekit.system.checks import require
from vaekit.system.ranges import Count, Range, Share, Weight


@good_for(
    "codes",
    "codes that are small maps of a picture, for a diffusion model to learn.",
    rank=0.2,
    when=lambda data: data.side >= 16 and data.discrete,
)
def autoencoder_kl(
    shape: Shape,
    *,
    levels: int = 256,
    steps: int = 1,
    latent: Count = 4,
    likelihood: LikelihoodName = "discretized_logistic",
    width: Count = 32,
    depth: Annotated[int, Range(1, 8)] = 2,
    blocks: Count = 1,
    beta: Weight = 1.0,
    kl_warmup: Share = 0.0,
) -> Built:
    """The autoencoder of latent diffusion: codes are small maps of an image (Rombach et al. 2022).

    The network is diffusers' AutoencoderKL, which loads what ``vaekit export RUN --to diffusers``
    writes of a model whose likelihood is a discretised logistic.

    Args:
        shape: of one row of x.
        levels: of likelihoods of whole levels.
        steps: updates of the training, for schedules.
        latent: planes of a code.
        likelihood: p(x|z) by name.
        width: channels of the first stage; all others have twice as many.
        depth: how often a code halves the image.
        blocks: of each stage of the encoder; the decoder has one more.
        beta: weight of the KL; latent diffusion takes 1e-6, which is hardly a density.
        kl_warmup: share of the training over which the KL's weight rises from 0.
    """
    require(len(shape) == 3, "the codes of this model are maps of an image: for vectors use 'vae'")
    channels, code = (width, *[2 * width] * depth), code_shape(shape, latent, depth + 1)
    data = parts.likelihood_family(likelihood, shape, levels, "auto", 1)
    encode = nn.Sequential(data.kind.input(data), ToCode(shape, latent, channels, blocks))
    decode = FromCode(code, data.raw_shape, channels, blocks)
    posterior = Conditional(encode, DiagonalNormal(math.prod(code), half_exp))
    model = VAE(StandardNormal(math.prod(code)), posterior, Conditional(decode, data))
    return Built(model, parts.warmed_up(kl_warmup, steps).weighing_kl(beta))


RECIPES: tuple[Recipe, ...] = (autoencoder_kl,)
