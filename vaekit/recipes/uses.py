"""What recipes say that they are good for: each says so of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

R = TypeVar("R", bound=Callable[..., Any])

PURPOSES: Mapping[str, str] = {
    "samples": "New rows like those of the data",
    "codes": "Codes: few numbers that tell a row",
    "likelihood": "log p(x): how likely rows are, and which are odd",
    "compression": "Files without loss",
    "gaps": "Missing cells, and tables of mixed columns",
}


@dataclass(frozen=True)
class Looked:
    """What a look at data says that decides which recipe suits it.

    Args:
        rows: how many are trained on.
        shape: of a row.
        image: whether rows are pictures.
        mixed: whether they are cells of a table of mixed columns.
        gaps: whether some cells, or some numbers of rows, are missing.
        labelled: whether rows have labels.
        discrete: whether the likelihood gives the values themselves a probability.
        counts: whether values are counts without an upper end.
        series: whether rows are numbers at several times.
        parts: runs of at least two columns that are there or missing together; 1 where columns
            are missing one by one.
    """

    rows: int
    shape: tuple[int, ...]
    image: bool = False
    mixed: bool = False
    gaps: bool = False
    labelled: bool = False
    discrete: bool = False
    counts: bool = False
    series: bool = False
    parts: int = 1

    @property
    def side(self) -> int:
        """The smaller side of a picture in pixels; 0 of anything else."""
        return min(self.shape[1:]) if self.image else 0


When = Callable[[Looked], bool]


@dataclass(frozen=True)
class Use:
    """Something that a recipe is good for.

    Args:
        purpose: which, by name.
        why: in words.
        rank: how good: of several recipes the one of the highest is recommended.
        when: of what data.
        options: that it is then to have.
    """

    purpose: str
    why: str
    rank: float
    when: When
    options: Mapping[str, Any]


def always(_: Looked) -> bool:
    """Of any data."""
    return True


def of_pictures(data: Looked) -> bool:
    """Of pictures."""
    return data.image


def of_series(data: Looked) -> bool:
    """Of series."""
    return data.series


def of_parts(data: Looked) -> bool:
    """Of rows of several parts, which are missing as wholes."""
    return data.parts > 1


def good_for(
    purpose: str, why: str, *, rank: float = 0.5, when: When = always, **options: Any
) -> Callable[[R], R]:
    """Let a recipe say what it is good for. What is said first decides where it is listed.

    Args:
        purpose: by name, see ``PURPOSES``.
        why: in words, as the end of "take it for it is ...".
        rank: 1 for the usual recipe, more for a better one, less for one of many.
        when: of what data; by default of any.
        options: that it is then to have.
    """

    def say(recipe: R) -> R:
        own = Use(purpose, why, rank, when, options)
        recipe.__uses__ = (own, *vars(recipe).get("__uses__", ()))  # type: ignore[attr-defined]
        return recipe

    return say


def uses_of(recipe: Callable[..., Any]) -> tuple[Use, ...]:
    """What a recipe says that it is good for."""
    return vars(recipe).get("__uses__", ())
