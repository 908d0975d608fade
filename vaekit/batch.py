"""Rows of data, with whatever is known beside them."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """B rows: ``x`` of shape (B, *event) and tensors of B rows that the model is given."""

    x: Tensor
    given: tuple[Tensor, ...] = ()
