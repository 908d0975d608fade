"""Entries of lists, which are found by numbers that a network gives: steps of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vaekit.runs.exports.moves import Unknown

Step = tuple[str, list[Any], list[Any]]


def embedding(r: Any, value: Tensor, weight: Any, places: Any, *how: Any) -> Step:
    """Rows of a table by their numbers.

    Args:
        r: what steps are asked of; see :mod:`vaekit.runs.exports.steps`.
        value: what comes out, of the example.
        weight: the table.
        places: which rows.
        how: what else torch says, which changes nothing.
    """
    return "embedding", [r.ref(weight), r.ref(places)], [r.ref(weight).value.shape[1:].numel()]


def index(r: Any, value: Tensor, x: Any, places: Any) -> Step:
    """x[places], where these alone say which rows.

    Args:
        r: what steps are asked of; see :mod:`vaekit.runs.exports.steps`.
        value: what comes out, of the example.
        x: a table.
        places: which rows; along further axes nothing.

    Raises:
        Unknown: where they go along another axis, or several do.
    """
    if len(places) != 1:
        raise Unknown("there is no step for looking up along a later axis, or several")
    return embedding(r, value, x, places[0])


def index_select(r: Any, value: Tensor, x: Any, axis: int, places: Any) -> Step:
    """The same by torch's other name.

    Args:
        r: what steps are asked of; see :mod:`vaekit.runs.exports.steps`.
        value: what comes out, of the example.
        x: a table.
        axis: along which.
        places: which rows.

    Raises:
        Unknown: where they go along another axis.
    """
    return index(r, value, x, [None] * (axis % value.dim()) + [places])


def distances(r: Any, value: Tensor, a: Any, b: Any, power: float, *how: Any) -> Step:
    """Distances of vectors, (*batch, N, d), from others, (*batch, M, d).

    Args:
        r: what steps are asked of; see :mod:`vaekit.runs.exports.steps`.
        value: what comes out, of the example.
        a: the ones.
        b: the others.
        power: 2, as Euclid's are.
        how: what else torch says, which changes nothing.

    Raises:
        Unknown: for other distances than Euclid's.
    """
    if power != 2:
        raise Unknown(f"there is no step for distances by powers of {power:g}")
    (*batch, rows, others), size = value.shape, r.ref(a).value.shape[-1]
    shapes = [torch.Size([*batch, count, size]) for count in (rows, others)]
    arrays = [r.spread(each, shape) for each, shape in zip((a, b), shapes, strict=True)]
    return "distances", arrays, [rows, others, size]


LOOKUPS: dict[str, Callable[..., Step]] = {"index": index, "index_select": index_select}
