"""Data that is already in memory: NumPy arrays, tensors, data frames, torch data sets."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data.layout import GUESS, Axis, RowLayout
from vaekit.data.on_disk import OnDisk, Values, in_memory
from vaekit.data.readers.containers import CONTAINERS
from vaekit.data.readers.datasets import from_dataset, is_dataset
from vaekit.data.source import Source, source
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

LOSS, FEW = 1e-3, 10


def from_memory(
    data: Any,
    labels: Any = None,
    name: str = "data",
    *,
    axes: Axis = GUESS,
    gaps: bool = False,
) -> Source:
    """A source from whatever holds rows of numbers: an array, a tensor or a torch Dataset.

    Args:
        data: the rows.
        labels: one for each row.
        name: what people call the data.
        axes: what is known of an array's axes.
        gaps: whether numbers may be missing.

    Raises:
        BadInput: for data of another kind, shape or type, or with missing values.
    """
    notes: tuple[str, ...] = ()
    if is_dataset(data):
        data, own, notes = from_dataset(data, name)
        labels = own if labels is None else labels
    numbers, names = label_numbers(labels)
    rows = rows_of(data, name, exact=True, axes=axes)
    notes = (*notes, *axes.notes(rows.layout))
    return source(
        name, rows.values, labels=numbers, label_names=names, notes=notes, gaps=gaps,
        **rows.of,
    )  # fmt: skip


def relabelled(found: Source, labels: Any) -> Source:
    """The same source with other labels, one for each row."""
    numbers, names = label_numbers(labels)
    if numbers is None or len(numbers) != len(found.values):
        count = 0 if numbers is None else len(numbers)
        raise BadInput(
            f"{found.name} has {len(found.values)} rows but {count} labels; give one for each row"
        )
    return replace(found, labels=numbers, label_names=names)


@dataclass(frozen=True)
class StoredRows:
    """Rows as they are stored, and how they lay in what held them.

    Args:
        values: (N, *row).
        layout: of a row where it came from.
    """

    values: Values
    layout: RowLayout

    @property
    def of(self) -> dict[str, Any]:
        """What a source says of its rows."""
        return {"layout": self.layout, "columns": self.layout.columns}


def to_rows(data: Any, name: str = "data", *, exact: bool = False, axes: Axis = GUESS) -> Tensor:
    """Numbers in any container to (N, D), or (N, C, H, W) for images, in memory.

    With ``exact`` vectors stay in float64 where float32 would lose what differs between rows, as
    in times since 1970: what is the same in all rows can then be subtracted first.

    (N, H, W) are grey images, or series (N, T, F); (N, H, W, C) and (N, C, H, W) are images with
    channels. ``axes`` says what is known of which is which.
    """
    return in_memory(rows_of(data, name, exact=exact, axes=axes).values)


def rows_of(
    data: Any, name: str = "data", *, exact: bool = False, axes: Axis = GUESS
) -> StoredRows:
    """The same, with the layout they had; large sparse matrices are made dense when their rows are
    asked for."""
    array = as_array(data, name)
    if isinstance(array, OnDisk):
        return StoredRows(array, axes.layout(tuple(array.shape[1:]), np.dtype(np.float32), name))
    require(array.ndim > 0, f"{name} is a single number, not rows")
    array = axes.as_rows(array)
    layout = axes.layout(array.shape[1:], array.dtype, name)
    values = layout.store(array)
    kept = values if exact and needs_float64(values) else standard_dtype(values, name)
    return StoredRows(torch.from_numpy(np.array(kept, order="C")), layout)


def as_array(data: Any, name: str) -> Any:
    """A NumPy array of numbers (or, of a large sparse matrix, rows of one), or a clear refusal."""
    if is_dataset(data):
        return from_dataset(data, name)[0]
    return next(numbers(data, name) for applies, numbers in CONTAINERS if applies(data))


def standard_dtype(array: Array, name: str) -> Array:
    """Booleans and bytes to uint8, other whole numbers to int32, fractions to float32."""
    kind = array.dtype.kind
    if kind == "b" or array.dtype == np.uint8:
        return array.astype(np.uint8)
    if kind in "ui":
        info = np.iinfo(np.int32)
        if array.size and (array.min() < info.min or array.max() > info.max):
            raise BadInput(f"{name} holds whole numbers beyond 32 bits; rescale them")
        return array.astype(np.int32)
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    beyond = np.isinf(narrow) & np.isfinite(array)
    require(not beyond.any(), f"{name} holds values beyond float32 (3.4e38); divide them")
    return narrow


def needs_float64(array: Array) -> bool:
    """Whether float32 rounds a column of vectors by more than ``LOSS`` of its spread; of a few
    rows, whose spread says little, whether it rounds anything."""
    if array.dtype != np.float64 or array.ndim != 2 or not array.size:
        return False
    whole = ~np.isnan(array).any(1)
    array = array[whole] if whole.any() else np.nan_to_num(array)
    with np.errstate(over="ignore", invalid="ignore"):
        error, spread = np.abs(array - array.astype(np.float32)).max(0), array.std(0)
    told = (spread > 0) | (len(array) < FEW)
    return bool((np.isfinite(error) & told & (error > LOSS * spread)).any())


def label_numbers(labels: Any) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels of any kind to whole numbers from 0, and what each number stands for."""
    if labels is None:
        return None, ()
    array = np.asarray(labels).reshape(-1)
    names, numbers = np.unique(
        array.astype(str) if array.dtype.kind in "OUS" else array, return_inverse=True
    )
    return torch.from_numpy(numbers.astype(np.int64)), tuple(map(str, names))


def to_array(values: Tensor, layout: RowLayout | None = None) -> Array:
    """Stored values as people hold them: as they were laid out, or as is usual: (N, D), (N, H, W)
    if grey, (N, H, W, C) in colour."""
    array = values.detach().cpu().numpy()
    return (layout or RowLayout.usual(array.shape[1:])).give(array)
