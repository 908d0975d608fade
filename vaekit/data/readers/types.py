"""Rows of numbers back in the types of their columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vaekit.system.types import Array


def by_column(values: Array, names: Sequence[str], types: Sequence[str] = ()) -> dict[str, Array]:
    """Rows, (rows, columns), as columns by name: those that held whole numbers or truths hold them
    again, the nearest ones, but where some are missing (NaN): no such type holds that.

    Args:
        values: the rows.
        names: of the columns.
        types: of the columns, as NumPy calls them; none to leave numbers as they are.
    """
    kinds = types or [str(values.dtype)] * len(names)
    return {
        name: _as_type(values[:, i], np.dtype(kind))
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    }


def _as_type(cells: Array, kind: np.dtype) -> Array:
    """Whole numbers and truths rounded; fractions, and what is missing, as they are."""
    if kind.kind in "bui" and np.isnan(cells).any():
        return np.rint(cells)
    if kind.kind == "b":
        return np.rint(cells) > 0
    if kind.kind not in "ui" or cells.dtype.kind in "ui":
        return cells
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    whole = np.rint(cells.astype(np.float64))
    inside = np.clip(whole, float(low), np.nextafter(float(high), 0) if high > 2**53 else high)
    return inside.astype(kind)
