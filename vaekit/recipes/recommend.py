"""Which recipe suits data and a purpose, by what recipes say of themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vaekit import recipes
from vaekit.data import Facts, Source, check_enough, facts
from vaekit.data.on_disk import in_memory
from vaekit.families.base import Kind
from vaekit.families.catalogue import kind_of
from vaekit.recipes.choose import pick
from vaekit.recipes.recipe import Recipe, needs_given, takes_cells, takes_gaps
from vaekit.recipes.uses import PURPOSES, Looked, Use, uses_of
from vaekit.system.checks import known

OTHERS, ROWS = 3, 4_096
AFTERWARDS = {
    "samples": "vaekit sample RUN",
    "codes": "vaekit encode RUN",
    "likelihood": "vaekit score RUN",
    "compression": "vaekit compress RUN DATA",
    "gaps": "vaekit impute RUN DATA",
}
OF_TABLES = {"samples": "vaekit synthesize RUN"}


NOTHING_MISSING = "no value is missing here. Rows with gaps can be trained on by: {}."


@dataclass(frozen=True)
class Recommendation:
    """A recipe for a purpose, and why.

    Args:
        purpose: by name.
        recipe: by name; empty where none is for such data.
        why: in words.
        command: that trains it.
        then: a command that serves the purpose.
        others: recipes that would do as well, and why.
        note: what to know of the data.
    """

    purpose: str
    recipe: str
    why: str
    command: str = ""
    then: str = ""
    others: tuple[tuple[str, str], ...] = ()
    note: str = ""


def looked_at(source: Source) -> Looked:
    """What decides, of data.

    Raises:
        BadInput: for too few rows to train on.
    """
    check_enough(source)
    seen = facts(source.values, source.indices("train")) if source.coding is None else None
    kind = None if seen is None else _kind_of(seen, source)
    return Looked(
        rows=len(source.indices("train")),
        shape=tuple(source.shape),
        image=source.is_image,
        mixed=source.coding is not None,
        gaps=seen.gaps if seen else bool(source.coding and source.coding.said_by),
        labelled=source.labels is not None,
        discrete=kind is None or kind.discrete,
        counts=kind is not None and kind.name == "counts",
        series=bool(source.series),
        parts=_parts(source) if seen is not None and seen.gaps else 1,
    )


def _parts(source: Source) -> int:
    """Groups of columns that are there or missing together, if each is of two columns or more."""
    rows = in_memory(source.take(source.indices("train")[:ROWS]).values)
    gone = rows.flatten(1).isnan()
    sizes = gone.unique(dim=1, return_counts=True)[1]
    return len(sizes) if bool((sizes > 1).all()) else 1


def _kind_of(seen: Facts, source: Source) -> Kind:
    """Of the likelihood that numbers would get; which of those of real numbers does not matter."""
    return kind_of(pick(seen, source, "none", trial=False).name)


def recommend(looked: Looked, purpose: str, data: str = "DATA") -> Recommendation:
    """The recipe that says of itself that it is the best for a purpose, of such data.

    Args:
        looked: what decides.
        purpose: by name.
        data: as it is typed.

    Raises:
        BadInput: for a purpose that is none.
    """
    known("purpose", purpose, PURPOSES)
    found = sorted(_candidates(looked, purpose), key=lambda pair: -pair[1].rank)
    note = _note(looked, purpose)
    if not found:
        return Recommendation(purpose, "", "no recipe says that it is for that, of such data.")
    if purpose == "gaps" and not looked.gaps and not looked.mixed:
        names = ", ".join(recipe.__name__ for recipe, _ in found[:OTHERS])
        return Recommendation(purpose, "", NOTHING_MISSING.format(names))
    (recipe, use), *rest = found
    told = {**use.options, **_given(recipe)}
    options = "".join(f" --{n.replace('_', '-')} {v}" for n, v in told.items())
    then = OF_TABLES.get(purpose, "") if looked.mixed else ""
    return Recommendation(
        purpose,
        recipe.__name__,
        use.why,
        f"vaekit train {data} --recipe {recipe.__name__}{options}",
        (then or AFTERWARDS[purpose]).replace("DATA", data),
        tuple((other.__name__, also.why) for other, also in rest[:OTHERS]),
        note,
    )


def _candidates(looked: Looked, purpose: str) -> Iterator[tuple[Recipe, Use]]:
    """Recipes that take such data, and what they say of the purpose."""
    for recipe in recipes.RECIPES.values():
        if takes_cells(recipe) != looked.mixed or (needs_given(recipe) and not looked.labelled):
            continue
        if looked.gaps and not (looked.mixed or takes_gaps(recipe)):
            continue
        for use in uses_of(recipe):
            if use.purpose == purpose and use.when(looked):
                yield recipe, use
                break


def _given(recipe: Recipe) -> dict[str, Any]:
    return {"given": "label"} if needs_given(recipe) else {}


def _note(looked: Looked, purpose: str) -> str:
    if purpose == "compression" and not looked.discrete:
        return (
            "These are real numbers, whose density no file can use: numbers that are rounded, or "
            "whole, compress."
        )
    if purpose == "gaps" and not looked.gaps:
        return "No cell is missing here."
    return ""
