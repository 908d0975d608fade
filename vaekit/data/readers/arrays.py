"""Data that is already in memory: NumPy arrays, tensors, data frames, torch data sets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles
from vaekit.data.source import Source, source
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked
from vaekit.system.types import Array

LOSS, FEW = 1e-3, 10
CHANNELS = (1, 3, 4)


def from_memory(
    data: Any,
    labels: Any = None,
    name: str = "data",
    *,
    roles: ColumnRoles = NO_ROLES,
    dialect: Dialect = LOOK,
) -> Source:
    """A source from whatever holds rows: an array, a tensor, a data frame or a torch Dataset.

    Args:
        data: the rows.
        labels: one for each row.
        name: what people call the data.
        roles: columns of a data frame that are not x.
        dialect: of a data frame: its index, and its marks of missing cells.

    Raises:
        BadInput: for data of another kind, shape or type, or with missing values.
    """
    from vaekit.data.readers.frames import is_frame, table_of  # tables are built of arrays

    if is_frame(data):
        found = table_of(data, name, dialect).source(roles)
        return found if labels is None else with_labels(found, labels)
    if isinstance(data, Dataset):
        data, labels = from_dataset(data, labels)
    numbers, names = label_numbers(labels)
    return source(name, to_rows(data, name, exact=True), labels=numbers, label_names=names)


def with_labels(found: Source, labels: Any) -> Source:
    """The same source with other labels, one for each row."""
    numbers, names = label_numbers(labels)
    if numbers is None or len(numbers) != len(found.values):
        count = 0 if numbers is None else len(numbers)
        raise BadInput(
            f"{found.name} has {len(found.values)} rows but {count} labels; give one for each row"
        )
    return replace(found, labels=numbers, label_names=names)


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
    if isinstance(data, Tensor):
        return data.detach().cpu().numpy()
    try:
        array = np.asarray(data)
    except (ValueError, TypeError) as error:
        raise BadInput(f"{name} is not an array of numbers: {error}") from error
    if array.dtype.kind not in "buif":
        raise BadInput(f"{name} holds {array.dtype} values; only numbers can be used")
    return array


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
