"""Rows of data with what is known beside them: the one currency from the data to the coder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Rows:
    """B rows: what is modelled, and what the model is given.

    Args:
        x: (B, *event); None where a model is to generate. NaN means missing to likelihoods that
            allow it.
        given: by name, labels as one-hot vectors or covariates, (B, width) each.
    """

    x: Tensor | None = None
    given: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Tensor | Rows) -> Rows:
        """Rows as they are; a tensor is x alone."""
        return rows if isinstance(rows, Rows) else cls(rows)

    @property
    def tensors(self) -> list[Tensor]:
        """x, if there is one, and all that is given."""
        return [*([] if self.x is None else [self.x]), *self.given.values()]

    @property
    def shape(self) -> torch.Size:
        """(B, *event) of x."""
        return self.data.shape

    @property
    def data(self) -> Tensor:
        """x, which must be there.

        Raises:
            TypeError: if it is not.
        """
        if self.x is None:
            raise TypeError("these rows have no x")
        return self.x

    def __len__(self) -> int:
        return len(self.tensors[0]) if self.tensors else 0

    def __getitem__(self, index: slice | Tensor) -> Rows:
        return self.map(lambda t: t[index])

    def split(self, rows: int) -> list[Rows]:
        """All rows, so many at a time."""
        return [self[start : start + rows] for start in range(0, len(self), rows)]

    def map(self, apply: Callable[[Tensor], Tensor]) -> Rows:
        """The same rows with every tensor changed."""
        given = {name: apply(values) for name, values in self.given.items()}
        return Rows(None if self.x is None else apply(self.x), given)

    def to(self, place: torch.device) -> Rows:
        """The same rows on a device."""
        return self.map(lambda t: t.to(place, non_blocking=True))

    def double(self) -> Rows:
        """The same rows in float64."""
        return self.map(Tensor.double)

    def without_x(self) -> Rows:
        """What is given alone."""
        return Rows(None, self.given)


class LazyRows(Protocol):
    """Rows that are made when they are asked for."""

    @property
    def shape(self) -> torch.Size:
        """(B, *event) of x."""

    @property
    def given(self) -> Mapping[str, Tensor]:
        """What the model is given, by name, (B, width) each."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: slice | Tensor, /) -> Rows: ...

    def split(self, rows: int, /) -> Pieces:
        """All rows, so many at a time."""


class Pieces(Protocol):
    """Pieces of rows, counted."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Rows]: ...


AnyRows = Tensor | Rows | LazyRows


@dataclass(frozen=True)
class Part:
    """A part of a batch: it has noise of its own, wherever it is computed.

    Args:
        number: which part of the batch.
        rows: an empty part holds one row that does not count.
        share: of the batch's rows.
    """

    number: int
    rows: Rows
    share: float


@dataclass(frozen=True)
class Batch:
    """The parts of a batch that are computed here, and its rows everywhere."""

    parts: tuple[Part, ...]
    rows: int

    @classmethod
    def whole(cls, rows: Tensor | Rows) -> Batch:
        """A batch in one part."""
        return cls((Part(0, Rows.of(rows), 1.0),), len(rows))

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        parts = (Part(p.number, p.rows.to(device), p.share) for p in self.parts)
        return Batch(tuple(parts), self.rows)
