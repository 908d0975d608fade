"""What a recipe is, and how one recipe is made from another."""

from __future__ import annotations

import inspect
import reprlib
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple

from vaekit.models import Graph
from vaekit.objectives import Objective
from vaekit.system.checks import BadInput, known, require
from vaekit.system.devices import reason_of
from vaekit.system.ranges import check_value, is_of


class Built(NamedTuple):
    """What a recipe makes."""

    model: Graph
    objective: Objective


Recipe = Callable[..., Built]
Values = Mapping[str, Any]

# what models did that are older than an option
NEWER: Values = {
    "noise": 0.0, "tilt": 1.0, "moved": 0.0, "agreement": 0.0, "summed": "all", "scales": 0,
    "in_turn": 0.5, "component_weights": "learned",
}  # fmt: skip
FROM_DATA = (
    "shape", "levels", "steps", "rows", "given", "labelled", "columns", "ordered", "gaps",
    "missing", "names", "nets", "made_of", "series", "features_first",
)  # fmt: skip

ALWAYS = ("shape", "levels", "steps", "rows")


def extends(
    base: Recipe,
    *,
    fixed: Values | None = None,
    without: Sequence[str] = (),
    **defaults: Any,
) -> Callable[[Recipe], Recipe]:
    """Give a recipe the options of ``base`` beside its own.

    The recipe takes its own options by name and all others in ``**rest``.

    Args:
        base: whose options it gets.
        fixed: options that the recipe's name settles: they have this value and cannot be set.
        without: options that would do nothing here, and cannot be set either.
        defaults: other defaults than those of ``base``.
    """
    settled, idle = {**fixed_of(base), **(fixed or {})}, (*_without(base), *without)

    def extend(own: Recipe) -> Recipe:
        merged = {n: p for n, p in _signature(base).items() if n not in (*settled, *without)}
        merged |= {n: merged[n].replace(default=value) for n, value in defaults.items()}
        merged |= {n: p for n, p in _signature(own).items() if p.kind is not p.VAR_KEYWORD}

        @wraps(own)
        def recipe(**given: Any) -> Built:
            return own(**{**settled, **defaults, **given})

        recipe.__signature__ = inspect.Signature(list(merged.values()))  # type: ignore[attr-defined]
        recipe.__extends__ = base  # type: ignore[attr-defined]
        recipe.__fixed__ = settled  # type: ignore[attr-defined]
        recipe.__without__ = idle  # type: ignore[attr-defined]
        return recipe

    return extend


def options(recipe: Recipe) -> dict[str, inspect.Parameter]:
    """What a person can set of a recipe: its parameters but those that follow from the data."""
    return {name: p for name, p in _signature(recipe).items() if name not in FROM_DATA}


def chain(recipe: Recipe) -> Iterator[Recipe]:
    """A recipe, the one that it extends, the one that this extends, and so on."""
    base: Recipe | None = recipe
    while base is not None:
        yield base
        base = base_of(base)


def from_data(recipe: Recipe, **known_facts: Any) -> dict[str, Any]:
    """Of the facts known from the data, those that this recipe wants."""
    wanted = {n: v for n, v in known_facts.items() if n in FROM_DATA and n in _signature(recipe)}
    return {name: value for name, value in wanted.items() if name in ALWAYS or value}


def takes_cells(recipe: Recipe) -> bool:
    """Whether its models are of tables of mixed columns."""
    return "columns" in _signature(recipe)


def takes_gaps(recipe: Recipe) -> bool:
    """Whether rows of numbers may have gaps, NaN."""
    return bool(fixed_of(recipe).get("missing", False))


def takes_given(recipe: Recipe) -> bool:
    """Whether its models can be given something beside x."""
    return "given" in _signature(recipe)


def needs_given(recipe: Recipe) -> bool:
    """Whether its models must be given something beside x."""
    parameter = _signature(recipe).get("given")
    return parameter is not None and parameter.default is parameter.empty


def check_settled(recipe: Recipe, names: Iterable[str]) -> None:
    """Raise ``BadInput`` for an option that the recipe's name settles, or that would do nothing."""
    title = f"recipe {recipe.__name__}"
    for name in [n for n in names if n not in options(recipe)]:
        value = fixed_of(recipe).get(name)
        require(name not in fixed_of(recipe), f"{title} always has {name} {value}: leave it out")
        idle = name in _without(recipe) and name not in FROM_DATA
        require(not idle, f"{title} has no use for {name}, which would do nothing: leave it out")


def check_options(recipe: Recipe, given: Values) -> None:
    """Raise ``BadInput`` for an option that the recipe does not have, or has settled, and for a
    value that it cannot have."""
    check_settled(recipe, given)
    kinds = kinds_of(recipe)
    for name, value in given.items():
        known(f"option of recipe {recipe.__name__}", name, options(recipe))
        check_value(name, kinds[name], value)


def kinds_of(recipe: Recipe) -> dict[str, Any]:
    """What type each argument of a recipe, or of one that it extends, has, with its rules."""
    kinds: dict[str, Any] = {}
    for base in chain(recipe):
        kinds = {name: p.annotation for name, p in _signature(base).items()} | kinds
    return kinds


def call(recipe: Recipe, arguments: Values, *, stored: bool = False) -> Built:
    """Build, turning a refusal by torch (an impossible size, say) into ``BadInput``.

    Args:
        recipe: what to build.
        arguments: by name.
        stored: they come from a model folder, which may be older than some of the recipe's rules.
    """
    if stored:
        _check_types(recipe, arguments)
    else:
        check_options(recipe, {k: v for k, v in arguments.items() if k not in FROM_DATA})
    older = {name: value for name, value in NEWER.items() if name in options(recipe)}
    try:
        return recipe(**{**older, **arguments})
    except BadInput:
        raise
    except (RuntimeError, TypeError, ValueError, LookupError, ArithmeticError) as error:
        raise BadInput(
            f"recipe {recipe.__name__} cannot be built so: {reason_of(error)}"
        ) from error


def _check_types(recipe: Recipe, arguments: Values) -> None:
    """Raise ``BadInput`` for an argument of another type than the recipe, or one that it extends,
    says."""
    kinds = kinds_of(recipe)
    for name, value in arguments.items():
        fine = is_of(value, kinds.get(name, object))
        require(fine, f"arguments are damaged: {name} cannot be {reprlib.repr(value)[:60]}")


def base_of(recipe: Recipe) -> Recipe | None:
    """The recipe that a recipe extends; None for none."""
    return vars(recipe).get("__extends__")


def fixed_of(recipe: Recipe) -> Values:
    """The options that a recipe's name settles."""
    return vars(recipe).get("__fixed__", {})


def _without(recipe: Recipe) -> Sequence[str]:
    return vars(recipe).get("__without__", ())


def _signature(recipe: Recipe) -> dict[str, inspect.Parameter]:
    hints = typing.get_type_hints(recipe, include_extras=True)
    found = inspect.signature(recipe).parameters
    return {
        name: p
        if p.kind is p.VAR_KEYWORD
        else p.replace(kind=p.KEYWORD_ONLY, annotation=hints.get(name, p.annotation))
        for name, p in found.items()
    }
