"""What a recipe is: in words, what it settles, what can be set of it, and whose it is."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

from docstring_parser import parse

from vaekit.recipes.citations import cited
from vaekit.recipes.recipe import Recipe, chain, options


@dataclass(frozen=True)
class Story:
    """A recipe in words.

    Args:
        name: as it is typed.
        about: what it is, in paragraphs.
        extends: the recipe whose options it has as well; empty for none.
        settled: options of that recipe whose values this one settles.
        own: options that are its own, or have other defaults than there.
        sources: the papers it names.
    """

    name: str
    about: list[str]
    extends: str
    settled: dict[str, Any]
    own: dict[str, dict[str, Any]]
    sources: list[str]


def story_of(recipe: Recipe) -> Story:
    """What there is to say of a recipe."""
    base, settled = vars(recipe).get("__extends__"), vars(recipe).get("__fixed__", {})
    theirs = options(base) if base else {}
    helps, inherited = helps_of(recipe), all_helps_of(recipe)
    own = {
        name: {"default": p.default, "help": inherited.get(name, "")}
        for name, p in options(recipe).items()
        if name in helps or name not in theirs or p.default != theirs[name].default
    }
    return Story(
        name=recipe.__name__,
        about=paragraphs_of(recipe),
        extends=base.__name__ if base else "",
        settled={name: value for name, value in settled.items() if name in theirs},
        own=own,
        sources=cited([recipe.__doc__]),
    )


def paragraphs_of(documented: Any) -> list[str]:
    """What a docstring says before it comes to arguments, a line each."""
    text = inspect.cleandoc(documented.__doc__ or "").split("\nArgs:")[0]
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def all_helps_of(recipe: Recipe) -> dict[str, str]:
    """The help of every option, from the docstrings of a recipe and of those it extends."""
    helps: dict[str, str] = {}
    for base in chain(recipe):
        helps = helps_of(base) | helps
    return helps


def helps_of(documented: Any) -> dict[str, str]:
    """What a docstring says of each argument."""
    parsed = parse(inspect.getdoc(documented) or "")
    return {p.arg_name: " ".join((p.description or "").split()) for p in parsed.params}
