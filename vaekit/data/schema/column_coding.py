"""What every coding of a column answers."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from vaekit.data.readers.columns import Column
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.inside import Pieces
from vaekit.system.records import Json, Part
from vaekit.system.types import Array


class Coding(Protocol):
    """How the cells of a column become levels, and levels cells."""

    @property
    def count(self) -> int:
        """Levels."""

    @property
    def rows(self) -> Array:
        """Training rows of each level, (levels,)."""

    @property
    def ordered(self) -> bool:
        """Whether the order of the levels means something."""

    @property
    def levels_in_words(self) -> str:
        """How many levels; and of how many values, where several share one."""

    def codes(self, cells: Cells) -> tuple[Array, Array]:
        """int32, (N,), -1 for a gap; and which cells hold what no level stands for."""

    def rounded(self, cells: Cells) -> Array:
        """Which numbers lie beside all that can be, so that the nearest is taken, (N,)."""

    def log_density(self, cells: Cells) -> Array:
        """Of each value inside its level, nats, (N,); 0 for a gap."""

    def values(self, codes: Array, generator: np.random.Generator) -> pa.Array:
        """Values of the column's own type; a gap for -1."""

    def spelled(self, cells: Cells) -> Cells:
        """The same, with words for true and false as training rows spell them."""

    def as_in(self, made: Column, cells: Cells) -> Column:
        """Values that it made, of the column's own type, as a column of other rows writes them."""

    def keys(self, cells: Cells) -> Array:
        """Numbers by which cells are compared, (N,)."""

    def bound(self, cells: Cells) -> float | None:
        """What keys are compared with, of one cell; None for what no cell of the column can be."""

    def why_not(self, cells: Cells) -> str:
        """Why the first of some cells is not to be given, in words that go on after its value; ""
        if it is."""

    def expected(self, chances: Array) -> pa.Array:
        """What stands for draws among the levels, by their chances, (N, levels): the mean of
        numbers, else the likeliest category."""

    def typical(self, levels: Array) -> pa.Array:
        """What stands for each of some levels: of numbers the mean inside it; of rare categories
        that share it the most frequent."""

    def measured(self, cells: Cells) -> pa.Array:
        """What measures of likeness look at: numbers, or names of categories; gaps are gaps."""

    def mass(self, cells: Cells) -> Array:
        """How much of its level each value is, (N,), 0 to 1: 0 where any decimals can be."""

    @property
    def pieces(self) -> Pieces:
        """Which values each level holds."""

    def inside(self, cells: Cells, codes: Array) -> tuple[Array, Array]:
        """The piece of its level that holds each value, and its place there; a gap has the piece
        -1.

        Args:
            cells: the column's.
            codes: of their levels, (N,).
        """

    def held(self, piece: Array, place: Array) -> pa.Array:
        """Values of the column's own type, by what :meth:`inside` gives; gaps where no piece holds
        them."""

    def tally(self, cells: Cells) -> Array:
        """How many cells each level has, or each value where several share one; the last are the
        gaps."""

    @property
    def used(self) -> Any:
        """The same where only what training rows have has levels."""

    def with_rows(self, counts: Array) -> Any:
        """The same, of other training rows, counted as :meth:`tally` counts them, but for gaps."""

    def to_json(self) -> Json:
        """What it needs to be made again."""


def tally(codes: Array, count: int) -> Array:
    """How often each of so many codes comes, and how often none, which is -1.

    Args:
        codes: (N,).
        count: of codes that there are.
    """
    found: Array = np.bincount(codes + 1, minlength=count + 1)
    return np.roll(found, -1)


def part_of(part: Part, name: str) -> Part:
    """A part of what was written.

    Args:
        part: the whole.
        name: of the part.
    """
    return Part(part.found.get(name), f"{part.name}, {name}")
