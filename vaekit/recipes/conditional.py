"""Models that are given something beside x: a label, or covariates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends


@extends(vae)
def conditional_vae(given: Mapping[str, int], **rest: Any) -> Built:
    """A VAE of x given labels or covariates, which enter encoder and decoder (Sohn et al. 2015)."""
    return vae(given=given, **rest)


RECIPES: tuple[Recipe, ...] = (conditional_vae,)
