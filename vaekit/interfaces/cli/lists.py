"""The commands that list what there is to choose from, without loading it."""

from __future__ import annotations

import inspect
import shutil
import textwrap
from typing import Any

from vaekit.interfaces.cli.common import SHOWN, Shown
from vaekit.system.outline import outline


def recipes(*, work: Shown = SHOWN) -> None:
    """List the recipes, a line each."""
    found = outline("vaekit.recipes").RECIPES
    _listed({name: summary_of(made) for name, made in found.items()}, work)


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


def as_list(about: dict[str, str]) -> str:
    """Names, each beside what it is, in lines that fit the terminal."""
    width = max(map(len, about), default=0)
    room = max(shutil.get_terminal_size((100, 24)).columns - width - 2, 40)
    lines = []
    for name, what in about.items():
        first, *more = textwrap.wrap(what, room) or [""]
        lines += [f"{name:<{width}}  {first}".rstrip(), *(" " * (width + 2) + m for m in more)]
    return "\n".join(lines)


def summary_of(documented: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    first = inspect.cleandoc(documented.__doc__ or "").split("\n\n")[0]
    return " ".join(first.split())
