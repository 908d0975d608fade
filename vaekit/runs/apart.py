"""What is measured of each row apart from all others."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from vaekit.models import Graph
from vaekit.rows import Rows
from vaekit.system.checks import BadInput
from vaekit.system.types import Array


class Apart(Protocol):
    """A model that makes rows alike, whatever rows are beside them."""

    @property
    def model(self) -> Graph:
        """The model."""

    def parts_alike(self, data: Any, given: Mapping[str, Any] | None, seed: int) -> Iterator[Rows]:
        """Rows of data, some at a time."""


def in_double(model: Graph) -> Graph:
    """A copy of a model in float64; the model itself where it is that already."""
    narrow = any(t.is_floating_point() and t.dtype != torch.float64 for t in tensors_of(model))
    return copy.deepcopy(model).double() if narrow else model


def tensors_of(model: Graph) -> Iterator[Tensor]:
    """Weights, and what else a model keeps."""
    yield from model.parameters()
    yield from model.buffers()


def per_row(
    trained: Apart,
    measure: Callable[..., Tensor],
    data: Any,
    given: Mapping[str, Any] | None,
    samples: int,
    seed: int,
) -> Array:
    """What ``measure`` gives for each row, by the same noise for all, in float64: there sums hardly
    depend on how many rows are computed at once.

    Raises:
        BadInput: where the noise cannot be the same for all.
    """
    exact = in_double(trained.model)
    try:
        parts = trained.parts_alike(data, given, seed)
        found = [measure(exact, part.double(), samples=samples, seed=seed) for part in parts]
    except NotImplementedError as error:
        raise BadInput(f"this model's rows cannot be scored apart: {error}") from error
    return torch.cat(found).cpu().numpy()
