"""Models of pictures whose pixels are drawn one after the other."""

from __future__ import annotations

from typing import Any

from vaekit.families import Likelihood
from vaekit.families.pixels import Pixels
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.ranges import Count, Whole

SMALL = 1024  # pixels of a picture that is drawn in some seconds


@extends(vae, kl_warmup=0.2)
@good_for(
    "likelihood",
    "small pictures pixel by pixel: what is next to each other goes together, given the code.",
    rank=0.9,
    when=lambda data: data.side > 0 and data.discrete and data.side**2 <= SMALL,
)
def pixel_vae(
    features: Count = 8, masked_width: Count = 16, masked_layers: Whole = 3, **rest: Any
) -> Built:
    """Pictures whose pixels are drawn one after the other, each given those before it and the code
    (PixelVAE: Gulrajani et al. 2017).

    Args:
        features: numbers of each pixel that the code makes.
        masked_width: channels of the convolutions that see pixels before each.
        masked_layers: how many of them.
    """

    def made_of(data: Likelihood) -> Likelihood:
        """Of that of independent pixels."""
        return Pixels(data, features, masked_width, masked_layers)

    return vae(made_of=made_of, **rest)


RECIPES: tuple[Recipe, ...] = (pixel_vae,)
