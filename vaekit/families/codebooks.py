"""Families of codes from a list: a learned codebook, or values at even distances."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.distributions.codebooks import NearestEntries
from vaekit.families.base import Shape
from vaekit.system.checks import require


class Codebook(nn.Module):
    """A list of vectors that is learned.

    Args:
        entries: how many.
        size: numbers of each.
    """

    def __init__(self, entries: int, size: int) -> None:
        super().__init__()
        self.book = nn.Parameter(torch.randn(entries, size) / entries ** (1 / size))


class EvenValues(nn.Module):
    """Values at even distances from -1 to 1.

    Args:
        values: how many.
    """

    book: Tensor

    def __init__(self, values: int) -> None:
        super().__init__()
        require(values >= 2, f"values must be at least 2, not {values}")
        self.register_buffer("book", torch.linspace(-1, 1, values)[:, None], persistent=False)


class Nearest(nn.Module):
    """The entries of a list that are nearest to raw numbers, place by place
    (van den Oord et al. 2017).

    Args:
        codebook: has the list, ``book``.
        places: how many.
    """

    has_density = True

    def __init__(self, codebook: nn.Module, places: int) -> None:
        super().__init__()
        self.codebook, self.places = codebook, places

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.places * self.book.shape[1],)

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return self.raw_shape

    @property
    def book(self) -> Tensor:
        """The list, (entries, size)."""
        return self.codebook.get_parameter("book")

    def forward(self, raw: Tensor) -> D.Distribution:
        """The codes nearest to raw numbers, (rows, *raw_shape)."""
        return NearestEntries(raw.unflatten(-1, (self.places, -1)), self.book)


class NearestValues(Nearest):
    """The nearest of some values at even distances, after tanh: finite scalar quantisation
    (Mentzer et al. 2024).

    Args:
        values: how many, from -1 to 1.
        places: numbers of a code.
    """

    def __init__(self, values: int, places: int) -> None:
        super().__init__(EvenValues(values), places)

    @property
    def book(self) -> Tensor:
        """The values, (values, 1)."""
        return self.codebook.get_buffer("book")

    def forward(self, raw: Tensor) -> D.Distribution:
        """The codes nearest to the tanh of raw numbers, (rows, *raw_shape)."""
        return super().forward(torch.tanh(raw))
