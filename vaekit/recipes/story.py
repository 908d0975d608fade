"""What a recipe is: in words, what it settles, what can be set of it, and whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vaekit.recipes.citations import cited
from vaekit.recipes.recipe import Recipe, base_of, chain, fixed_of, options
from vaekit.recipes.uses import uses_of
from vaekit.system.docstrings import helps_of, paragraphs_of


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
        uses: what it says that it is good for.
    """

    name: str
    about: list[str]
    extends: str
    settled: dict[str, Any]
    own: dict[str, dict[str, Any]]
    sources: list[str]
    uses: list[dict[str, str]]


def story_of(recipe: Recipe) -> Story:
    """What there is to say of a recipe."""
    base, settled = base_of(recipe), fixed_of(recipe)
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
        uses=[{"purpose": use.purpose, "why": use.why} for use in uses_of(recipe)],
    )


def all_helps_of(recipe: Recipe) -> dict[str, str]:
    """The help of every option, from the docstrings of a recipe and of those it extends."""
    helps: dict[str, str] = {}
    for base in chain(recipe):
        helps = helps_of(base) | helps
    return helps
