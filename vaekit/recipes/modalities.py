"""Which numbers of a row are of which modality, as a person says it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

from vaekit.families import LIKELIHOODS
from vaekit.system.checks import BadInput, known, require
from vaekit.system.types import Shape

SHAPE = re.compile(r"\d+x\d+x\d+")


@dataclass(frozen=True)
class Spec:
    """A modality, as it is asked for.

    Args:
        places: of its numbers in the flattened row.
        shape: that they have.
        likelihood: its name; "" for that of the whole.
    """

    places: tuple[int, ...]
    shape: Shape
    likelihood: str = ""


def modalities_of(text: str, shape: Shape, names: Sequence[str] = ()) -> list[Spec]:
    """The modalities of rows.

    Args:
        text: modalities with commas between them: columns by name or by number, as "a", "a-c" (from
            one to another) or "a+d", each with ":bernoulli" for a likelihood, or ":1x8x8" for the
            shape of a picture; or, as one number, in how many equal runs columns are cut.
        shape: of a row.
        names: of its columns.

    Raises:
        BadInput: for columns that are not there, are in two or in none, and for fewer than
            two.
    """
    numbers = prod(shape)
    found = _runs(int(text), numbers) if text.strip().isdecimal() else _said(text, names, numbers)
    require(len(found) > 1, f"modalities {text!r} are fewer than two")
    called, counts = [*names] or [*map(str, range(numbers))], [0] * numbers
    for place in (place for own in found for place in own.places):
        counts[place] += 1
    for place, count in enumerate(counts):
        where = "in none of them" if not count else f"in {count} of them"
        require(count == 1, f"modalities: column {called[place]!r} is {where}")
    return found


def _runs(count: int, numbers: int) -> list[Spec]:
    require(numbers > 1, "modalities are of two columns or more, and these rows have one")
    require(2 <= count <= numbers, f"modalities must be 2 to {numbers}, not {count}")
    ends = [numbers * i // count for i in range(count + 1)]
    runs = [tuple(range(a, b)) for a, b in pairwise(ends)]
    return [Spec(run, (len(run),)) for run in runs]


def _said(text: str, names: Sequence[str], numbers: int) -> list[Spec]:
    return [_one(own.strip(), [*names] or [*map(str, range(numbers))]) for own in text.split(",")]


def _one(text: str, names: list[str]) -> Spec:
    columns, *more = text.split(":") if text not in names else (text,)
    places = tuple(p for item in columns.split("+") for p in _places(item.strip(), names))
    shape: Shape = (len(places),)
    likelihood = ""
    for said in map(str.strip, more):
        if SHAPE.fullmatch(said):
            shape = tuple(map(int, said.split("x")))
            fits = prod(shape) == len(places)
            require(fits, f"modality {text!r} has {len(places)} columns, which are no {said}")
        else:
            likelihood = known("likelihood", said, LIKELIHOODS)
    return Spec(places, shape, likelihood)


def _places(item: str, names: list[str]) -> range:
    """Of a column, or of those from one to another."""
    if item in names:
        return range(names.index(item), names.index(item) + 1)
    for cut in [i for i, letter in enumerate(item) if letter == "-"]:
        first, last = item[:cut].strip(), item[cut + 1 :].strip()
        if first in names and last in names and names.index(first) <= names.index(last):
            return range(names.index(first), names.index(last) + 1)
    try:
        return range(names.index(known("column", item, names)), 0)
    except BadInput as error:
        raise BadInput(f"modalities: {error}") from None
