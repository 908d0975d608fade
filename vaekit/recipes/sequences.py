"""Models of series whose times are drawn one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import nn

from vaekit.families import Likelihood
from vaekit.families.catalogue import of_symbols
from vaekit.families.steps import Steps
from vaekit.networks import dense
from vaekit.networks.series import SeriesEncoder, SeriesShape
from vaekit.recipes import parts
from vaekit.recipes.parts import LikelihoodName, Nets
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.series import WIDTH
from vaekit.recipes.uses import good_for
from vaekit.system.ranges import Count, ShareBelow
from vaekit.system.types import Shape


@extends(vae, fixed={"network": "dense"}, kl_warmup=0.2)
@good_for(
    "likelihood",
    "sequences, of which what comes next rests on what was before.",
    rank=0.2,
    when=lambda data: data.series or (data.discrete and not data.image),
)
def sequence_vae(
    shape: Shape,
    likelihood: LikelihoodName = "categorical",
    features: Count = 32,
    recurrent_width: Count = 64,
    word_dropout: ShareBelow = 0.0,
    series: Sequence[int] = (),
    features_first: bool = False,
    **rest: Any,
) -> Built:
    """Sequences of symbols, or series of numbers, whose times are drawn one after the other, each
    given those before it and the code (Bowman et al. 2016).

    Args:
        shape: of one row of x.
        likelihood: of a time: categorical of symbols, gaussian or another of numbers.
        features: numbers of a row that the code makes.
        recurrent_width: of the layer that remembers what was before.
        word_dropout: share of the times that those after them do not see in training, so that they
            ask the code.
        series: times and features of a row; by default all numbers are times.
        features_first: whether a row is (features, times).
    """
    times, each = series or (prod(shape), 1)
    own, symbols = SeriesShape(times, each, features_first), of_symbols(likelihood)

    def made_of(data: Likelihood) -> Likelihood:
        """Of that of independent times."""
        return Steps(data, own, features, recurrent_width, word_dropout, symbols=symbols)

    def encoder(inputs: Shape, raw: Shape, width: int, depth: int) -> nn.Module:
        """Convolutions over time."""
        blocks = rest.get("levels", 256) if symbols else 1
        return SeriesEncoder(own, prod(inputs), raw, width or WIDTH, depth, blocks)

    def decoder(latent: int, raw: Shape, width: int, depth: int) -> nn.Module:
        """Features of a row."""
        return dense((latent,), raw, parts.layers(depth or 1, width or 2 * WIDTH))

    nets = Nets(encoder, decoder, flat=True)
    return vae(shape=shape, likelihood=likelihood, nets=nets, made_of=made_of, **rest)


RECIPES: tuple[Recipe, ...] = (sequence_vae,)
