"""Columns as what a model is given: class numbers, of which some may be unknown, or covariates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data.conditions import UNKNOWN, as_cells, as_number, is_missing, word
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

MOST_NUMBERS, MOST_WORDS = 64, 1000
BLANK = ("", "None", "nan", "<NA>", "NaT")  # labels that are none
Cells = Any


def column_of(name: str, cells: Cells, train: Tensor) -> tuple[Tensor, tuple[str, ...]]:
    """A column as class numbers and the classes' names, or as numbers and no names.

    Text, and at most 64 different whole numbers among the training rows, are classes. The number of
    a class that is missing is -1.

    Args:
        name: of the column.
        cells: one for each row.
        train: indices of the training rows.

    Raises:
        BadInput: for a missing number, dates, or too many different words.
    """
    column = as_cells(cells).reshape(-1)
    require(column.dtype.kind not in "mM", f"column {name!r} holds dates or times: not to be given")
    known = np.array([not is_missing(cell) for cell in column.tolist()])
    if any(isinstance(cell, float) and math.isinf(cell) for cell in column[~known].tolist()):
        check_no_gaps(name, known)
    if known.all():
        return _whole_column(name, column, train.numpy())
    among = np.isin(np.flatnonzero(known), train.numpy()).nonzero()[0]
    numbers, names = _whole_column(name, column[known], among)
    if not names:
        check_no_gaps(name, known)
    found = torch.full((len(column),), UNKNOWN)
    found[torch.from_numpy(known)] = numbers.long()
    return found, names


def _whole_column(name: str, column: Array, train: Array) -> tuple[Tensor, tuple[str, ...]]:
    numbers = _numbers_of(column)
    if numbers is None:
        words = np.array([word(cell) for cell in column], dtype=str)
    else:
        seen = np.unique(numbers[train])
        if len(seen) > MOST_NUMBERS or (seen != seen.round()).any():
            return torch.from_numpy(numbers), ()
        words, numbers = np.unique(numbers, return_inverse=True)
        return torch.from_numpy(numbers.astype(np.int64)), tuple(map(word, words.tolist()))
    names, places = np.unique(words, return_inverse=True)
    require(
        len(names) <= MOST_WORDS,
        f"column {name!r} holds {len(names):,} different words, too many to be given",
    )
    return torch.from_numpy(places.astype(np.int64)), tuple(map(str, names))


def check_no_gaps(name: str, known: Array, instead: str = "") -> None:
    """Raise ``BadInput`` unless all cells of a column are there.

    Args:
        name: of the column.
        known: which cells are, (rows,).
        instead: what else can be done about it.
    """
    missing = np.flatnonzero(~known)
    if len(missing):
        raise BadInput(
            f"column {name!r} is to be given, but {len(missing):,} values are missing or infinite, "
            f"the first in row {missing[0]}; fill them in or drop those rows{instead}"
        )


def without_blanks(numbers: Tensor, names: Sequence[str]) -> tuple[Tensor, tuple[str, ...]]:
    """Labels as classes: those that are blank are none, their number is -1.

    Args:
        numbers: of labels, (rows,); -1 where there is none already.
        names: what they mean, in the order of the numbers.
    """
    kept = [place for place, name in enumerate(names) if name.strip() not in BLANK]
    order = torch.full((len(names) + 1,), UNKNOWN)  # the last is that of -1
    order[kept] = torch.arange(len(kept))
    return order[numbers], tuple(names[place] for place in kept)


def _numbers_of(column: Array) -> Array | None:
    """All cells as numbers, or None where one is a word."""
    if column.dtype.kind in "uif":
        return column.astype(np.float64)
    found = [None if isinstance(c, bool) else as_number(str(c)) for c in column.tolist()]
    return None if None in found else np.array(found, dtype=np.float64)
