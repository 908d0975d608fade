"""Whether data, recipe and likelihood go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vaekit.data import Source
from vaekit.data.given_columns import check_no_gaps
from vaekit.data.on_disk import chunks_of
from vaekit.recipes.choose import Choice
from vaekit.recipes.recipe import Built, Recipe, needs_given, options, takes_cells, takes_given
from vaekit.system.checks import require
from vaekit.system.ranges import at_most_rows_of


def check_rows(recipe: Recipe, chosen: Mapping[str, Any], rows: int) -> None:
    """Raise ``BadInput`` for more of something than there are rows to train on.

    Args:
        recipe: that has the options.
        chosen: options that somebody set.
        rows: to train on.
    """
    for name, option in options(recipe).items():
        if name in chosen and (rule := at_most_rows_of(option.annotation)):
            rule.check(name, chosen[name], rows)


def check_given(name: str, recipe: Recipe, source: Source) -> None:
    """Raise ``BadInput`` unless the recipe takes what is given beside x, or nothing is given."""
    require(
        bool(source.given) or not needs_given(recipe),
        f"recipe {name} needs something given beside x: say what, as --given label "
        "(in Python given='label')",
    )
    require(
        not source.given or takes_given(recipe),
        f"recipe {name} takes nothing given: use conditional_vae",
    )


def check_told(built: Built, source: Source) -> None:
    """Raise ``BadInput`` where a class that is given is not known of every row, unless the model
    does without."""
    if built.model.may_be_untold:
        return
    for name in source.given_names:
        known = (source.given[name] >= 0).numpy()
        check_no_gaps(name, known, ", or take m2_vae, which needs to know a label of some rows")


def check_cells(name: str, recipe: Recipe, source: Source) -> None:
    """Raise ``BadInput`` for a recipe of tables on other data, or the reverse."""
    require(
        not takes_cells(recipe) or source.coding is not None,
        f"recipe {name} is for tables with named columns, and {source.name} is none: take a .csv, "
        ".parquet or .feather file or a data frame, or another recipe",
    )
    require(
        takes_cells(recipe) or source.coding is None,
        f"recipe {name} takes rows of numbers, and {source.name} holds mixed columns or gaps: use "
        "table_vae",
    )


def check_range(built: Built, source: Source, choice: Choice) -> None:
    """Raise ``BadInput`` if any row holds a value that the likelihood gives no probability."""
    grey = replace(choice.representation, binarize="none")
    for values in chunks_of(source.values, "checking values"):
        built.model.likelihood.family.range.check(grey.encode(values), choice.likelihood)
