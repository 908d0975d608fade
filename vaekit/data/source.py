"""Rows of data in memory, with fixed splits and optional labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from vaekit.checks import BadInput, known, require, size_text
from vaekit.seeding import generator_for

SPLITS = ("train", "validation", "test")
FEWEST_ROWS = 10


@dataclass(frozen=True)
class Source:
    """N rows as they are stored, split once and for all.

    Args:
        name: what people call it.
        values: (N, C, H, W) for images, (N, D) for vectors; uint8, a wider integer or float32.
        splits: indices of the rows of "train", "validation" and "test", without overlap.
        labels: (N,) whole numbers, or None; they colour pictures and are never trained on.
        label_names: what the numbers mean.
        columns: names of the D numbers of a vector.
        factors: (N, factors) whole numbers from which each row was made, where known.
        factor_names: what they are.
        intervene: (factor, rows, random) to new rows that share one random value of a factor.
        levels: number of levels, where the publisher says so (17 for scikit-learn's digits).
    """

    name: str
    values: Tensor
    splits: Mapping[str, Tensor]
    labels: Tensor | None = None
    label_names: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    levels: int | None = None
    notes: tuple[str, ...] = field(default=())
    factors: Tensor | None = None
    factor_names: tuple[str, ...] = ()
    intervene: Callable[[int, int, np.random.Generator], np.ndarray] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one row."""
        return tuple(self.values.shape[1:])

    @property
    def is_image(self) -> bool:
        return self.values.dim() == 4

    def rows(self, split: str) -> Tensor:
        """The stored values of one split, or of all rows for "all"."""
        if split == "all":
            return self.values
        return self.values[self.splits[known("split", split, (*self.splits, "all"))]]

    def labels_of(self, split: str) -> Tensor | None:
        """The labels of one split's rows, where there are labels."""
        if self.labels is None or split == "all":
            return self.labels
        return self.labels[self.splits[split]]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the values, their type and shape, and the splits."""
        digest = hashlib.sha256(f"{self.values.dtype}{tuple(self.values.shape)}".encode())
        for tensor in (self.values, *(self.splits[s] for s in sorted(self.splits))):
            digest.update(tensor.contiguous().numpy().data)
        return digest.hexdigest()

    def describe(self) -> str:
        """One line for people: name, size, type, splits."""
        sizes = ", ".join(f"{len(self.splits[s]):,} {s}" for s in SPLITS)
        kind = "images" if self.is_image else "rows"
        return f"{self.name}: {len(self.values):,} {kind} of {size_text(self.shape)} ({sizes})"


def source(
    name: str, values: Tensor, splits: Mapping[str, Tensor] | None = None, **more: object
) -> Source:
    """A checked :class:`Source`; without ``splits`` rows are split 80/10/10 at random but
    always in the same way.

    Raises:
        BadInput: for no rows, values that are not finite, or labels of another length.
    """
    require(len(values) > 0, f"{name} holds no rows")
    check_finite(name, values, more.get("columns", ()))  # type: ignore[arg-type]
    labels = more.get("labels")
    if isinstance(labels, Tensor) and len(labels) != len(values):
        raise BadInput(
            f"{name} has {len(values)} rows but {len(labels)} labels; give one for each row"
        )
    return Source(name, values, splits or random_splits(len(values)), **more)  # type: ignore[arg-type]


def check_finite(name: str, values: Tensor, columns: tuple[str, ...] = ()) -> None:
    """Raise ``BadInput`` naming the first cell that is NaN or infinite."""
    if not values.is_floating_point() or bool(torch.isfinite(values).all()):
        return
    bad = (~torch.isfinite(values)).nonzero()
    row, *place = bad[0].tolist()
    where = f"column {columns[place[0]]!r}" if columns else f"position {tuple(place)}"
    raise BadInput(
        f"{name}: {len(bad):,} values are missing or infinite, the first in row {row}, {where}; "
        "fill them in or drop those rows"
    )


def check_enough(source: Source) -> None:
    """Raise ``BadInput`` if there are too few rows to train on and to hold some out."""
    rows = len(source.values)
    require(
        rows >= FEWEST_ROWS,
        f"{source.name} holds {rows} row{'s' * (rows > 1)}: too few to split into train, "
        f"validation and test; give at least {FEWEST_ROWS}",
    )


def random_splits(rows: int) -> dict[str, Tensor]:
    """80 % train, 10 % validation, 10 % test: a function of the number of rows alone."""
    order = torch.randperm(rows, generator=generator_for("splits", rows))
    tenth = rows // 10
    sizes = [rows - 2 * tenth, tenth, tenth]
    return {s: part.sort().values for s, part in zip(SPLITS, order.split(sizes), strict=True)}


def held_out_test(train: int, test: int, validation: int | None = None) -> dict[str, Tensor]:
    """Splits for data published as train rows followed by test rows: the last of the train rows
    (a sixth, unless told) serve for validation."""
    validation = max(train // 6, 1) if validation is None else validation
    order = torch.arange(train + test)
    parts = order.split([train - validation, validation, test])
    return dict(zip(SPLITS, parts, strict=True))
