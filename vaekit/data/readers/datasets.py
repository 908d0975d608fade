"""Torch data sets read into memory: rows, and their labels where they have some."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset

from vaekit.data.readers.containers import any_array, dense_tensor
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

ROW = ("x", "X", "data", "image", "img", "pixel_values", "input", "values")
LABEL = ("y", "label", "labels", "target", "targets", "class")
ITEMS = (
    "an item must be a row of numbers, (row,), (row, label), or a dictionary with the row as "
    "x, data or image"
)


def is_dataset(data: Any) -> bool:
    """Whether this is a torch Dataset."""
    return isinstance(data, Dataset)


def from_dataset(data: Any, name: str = "data") -> tuple[Array, list[Any] | None, tuple[str, ...]]:
    """Rows, their labels or None, and notes for people.

    Items are rows, (row,), (row, label), longer tuples of which the first two count, or
    dictionaries. Words and whole numbers are labels; fractions, attributes and second rows are
    not, and are left out with a note.

    Raises:
        BadInput: for items that hold no row, or rows of different shapes.
    """
    require(
        not isinstance(data, IterableDataset),
        f"{name} is an IterableDataset, which has no length: give an array of its rows, or write "
        "them to .npy files in a folder",
    )
    try:
        count = len(data)
    except (TypeError, NotImplementedError) as error:
        raise BadInput(f"{name} has no length: give it a __len__, or give an array") from error
    require(count > 0, f"{name} holds no rows")
    items = [data[i] for i in tracked(range(count), "reading rows", count)]
    parts = [_row_and_rest(item, name) for item in items]
    rows = [_numbers(row, f"{name}: item {i}") for i, (row, _) in enumerate(parts)]
    for number, row in enumerate(rows):
        require(
            row.shape == rows[0].shape,
            f"{name}: item {number} has shape {row.shape}, item 0 has {rows[0].shape}; rows must "
            "be of one shape: pad or cut them",
        )
    labels, note = _labels([rest for _, rest in parts])
    return np.stack(rows), labels, (note,) if note else ()


def _row_and_rest(item: Any, name: str) -> tuple[Any, Any]:
    """The row of an item, and what stands beside it (None for nothing)."""
    if isinstance(item, Mapping):
        key = next((key for key in ROW if key in item), None)
        held = ", ".join(map(str, item)) or "nothing"
        require(key is not None, f"{name}: {ITEMS}; one of them is a dictionary with {held}")
        return item[key], next((item[k] for k in LABEL if k in item), None)
    if isinstance(item, tuple | list) and item and _axes(item[0]):
        return item[0], item[1] if len(item) > 1 else None
    return item, None


def _axes(value: Any) -> int:
    """How many axes it has as an array; 0 for a word or a number."""
    try:
        return np.ndim(value)
    except ValueError:  # a list of lists of different lengths
        return 1


def _numbers(row: Any, name: str) -> Array:
    """An item's row as an array of numbers, with at least one axis."""
    require(_axes(row) > 0, f"{name} is of type {type(row).__name__}: {ITEMS}")
    return dense_tensor(row, name) if isinstance(row, Tensor) else any_array(row, name)


def _labels(beside: Sequence[Any]) -> tuple[list[Any] | None, str]:
    """Labels, if all of these are some, else why they are left out."""
    if all(value is None for value in beside):
        return None, ""
    cells = [_cell(value) for value in beside]
    if all(isinstance(cell, str | int) for cell in cells):
        words = any(isinstance(cell, str) for cell in cells)
        return [str(cell) if words else int(cell) for cell in cells], ""
    numbers = all(isinstance(cell, float | int) for cell in cells)
    why = "are fractions" if numbers else "are neither words nor whole numbers"
    return None, f"what stands beside the rows {why}, so they are no labels and left out"


def _cell(value: Any) -> Any:
    """A label as a word or a Python number, whole if it can be; what is neither as it is."""
    if isinstance(value, Tensor | np.ndarray | np.generic) and math.prod(value.shape) == 1:
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value
