"""The line that trains a model again, and which of its options were chosen."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from vaekit import recipes
from vaekit.recipes.recipe import FROM_DATA, options
from vaekit.runs.config import Config
from vaekit.training import Plan

AS_ASKED = "as asked"  # why a likelihood was chosen that somebody named
RESOLVED = ("precision", "parts")  # by the machine that it is trained on


def command(config: Config) -> str:
    """What to type to train the model again; for data in memory, what to call in Python."""
    chosen = {**chosen_options(config), "epochs": config.plan.epochs}
    place = config.data.open
    if place is None:
        told = "".join(f", {name}={value!r}" for name, value in _in_python(config, chosen))
        return f"vaekit.fit(data{told})"
    words = ["vaekit", "train", place, *_words(config, chosen)]
    return shlex.join(words)


def chosen_options(config: Config) -> dict[str, Any]:
    """The recipe's options and the plan's that are not as they would be if nobody said anything;
    the number of epochs, which follows from the data, is not among them."""
    recipe = recipes.RECIPES.get(config.recipe)
    known = {} if recipe is None else {n: p.default for n, p in options(recipe).items()}
    asked = config.likelihood.why == AS_ASKED
    found = {
        name: value
        for name, value in config.arguments.items()
        if name in known and (asked if name == "likelihood" else value != known[name])
    }
    plan = {f.name: f.default for f in fields(Plan)} | recipes.PLANS.get(config.recipe, {})
    for name, usual in plan.items():
        value = getattr(config.plan, name)
        if value != usual and name not in (*RESOLVED, "epochs"):
            found[name] = value
    if config.plan.parts > 1:
        found["parts"] = config.plan.parts
    return found


def other_options(config: Config) -> dict[str, Any]:
    """All other options and what they are."""
    chosen = chosen_options(config)
    plan = {f.name: getattr(config.plan, f.name) for f in fields(Plan)}
    every = {**config.arguments, **plan}
    return {n: v for n, v in every.items() if n not in chosen and n not in FROM_DATA}


def _opening(config: Config) -> dict[str, Any]:
    """How the data was opened, by the names of options."""
    opening, shown = config.data.opening, config.representation
    size = opening.size and "x".join(map(str, opening.size))
    found = {
        "label": opening.label, "labels": opening.labels, "size": size,
        "tiles": opening.tiles or None, "kind": opening.kind, "channels": opening.channels,
        "binarize": None if shown.binarize == "none" else shown.binarize,
        "colours": None if shown.colours == "rgb" else shown.colours,
        **opening.dialect.asked(),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _words(config: Config, chosen: Mapping[str, Any]) -> Iterator[str]:
    if config.history.start is not None:
        yield from ("--start-from", config.history.start.model)
    if config.recipe != recipes.DEFAULT:
        yield from ("--recipe", config.recipe)
    yield from typed({**_opening(config), "given": config.data.opening.given, **chosen})


def typed(options: Mapping[str, Any]) -> Iterator[str]:
    """Options as words of a command; those of several values are repeated.

    Args:
        options: by name.
    """
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, tuple | list) else (value,):
            if isinstance(each, bool):
                yield option if each else f"--no-{option.removeprefix('--')}"
            else:
                yield f"{option}={each}" if str(each).startswith("-") else option
                if not str(each).startswith("-"):
                    yield str(each)


def _in_python(config: Config, chosen: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if config.recipe != recipes.DEFAULT:
        yield "recipe", config.recipe
    yield from {**_opening(config), **chosen}.items()
