"""Recipes: plain functions of numbers and strings that return (model, objective).

A recipe's signature is its configuration; the list at the end of its file is all that names it.
"""

from __future__ import annotations

from collections.abc import Iterable

from vaekit.recipes import (
    autoencoders,
    balls,
    conditional,
    counts,
    factors,
    gaps,
    hierarchical,
    joint,
    labelled,
    maps,
    metrics,
    objectives,
    pixels,
    plain,
    quantised,
    sequences,
    series,
    similarities,
    spheres,
    tables,
)
from vaekit.recipes.recipe import Built, Recipe, from_data, options
from vaekit.system.checks import known
from vaekit.training.plan import Suited

DEFAULT, OF_TABLES = "vae", "table_vae"  # of data of which nobody says one
_MODULES = (
    plain, hierarchical, conditional, labelled, factors, objectives, similarities, autoencoders,
    quantised, spheres, balls, maps, metrics, counts, gaps, joint, series, sequences, pixels,
    tables,
)  # fmt: skip
RECIPES: dict[str, Recipe] = {made.__name__: made for module in _MODULES for made in module.RECIPES}

PLANS: dict[str, dict[str, float | str]] = {**plain.PLANS, **tables.PLANS}


def recipe(name: str) -> Recipe:
    """The recipe called ``name``, or ``BadInput`` with the nearest known name."""
    return RECIPES[known("recipe", name, RECIPES)]


def suited(name: str, rows: int) -> Suited:
    """How the recipe called ``name`` is trained on so many rows, where nobody says otherwise."""
    return tables.SUITED[name](rows) if name in tables.SUITED else Suited()


def implied(names: Iterable[str]) -> str | None:
    """The recipe of tables, where some option is one that it has and the usual one has not; else
    None.

    Args:
        names: of options.
    """
    own = {*options(RECIPES[OF_TABLES])} - {*options(RECIPES[DEFAULT])}
    return OF_TABLES if own & {*names} else None


__all__ = [
    "DEFAULT", "OF_TABLES", "PLANS", "RECIPES", "Built", "Recipe", "from_data",
    "implied", "options", "recipe", "suited",
]  # fmt: skip
