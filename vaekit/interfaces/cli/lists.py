"""The commands that list what there is to choose from, without loading it."""

from __future__ import annotations

import textwrap
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.interfaces.cli.common import SHOWN, Shown, columns
from vaekit.system.checks import known
from vaekit.system.docstrings import summary_of
from vaekit.system.outline import outline


def recipes(
    name: Annotated[str | None, Parameter(help="One to be told of; by default all.")] = None,
    *,
    work: Shown = SHOWN,
) -> None:
    """List the recipes, a line each, or tell of one: what it is, its options and its sources."""
    home = outline("vaekit.recipes")
    found = home.RECIPES
    if name is not None:
        told = outline("vaekit.recipes.story").story_of(found[known("recipe", name, found)])
        plan = {**home.PLANS.get(name, {})}
        work.begin()
        work.show({**vars(told), "plan": plan}, lambda: print(as_story(told, plan)))
        return
    about = {name: summary_of(made) for name, made in found.items()}
    work.begin()
    work.show(about, lambda: print(by_purpose(about, found)))


def by_purpose(about: dict[str, str], found: dict[str, Any]) -> str:
    """Recipes under what they say first that they are good for, or what those say that they extend;
    in lines that fit the terminal."""
    uses, home = outline("vaekit.recipes.uses"), outline("vaekit.recipes.recipe")
    groups: dict[str, dict[str, str]] = {title: {} for title in (*uses.PURPOSES.values(), "More")}
    for name, made in found.items():
        said = [use for each in home.chain(made) for use in uses.uses_of(each)]
        title = uses.PURPOSES[said[0].purpose] if said else "More"
        groups[title][name] = about[name]
    width = max(map(len, about), default=0)
    parts = [f"{title}\n{as_list(names, width)}" for title, names in groups.items() if names]
    return "\n\n".join(parts)


def likelihoods(*, work: Shown = SHOWN) -> None:
    """List the likelihoods p(x|z), a line each: what data they are for."""
    found = outline("vaekit.families.catalogue").LIKELIHOODS
    _listed({name: summary_of(made) for name, made in found.items()}, work)


def data(*, work: Shown = SHOWN) -> None:
    """List the named data sets, a line each."""
    found = outline("vaekit.data.published.catalogue").CATALOGUE
    _listed({name: entry.about for name, entry in found.items()}, work)


def _listed(about: dict[str, str], work: Shown) -> None:
    """Names as they are typed, each with what it is."""
    work.begin()
    work.show(about, lambda: print(as_list(about)))


def as_list(about: dict[str, str], width: int = 0) -> str:
    """Names, each beside what it is, in lines that fit the terminal.

    Args:
        about: what each is, by name.
        width: of the names' column; by default of the longest.
    """
    width = width or max(map(len, about), default=0)
    room = columns(width + 2)
    lines = []
    for name, what in about.items():
        first, *more = textwrap.wrap(what, room) or [""]
        lines += [f"{name:<{width}}  {first}".rstrip(), *(" " * (width + 2) + m for m in more)]
    return "\n".join(lines)


def as_story(told: Any, plan: dict[str, Any]) -> str:
    """A recipe in a few paragraphs, in lines that fit the terminal."""
    width = columns()
    own = {f"--{n.replace('_', '-')}": _with_default(**o) for n, o in told.own.items()}
    settled = "".join(f"; {name} is {value}" for name, value in told.settled.items())
    base = f"Built on {told.extends}, with its options{settled}." if told.extends else ""
    trained = ", ".join(f"{name} {value}" for name, value in plan.items())
    parts = [
        *(textwrap.fill(paragraph, width) for paragraph in told.about),
        f"  vaekit train DATA --recipe {told.name}",
        textwrap.fill(base, width),
        "\n".join(f"For {use['purpose']}: {use['why']}" for use in told.uses),
        textwrap.fill(f"Trained with {trained}.", width) if trained else "",
        f"Options of its own\n{as_list(own)}" if own else "",
        "\n".join(["Sources", *(textwrap.fill(source, width) for source in told.sources)]),
    ]
    return "\n\n".join(part for part in parts if part not in ("", "Sources"))


def _with_default(default: Any, help: str) -> str:
    return help if default is None else f"{help} [default: {default}]".lstrip()
