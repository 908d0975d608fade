"""What only moves numbers about: to know where each comes from, their places are moved instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.system.checks import BadInput
from vaekit.system.types import Array

MOVES = {
    "view", "_unsafe_view", "reshape", "clone", "alias", "detach", "unsqueeze", "squeeze", "expand",
    "permute", "t", "transpose", "slice", "select", "split", "split_with_sizes", "unbind", "flip",
    "cat", "stack", "constant_pad_nd", "upsample_nearest2d", "repeat", "index", "index_select",
    "diagonal", "diag_embed", "tril", "triu", "slice_scatter", "select_scatter", "index_put",
    "lift_fresh_copy", "copy", "view_copy", "contiguous",
}  # fmt: skip
SAME: Any = None  # all numbers as they lie
FILLED, SCATTERED = "constant_pad_nd", ("slice_scatter", "select_scatter", "copy")


class Unknown(BadInput):
    """A network that needs a step that there is none for."""


def name_of(target: Any) -> str:
    """The name of one of torch's operations, whether it changes its argument or not: relu."""
    return str(target).removeprefix("aten.").rsplit(".", 1)[0].rstrip("_")


def depends(arguments: Any, moves: Callable[[Any], bool]) -> bool:
    """Whether any of some arguments, however they lie in one another, depends on the inputs.

    Args:
        arguments: of a step.
        moves: whether one does.
    """
    found: list[bool] = []
    torch.fx.node.map_aggregate(arguments, lambda each: found.append(moves(each)))
    return any(found)


def move(
    target: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    moves: Callable[[Any], bool],
    value: Callable[[Any], Any],
    which: int = -1,
) -> tuple[list[Any], Array, float]:
    """The arrays that numbers come from, the place of each result among all of them side by side
    (-1 for a number that comes from none; ``SAME`` where all lie as they lay), and that number.

    Args:
        target: what moves.
        args: of it.
        kwargs: of it.
        moves: whether an argument depends on the inputs.
        value: of an argument.
        which: of several results.

    Raises:
        Unknown: where what depends on the inputs says which numbers move where.
    """
    name, sources, start = name_of(target), [], 1

    def probe(each: Any) -> Tensor:
        nonlocal start
        sources.append(each)
        shape, count = value(each).shape, value(each).numel()
        found = torch.arange(start, start + count, dtype=torch.float64, device="cpu").view(shape)
        start += count
        return found

    own = list(args)
    own[0] = [*map(probe, own[0])] if isinstance(own[0], list | tuple) else probe(own[0])
    if name == "index_put":
        own[2] = probe(own[2])
    if name in SCATTERED:
        own[1] = probe(own[1])
    fill = 0.0
    if name == FILLED and len(own) > 2:
        own[2], fill = 0, float(own[2])
    rest = tuple(own[1:])
    if depends(rest, moves):
        raise Unknown(f"there is no step for {name} by numbers that depend on the row")
    rest = torch.fx.node.map_aggregate(rest, value)
    found = target(own[0], *rest, **{k: v for k, v in kwargs.items() if k != "dtype"})
    found = found if which < 0 else found[which]
    places = found.contiguous().reshape(-1).numpy().astype(np.int64) - 1
    alone = len(sources) == 1 and np.array_equal(places, np.arange(start - 1))
    return sources, SAME if alone else places, fill
