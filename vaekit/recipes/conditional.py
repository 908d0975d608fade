"""Models that are given something beside x: a label, or covariates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for


@extends(vae)
@good_for(
    "samples",
    "rows of a class that is asked for.",
    rank=0.9,
    when=lambda data: data.labelled,
    drop=0.1,
)
def conditional_vae(given: Mapping[str, int], **rest: Any) -> Built:
    """A VAE of x given labels or covariates, which enter encoder and decoder (Sohn et al. 2015)."""
    return vae(given=given, **rest)


RECIPES: tuple[Recipe, ...] = (conditional_vae,)
