"""The papers behind a trained model."""

from __future__ import annotations

from inspect import isfunction

from vaekit import recipes
from vaekit.objectives.schedules import lagging
from vaekit.recipes.citations import cited
from vaekit.recipes.recipe import chain
from vaekit.runs.trained import Trained


def references(trained: Trained) -> list[str]:
    """The papers that a model's recipe, those it is built on and its parts name, in full."""
    recipe = recipes.RECIPES.get(trained.config.recipe)
    parts = [*trained.model.modules()]
    families = [part.family for part in parts if getattr(part, "family", None) is not None]
    held = [each for part in (*parts, *families) for each in vars(part).values()]
    functions = filter(isfunction, held)
    lags = [lagging] if trained.config.plan.lag else []
    described = [
        *(chain(recipe) if recipe else ()),
        *map(type, parts),
        *map(type, families),
        *functions,
        *lags,
    ]
    return cited(dict.fromkeys(each.__doc__ for each in described))
