"""Rows of a table as a model of it takes them: levels, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaekit.data import Source
from vaekit.data.coding import TableCoding
from vaekit.data.on_disk import in_memory
from vaekit.system.checks import known, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

AT_ONCE = 2_000


@dataclass(frozen=True)
class Part:
    """Some rows, and the key of what is drawn for them.

    Args:
        x: levels, (rows, D), NaN where a cell is missing.
        seed: of what is drawn.
        number: of the part.
    """

    x: Tensor
    seed: int
    number: int


def parts(x: Tensor, seed: int, title: str = "") -> Iterator[Part]:
    """Rows, some at a time.

    Args:
        x: levels, (rows, D).
        seed: of what is drawn.
        title: of the bar that shows how far it is; "" for none.
    """
    each = x.split(AT_ONCE)
    for number, part in enumerate(tracked(each, title, len(each)) if title else each):
        yield Part(part, seed, number)


def levels_of(found: Source) -> Array:
    """The levels of rows, (N, D)."""
    return in_memory(found.values).numpy()


def as_x(rows: Array) -> Tensor:
    """Levels, -1 where a cell is missing, as the model sees them."""
    x = torch.from_numpy(np.ascontiguousarray(rows)).float()
    return x.masked_fill(x < 0, torch.nan)


def place_of(coding: TableCoding, name: str) -> int:
    """Where a column stands among x.

    Raises:
        BadInput: for a column that is not there.
    """
    for one in coding.schema.aside:
        require(one.name != name, f"column {name!r} is set aside ({one.kind}): name another")
    known("column", name, coding.schema.names)
    return len(coding.gaps) + coding.schema.names.index(name)
