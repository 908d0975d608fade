"""A model's rows as people look at them: pictures from the model's black to its white."""

from __future__ import annotations

from typing import Any, TypeVar

from vaekit.pictures import Tones, as_bytes
from vaekit.runs.trained import Trained
from vaekit.system.types import Array

T = TypeVar("T")


def is_picture(trained: Trained) -> bool:
    """Whether the model's rows are pictures."""
    return len(trained.representation.shape) == 3


def by_rows(trained: Trained, *, cells: T, pictures: T, numbers: T) -> T:
    """One of three, by what the model's rows are: those of a table of mixed columns, pictures, or
    else numbers."""
    if trained.config.coding is not None:
        return cells
    return pictures if is_picture(trained) else numbers


def typical(trained: Trained) -> dict[str, Any]:
    """What a model is given where nobody says what: the first classes, and means; nothing where it
    may be untold."""
    if trained.may_be_untold:
        return {}
    return {c.name: c.classes[0] if c.classes else c.mean for c in trained.config.conditions}


def tones(trained: Trained) -> Tones | None:
    """The stored values that mean black and white: 0 and what the likelihood calls white, where all
    training values lie between them; else the smallest and the largest of those. None for an older
    model that does not say."""
    family, span = trained.model.likelihood.family, trained.config.data.span
    white = family.kind.white(family)
    if white is not None:
        usual = (0.0, white * trained.representation.scale)
        if span is None or (usual[0] <= span[0] and span[1] <= usual[1]):
            return usual
    return span


def pictures(trained: Trained, rows: Array) -> Array:
    """Rows of a model of pictures, as :meth:`Trained.sample` and the like give them, as uint8:
    (N, H, W) or (N, H, W, C)."""
    return as_bytes(trained.usual(rows), tones(trained))
