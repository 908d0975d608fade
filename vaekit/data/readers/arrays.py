"""Data that is already in memory: NumPy arrays, tensors, data frames, torch data sets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.source import Source, source
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

LOSS, FEW = 1e-3, 10
CHANNELS = (1, 3, 4)


def from_memory(
    data: Any, labels: Any = None, name: str = "data", *, roles: ColumnRoles = NO_ROLES
) -> Source:
    """A source from whatever holds rows: an array, a tensor, a data frame or a torch Dataset.

    Args:
        data: the rows.
        labels: one for each row.
        name: what people call the data.
        roles: columns of a data frame that are not x.

    Raises:
        BadInput: for data of another kind, shape or type, or with missing values.
    """
    columns: tuple[str, ...] = ()
    beside: dict[str, Array] = {}
    if is_frame(data):
        data, found, beside = split_frame(data, roles)
        columns = tuple(map(str, data.columns))
        labels = found if labels is None else labels
    elif isinstance(data, Dataset):
        data, labels = from_dataset(data, labels)
    numbers, names = label_numbers(labels)
    values = to_rows(data, name, exact=True)
    return source(name, values, labels=numbers, label_names=names, columns=columns, beside=beside)


def split_frame(frame: Any, roles: ColumnRoles) -> tuple[Any, Array | None, dict[str, Array]]:
    """A data frame's columns of x, its labels, and the columns that are given."""
    roles = roles.among(list(map(str, frame.columns)))
    named = {str(column): column for column in frame.columns}
    kept = [column for name, column in named.items() if not roles.holds(name)]
    labels = None if roles.label is None else np.asarray(frame[named[roles.label]])
    beside = {name: np.asarray(frame[named[name]]) for name in roles.columns}
    return (frame if len(kept) == len(named) else frame[kept]), labels, beside


def is_frame(data: Any) -> bool:
    """Whether this is a pandas or polars data frame (neither is imported to find out)."""
    libraries = [sys.modules[m] for m in ("pandas", "polars") if m in sys.modules]
    return any(isinstance(data, library.DataFrame) for library in libraries)


def in_order(frame: Any, columns: Sequence[str]) -> Any:
    """A data frame with its columns in this order, if these are the names they have."""
    named = {str(name): name for name in frame.columns}
    return frame[[named[name] for name in columns]] if sorted(named) == sorted(columns) else frame


def from_dataset(data: Dataset[Any], labels: Any) -> tuple[Tensor, Any]:
    """Read a torch Dataset of rows, or of (row, label) pairs, into memory."""
    count = len(data)  # type: ignore[arg-type]
    items = list(tracked((data[i] for i in range(count)), "reading rows", count))
    if items and isinstance(items[0], tuple | list):
        labels = [int(item[1]) for item in items] if labels is None else labels
        items = [item[0] for item in items]
    return torch.stack([torch.as_tensor(np.asarray(item)) for item in items]), labels


def to_rows(data: Any, name: str = "data", *, exact: bool = False) -> Tensor:
    """Numbers in any container to (N, D), or (N, C, H, W) for images.

    With ``exact`` vectors stay in float64 where float32 would lose what differs between rows, as
    in times since 1970: what is the same in all rows can then be subtracted first.

    (N, H, W) are grey images; (N, H, W, C) and (N, C, H, W) are images with 1, 3 or 4 channels.
    """
    array = as_array(data, name)
    kept = array if exact and needs_float64(array) else standard_dtype(array, name)
    values = channels_first(kept)
    if values.ndim not in (2, 4):
        raise BadInput(
            f"{name} has shape {values.shape}: give vectors (rows, numbers) or images "
            "(rows, height, width) or (rows, height, width, channels)"
        )
    return torch.from_numpy(np.array(values, order="C"))


def channels_first(values: Array) -> Array:
    """Images (N, H, W) or (N, H, W, C) as a view (N, C, H, W); all else as it is."""
    if values.ndim == 3:
        return values[:, None]
    if values.ndim == 4 and values.shape[1] not in CHANNELS and values.shape[3] in CHANNELS:
        return np.moveaxis(values, 3, 1)
    return values


def restore_layout(values: Array, shape: tuple[int, ...]) -> Array:
    """The reverse of :func:`channels_first`, for rows that had this shape."""
    if values.shape[1:] == shape:
        return values
    return values[:, 0] if len(shape) == 2 else np.moveaxis(values, 1, 3)


def as_array(data: Any, name: str) -> Array:
    """A NumPy array of numbers, or a clear refusal."""
    if is_frame(data):
        return frame_numbers(data, name)
    if isinstance(data, Tensor):
        return data.detach().cpu().numpy()
    try:
        array = np.asarray(data)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{name} is not an array of numbers: {error}") from error
    if array.dtype.kind not in "buif":
        raise BadInput(f"{name} holds {array.dtype} values; only numbers can be used")
    return array


def frame_numbers(frame: Any, name: str) -> Array:
    """The numbers of a data frame; a column of text is refused by name."""
    parts = [np.asarray(frame[column]) for column in frame.columns]
    for column, part in zip(frame.columns, parts, strict=True):
        if part.dtype.kind not in "buif":
            raise BadInput(
                f"{name}: column {str(column)!r} holds {part.dtype} values; "
                "drop it, turn it into numbers, or name it as the label or as given"
            )
    return np.stack(parts, 1)


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


def to_array(values: Tensor) -> Array:
    """Stored values as people hold them: (N, D), (N, H, W) if grey, (N, H, W, C) in colour."""
    array = values.detach().cpu().numpy()
    if array.ndim != 4:
        return array
    return array[:, 0] if array.shape[1] == 1 else np.moveaxis(array, 1, 3)


def like_frame(data: Any, values: Array, columns: list[str] | None) -> Any:
    """A data frame with the same index where a data frame came in, else the array itself."""
    if not is_frame(data) or not columns or values.ndim != 2:
        return values
    frame: Callable[..., Any] = type(data)
    if type(data).__module__.split(".")[0] == "pandas":
        return frame(values, columns=columns, index=data.index)
    return frame(values, schema=columns)
