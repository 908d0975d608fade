"""Rows of data, with whatever is known beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """B rows: ``x`` of shape (B, *event) and tensors of B rows that the model is given.

    A batch may be computed in parts, one after the other or by several processes. Then ``parts``
    holds the number and the rows of each part that lies here, in order, and ``whole`` the rows of
    the batch everywhere. An empty part holds one row that does not count.
    """

    x: Tensor
    given: tuple[Tensor, ...] = ()
    parts: tuple[tuple[int, int], ...] = ()
    whole: int = 0

    @property
    def rows(self) -> int:
        """Rows of the batch, wherever they are."""
        return self.whole or len(self.x)

    def split(self) -> Iterator[tuple[int, Batch, float]]:
        """Each part here: its number, its rows, and its share of the whole batch."""
        start = 0
        for number, rows in self.parts or ((0, len(self.x)),):
            window = slice(start, start + max(rows, 1))
            part = Batch(self.x[window], tuple(g[window] for g in self.given))
            yield number, part, rows / self.rows
            start = window.stop

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        moved = (t.to(device, non_blocking=True) for t in (self.x, *self.given))
        x, *given = moved
        return self._replace(x=x, given=tuple(given))
