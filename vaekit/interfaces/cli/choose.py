"""The command that recommends a recipe."""

from __future__ import annotations

import shlex
import textwrap
from dataclasses import asdict, replace
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter

from vaekit.data.opening import check_there
from vaekit.interfaces.cli.common import SHOWN, Label, Shown, columns
from vaekit.recipes.uses import PURPOSES
from vaekit.system.checks import BadInput, known

NAMES = ", ".join(PURPOSES)


def choose(
    data: Annotated[str, Parameter(help="Data set name, file, or folder of pictures.")],
    /,
    *,
    purpose: Annotated[
        str | None,
        Parameter(name="--for", help=f"What the model is for: {NAMES}; by default each of them."),
    ] = None,
    label: Label = None,
    work: Shown = SHOWN,
) -> None:
    """Recommend a recipe for data, with reasons and the command that trains it."""
    from vaekit.recipes.recommend import looked_at, recommend

    work.begin()
    check_there(data)
    wanted = [*PURPOSES] if purpose is None else [known("purpose", purpose, PURPOSES)]
    source, typed = _opened(data, label, cells="auto"), shlex.quote(data)
    looked = looked_at(source)
    found = [recommend(looked, name, typed) for name in wanted]
    if not looked.mixed and not looked.image:
        said = () if looked.gaps else ("gaps",)  # that there are none
        kept = [bool(r.recipe) or r.purpose in said for r in found]
        cells = partial(_of_cells, data=data, label=label, typed=typed)
        found = [r if keep else cells(r) for r, keep in zip(found, kept, strict=True)]
    if looked.mixed and looked.gaps:
        found = [_of_numbers(r, data, label, typed) if r.purpose == "gaps" else r for r in found]
    if label is not None:
        more = f" --label {shlex.quote(label)}"
        found = [replace(r, command=r.command + more) if r.recipe else r for r in found]
    told = {"data": source.describe(), "recommended": [asdict(each) for each in found]}
    work.show(told, lambda: print(as_text(source.describe(), found)))


def _opened(data: str, label: str | None, *, cells: Any) -> Any:
    from vaekit.data import opening_of

    usual = opening_of(label, None, None, 0, (), None, None, None)
    return replace(usual, cells=cells, gaps=True).open(data)


def _of_cells(before: Any, data: str, label: str | None, typed: str) -> Any:
    """What is recommended where rows of numbers are taken as cells of a table, which can be
    missing."""
    from vaekit.recipes.recommend import looked_at, recommend

    try:
        source = _opened(data, label, cells="yes")
    except BadInput:
        return before  # no table
    return recommend(looked_at(source), before.purpose, typed)


def _of_numbers(before: Any, data: str, label: str | None, typed: str) -> Any:
    """What is recommended where all cells of a table are numbers: recipes of rows with gaps,
    beside that of tables."""
    from vaekit.recipes.recommend import OTHERS, looked_at, recommend

    try:
        source = _opened(data, label, cells="no")
    except BadInput:
        return before  # not all are numbers
    found = recommend(looked_at(source), before.purpose, typed)
    return replace(found, others=((before.recipe, before.why), *found.others)[:OTHERS])


def as_text(data: str, found: list[Any]) -> str:
    """What is recommended, in paragraphs that fit the terminal."""
    width = columns()
    parts = [textwrap.fill(data, width)]
    for each in found:
        lines = [f"{PURPOSES[each.purpose]} (--for {each.purpose})"]
        told = f"{each.recipe}: {each.why}" if each.recipe else each.why
        lines += textwrap.wrap(told, width - 2)
        lines += textwrap.wrap(each.note, width - 2)
        lines += [f"  {line}" for line in (each.command, each.then) if line]
        for name, why in each.others:
            lines += textwrap.wrap(f"or {name}: {why}", width - 2, subsequent_indent="   ")
        first, *rest = lines
        parts.append("\n".join([first, *(f"  {line}" for line in rest)]))
    return "\n\n".join(parts)
