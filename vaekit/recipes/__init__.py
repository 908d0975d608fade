"""Recipes: plain functions of numbers and strings that return (model, objective).

A recipe's signature is its configuration; the dictionary below is all that names it.
"""

from __future__ import annotations

from vaekit.recipes import conditional, hierarchical, objectives, plain
from vaekit.recipes.recipe import Built, Recipe, from_data, options
from vaekit.system.checks import known

RECIPES: dict[str, Recipe] = {
    made.__name__: made
    for made in (
        plain.vae,
        plain.dense_vae,
        plain.conv_vae,
        plain.residual_vae,
        plain.full_covariance_vae,
        plain.path_vae,
        plain.autoencoder,
        plain.burda,
        plain.keras_mnist,
        plain.keras_mnist_fast,
        hierarchical.ladder_vae,
        conditional.conditional_vae,
        objectives.beta_vae,
        objectives.beta_tcvae,
        objectives.iwae,
        objectives.dreg,
        objectives.miwae,
        objectives.piwae,
        objectives.ciwae,
        objectives.renyi,
        objectives.tvo,
        objectives.free_bits_vae,
    )
}

PLANS: dict[str, dict[str, float | str]] = plain.PLANS


def recipe(name: str) -> Recipe:
    """The recipe called ``name``, or ``BadInput`` with the nearest known name."""
    return RECIPES[known("recipe", name, RECIPES)]


__all__ = ["PLANS", "RECIPES", "Built", "Recipe", "from_data", "options", "recipe"]
