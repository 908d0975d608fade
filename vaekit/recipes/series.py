"""Models of series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

from torch import nn

from vaekit.families.base import REAL
from vaekit.families.catalogue import kind_of
from vaekit.networks.series import PerFeature, Season, SeriesDecoder, SeriesEncoder, SeriesShape
from vaekit.recipes.parts import Nets
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for, of_series
from vaekit.system.checks import require
from vaekit.system.ranges import Whole
from vaekit.system.types import Shape

WIDTH = 32
SEASON = re.compile(r"(\d+)(?:x(\d+))?")


@extends(vae, fixed={"network": "dense"})
@good_for(
    "samples",
    "series of a trend, seasons and a rest, which can be told apart.",
    rank=0.4,
    when=of_series,
)
def time_vae(
    shape: Shape,
    trend: Whole = 2,
    seasons: str = "",
    rest: bool = True,
    series: Sequence[int] = (),
    features_first: bool = False,
    **more: Any,
) -> Built:
    """Series as a sum of a trend, seasons and a rest, each decoded from the code by itself
    (TimeVAE: Desai et al. 2021).

    Args:
        shape: of one row of x.
        trend: degree of the polynomial.
        seasons: how many times each of them takes, with commas between, as "7, 12"; "7x24" is of 7
            values that last for 24 times each.
        rest: whether convolutions add what these do not tell.
        series: times and features of a row; by default all numbers are times.
        features_first: whether a row is (features, times).
    """
    times, features = series or (prod(shape), 1)
    own = SeriesShape(times, features, features_first)
    said = seasons_of(seasons, times)
    require(bool(rest or trend or said), "a series without trend, seasons and rest never changes")
    real = kind_of(more.get("likelihood", "gaussian")) is REAL

    def encoder(inputs: Shape, raw: Shape, width: int, depth: int) -> nn.Module:
        """Convolutions over time."""
        return SeriesEncoder(own, prod(inputs), raw, width or WIDTH, depth)

    def decoder(latent: int, raw: Shape, width: int, depth: int) -> nn.Module:
        """The sum of the parts."""
        wide = width or WIDTH
        made = SeriesDecoder(own, latent, raw, wide, depth, trend, said, rest=rest)
        return nn.Sequential(made, PerFeature(own)) if real else made

    return vae(shape=shape, nets=Nets(encoder, decoder, flat=True), **more)


def seasons_of(text: str, times: int) -> list[Season]:
    """Seasons as a person says them: "7, 12x30".

    Raises:
        BadInput: for what says none, and for one that the series is too short for.
    """
    found = []
    for own in filter(None, map(str.strip, text.split(","))):
        said = SEASON.fullmatch(own)
        require(said is not None, f"seasons are as 7 or 7x24, not {own!r}")
        assert said is not None
        season = Season(int(said[1]), int(said[2] or 1))
        fits = season.values > 1 and season.each > 0 and season.values * season.each <= times
        require(fits, f"season {own!r} is none of a series of {times} times")
        found.append(season)
    return found


RECIPES: tuple[Recipe, ...] = (time_vae,)
