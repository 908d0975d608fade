"""What a recipe is, and how one recipe is made from another."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, NamedTuple

from torch import nn

from vaekit.objectives import Objective
from vaekit.system.checks import BadInput, known


class Built(NamedTuple):
    """What a recipe makes."""

    model: nn.Module
    objective: Objective


Recipe = Callable[..., Built]

FROM_DATA = ("shape", "levels", "steps", "rows", "given")


def is_recipe(thing: object, module: ModuleType) -> bool:
    """Whether this is a public function defined in ``module`` that returns ``Built``."""
    return (
        inspect.isfunction(thing)
        and thing.__module__ == module.__name__
        and typing.get_type_hints(thing).get("return") is Built
        and not thing.__name__.startswith("_")
    )


def extends(base: Recipe, **defaults: Any) -> Callable[[Recipe], Recipe]:
    """Give a recipe the options of ``base``, some with other ``defaults``, beside its own.

    The recipe takes its own options by name and all others in ``**rest``.
    """

    def extend(own: Recipe) -> Recipe:
        merged = _signature(base)
        merged |= {n: merged[n].replace(default=value) for n, value in defaults.items()}
        merged |= {n: p for n, p in _signature(own).items() if p.kind is not p.VAR_KEYWORD}

        @wraps(own)
        def recipe(**given: Any) -> Built:
            return own(**{**defaults, **given})

        recipe.__signature__ = inspect.Signature(list(merged.values()))  # type: ignore[attr-defined]
        recipe.__extends__ = base  # type: ignore[attr-defined]
        return recipe

    return extend


def options(recipe: Recipe) -> dict[str, inspect.Parameter]:
    """What a person can set of a recipe: its parameters but those that follow from the data."""
    return {name: p for name, p in _signature(recipe).items() if name not in FROM_DATA}


def from_data(recipe: Recipe, **known_facts: Any) -> dict[str, Any]:
    """Of the facts known from the data, those that this recipe wants."""
    return {name: known_facts[name] for name in FROM_DATA if name in _signature(recipe)}


def takes_given(recipe: Recipe) -> bool:
    """Whether its models are given something beside x."""
    return "given" in _signature(recipe)


def check_options(recipe: Recipe, given: dict[str, Any]) -> None:
    """Raise ``BadInput`` for an option that the recipe does not have."""
    for name in given:
        known(f"option of recipe {recipe.__name__}", name, options(recipe))


def call(recipe: Recipe, arguments: dict[str, Any]) -> Built:
    """Build, turning a refusal by torch (an impossible size, say) into ``BadInput``."""
    check_options(recipe, {k: v for k, v in arguments.items() if k not in FROM_DATA})
    try:
        return recipe(**arguments)
    except (RuntimeError, TypeError, IndexError, ZeroDivisionError) as error:
        reason = str(error).split("\n")[0]
        raise BadInput(f"recipe {recipe.__name__} cannot be built so: {reason}") from error


def _signature(recipe: Recipe) -> dict[str, inspect.Parameter]:
    hints = typing.get_type_hints(recipe, include_extras=True)
    found = inspect.signature(recipe).parameters
    return {
        name: p
        if p.kind is p.VAR_KEYWORD
        else p.replace(kind=p.KEYWORD_ONLY, annotation=hints.get(name, p.annotation))
        for name, p in found.items()
    }
