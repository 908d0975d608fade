"""Recipes: plain functions of numbers and strings that return (model, objective).

Every public function of the modules below is a recipe; its signature is its configuration.
"""

from __future__ import annotations

from types import ModuleType

from vaekit.recipes import hierarchical
from vaekit.recipes import objectives as variants
from vaekit.recipes import plain as standard
from vaekit.recipes.recipe import Built, Recipe, from_data, is_recipe, options
from vaekit.system.checks import known

MODULES: tuple[ModuleType, ...] = (standard, hierarchical, variants)

RECIPES: dict[str, Recipe] = {
    name: thing
    for module in MODULES
    for name, thing in vars(module).items()
    if is_recipe(thing, module)
}

PLANS: dict[str, dict[str, float | str]] = {**standard.PLANS, **variants.PLANS}


def recipe(name: str) -> Recipe:
    """The recipe called ``name``, or ``BadInput`` with the nearest known name."""
    return RECIPES[known("recipe", name, RECIPES)]


__all__ = ["PLANS", "RECIPES", "Built", "Recipe", "from_data", "options", "recipe"]
