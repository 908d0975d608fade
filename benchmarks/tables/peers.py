"""Synthesizers of others, where they are installed: in an environment apart from the project's."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import torch


class Ctgan:
    """TVAE or CTGAN by the authors' package ``ctgan``, everything as it is by default. Gaps, which it
    refuses, become the median, or a category of their own; whole numbers are rounded.

    Args:
        kind: the name of the class.
        seed: of torch and numpy: it has none of its own.
        categories: columns of whole numbers that are categories.
    """

    def __init__(self, kind: str, seed: int, categories: tuple[str, ...]) -> None:
        self.kind, self.seed, self.categories = kind, seed, categories

    def fit(self, table: pa.Table) -> Ctgan:
        import ctgan

        np.random.seed(self.seed)
        torch.manual_seed(self.seed)
        self.like, frame = table.schema, table.to_pandas()
        discrete = [n for n in frame if n in self.categories or not _is_number(self.like.field(n))]
        for name in frame:
            column = frame[name]
            frame[name] = (
                column.astype(object).where(column.notna(), "").map(str)
                if name in discrete
                else column.fillna(column.median())
            )
        self.model: Any = getattr(ctgan, self.kind)()
        self.model.fit(frame, discrete)
        return self

    def sample(self, rows: int) -> pa.Table:
        frame = self.model.sample(rows)
        return pa.table({field.name: _typed(frame[field.name], field) for field in self.like})


def _is_number(field: pa.Field) -> bool:
    return bool(pa.types.is_integer(field.type) or pa.types.is_floating(field.type))


def _typed(column: Any, field: pa.Field) -> pa.Array:
    if column.dtype == object or not _is_number(field):
        cells = [None if cell == "" else cell for cell in map(str, column)]
        return pa.array(cells, pa.string()).cast(field.type)
    whole = pa.types.is_integer(field.type)
    return pa.array(column.round() if whole else column).cast(field.type)


def peers() -> dict[str, Callable[[int, tuple[str, ...]], Ctgan]]:
    """Those that are installed."""
    if importlib.util.find_spec("ctgan") is None:
        return {}
    return {kind: partial(Ctgan, kind) for kind in ("TVAE", "CTGAN")}
