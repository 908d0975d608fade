"""Recipes: plain functions of numbers and strings that return (model, objective).

A recipe's signature is its configuration; the list at the end of its file is all that names it.
"""

from __future__ import annotations

from vaekit.recipes import conditional, hierarchical, objectives, plain, tables
from vaekit.recipes.recipe import Built, Recipe, from_data, options
from vaekit.system.checks import known

RECIPES: dict[str, Recipe] = {
    made.__name__: made
    for module in (plain, hierarchical, conditional, objectives, tables)
    for made in module.RECIPES
}

PLANS: dict[str, dict[str, float | str]] = {**plain.PLANS, **tables.PLANS}
MOST_EPOCHS: dict[str, int] = {**tables.MOST_EPOCHS}  # where their number is not said


def recipe(name: str) -> Recipe:
    """The recipe called ``name``, or ``BadInput`` with the nearest known name."""
    return RECIPES[known("recipe", name, RECIPES)]


__all__ = ["MOST_EPOCHS", "PLANS", "RECIPES", "Built", "Recipe", "from_data", "options", "recipe"]
