"""What a trained model reads of the rows that it is handed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import singledispatch
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data import Opening, Source
from vaekit.data.given_columns import without_blanks
from vaekit.data.layout import Like, RowLayout
from vaekit.data.on_disk import OnDisk, Values
from vaekit.data.opening import class_names
from vaekit.data.readers.arrays import as_array, rows_of
from vaekit.runs.config import Config
from vaekit.system.checks import require


@dataclass(frozen=True)
class ReadRows:
    """Rows as they are stored.

    Args:
        values: (N, *row).
        carried: what the data carries of what the model is given, by name.
        layout: how a row lay in the data, and so is to come back.
    """

    values: Values
    carried: Mapping[str, Any]
    layout: RowLayout


def opening_for(config: Config, data: Any) -> Opening:
    """How data of a model is opened; the file of labels belongs to its own data alone."""
    origin, opening = config.data, config.opening
    labels = origin.opening.labels
    if labels and isinstance(data, str | os.PathLike) and Path(labels).is_file():
        own = str(Path(data).resolve()) == origin.open
        opening = replace(opening, labels=labels) if own else opening
    return opening


def read_rows(config: Config, data: Any, split: str = "all") -> ReadRows:
    """Rows of a source's split, or all rows of data in memory, for the model of a configuration.

    Raises:
        BadInput: for what holds no rows of the model.
    """
    return _read(data, config, split)


def codes_of(codes: Any, latent: int) -> Tensor:
    """Codes in any container, (rows, latent), in float32.

    Raises:
        BadInput: for anything else.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # told below
        z = torch.as_tensor(np.array(as_array(codes, "codes"), dtype=np.float32))
    fits = z.dim() == 2 and z.shape[1] == latent
    require(fits, f"codes must have shape (rows, {latent}), not {tuple(z.shape)}")
    require(bool(torch.isfinite(z).all()), "codes must be finite numbers")
    return z


@singledispatch
def labels_in(data: Any, split: str) -> Tensor | None:
    """Numbers of the labels of a split's rows, (rows,), where data has some; -1 for blank ones."""
    return None


@labels_in.register
def _(source: Source, split: str) -> Tensor | None:
    labels = source.labels_of(split)
    return None if labels is None else without_blanks(labels, class_names(source))[0]


def with_labels(labels: Tensor | None) -> Tensor | None:
    """Which rows have a label, (rows,), by numbers as :func:`labels_in` gives them; None where
    there are no two to tell apart."""
    known = None if labels is None else labels >= 0
    return None if labels is None or len(labels[known].unique()) < 2 else known


@singledispatch
def _read(data: Any, config: Config, split: str) -> ReadRows:
    found = rows_of(data, exact=True, axes=Like(config.layout))
    return ReadRows(found.values, {}, found.layout)


@_read.register
def _(source: Source, config: Config, split: str) -> ReadRows:
    carried = config.conditions.carried(source.given_of(split), source.given_names)
    layout = source.layout or RowLayout.usual(source.shape)
    return ReadRows(source.rows(split), carried, layout)


@_read.register
def _(values: OnDisk, config: Config, split: str) -> ReadRows:
    return ReadRows(values, {}, config.layout)
