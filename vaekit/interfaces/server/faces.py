"""How rows are shown on the page: as pictures, as numbers, or as the cells of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from vaekit.data import Source
from vaekit.data.on_disk import in_memory
from vaekit.data.readers.arrays import to_array
from vaekit.interfaces.server.uploads import MODES, cells_of, numbers_of, picture_of
from vaekit.pages.panels import stored_pictures
from vaekit.pages.words import brief
from vaekit.runs.shown import by_rows, pictures, tones, typical
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.system.types import Array

Shown = Array | list[list[str | None]]
BORDER, MOST_LOOKED = 500, 5000


class Face(Protocol):
    """How a model's rows are shown, and how such a row comes back from the page."""

    @property
    def about(self) -> dict[str, Any]:
        """What the page has to know: the kind of rows, and their shape or columns."""

    def made(self, rows: Any) -> Shown:
        """Rows as :meth:`Trained.decode` gives them: bytes of pictures, (N, H, W, C); numbers,
        (N, D) in float32; or texts."""

    def stored(self, rows: Source) -> Shown:
        """Rows of data."""

    def taken(self, sent: bytes | Mapping[str, Any]) -> Any:
        """A row as a person sends it: the bytes of a picture, or what a JSON object says.

        Raises:
            BadInput: for what is no such row.
        """

    def seen(self, row: Any) -> Shown:
        """What was taken, as the model sees it."""


def face_of(trained: Trained) -> Face:
    """How the rows of a model are shown."""
    made: type[Any] = by_rows(trained, cells=Cells, pictures=Pictures, numbers=Numbers)
    face: Face = made(trained)
    return face


@dataclass(frozen=True)
class Pictures:
    """Rows that are pictures.

    Args:
        trained: the model.
    """

    trained: Trained

    @cached_property
    def about(self) -> dict[str, Any]:
        """Height, width and channels as they are shown, and whether paper is dark."""
        one = self.made(
            self.trained.decode(np.zeros((1, self.trained.latent)), given=typical(self.trained))
        )
        drawable = self.trained.representation.shape[0] in MODES
        shape = list(one.shape[1:])
        return {"kind": "pictures", "shape": shape, "dark": self._dark, "drawable": drawable}

    def made(self, rows: Any) -> Array:
        """uint8, (N, H, W, C)."""
        return with_channels(pictures(self.trained, rows))

    def stored(self, rows: Source) -> Array:
        """uint8, (N, H, W, C)."""
        return with_channels(stored_pictures(self.trained, to_array(in_memory(rows.values))))

    def taken(self, sent: bytes | Mapping[str, Any]) -> Any:
        """A picture file, of any size and colours, as a row of the model."""
        return picture_of(sent, self.trained, tones(self.trained))

    def seen(self, row: Any) -> Array:
        """uint8, (1, H, W, C)."""
        return self.made(row)

    @property
    def _dark(self) -> bool:
        """Whether the edges of the model's pictures are dark."""
        source = self.trained.source
        if source is None:
            return True
        shown = self.stored(source.part("all", BORDER))
        edge = np.concatenate([shown[:, 0], shown[:, -1]], 1)
        return bool(edge.mean() < 128)


@dataclass(frozen=True)
class Numbers:
    """Rows of numbers.

    Args:
        trained: the model.
    """

    trained: Trained

    @cached_property
    def about(self) -> dict[str, Any]:
        """The columns' names, between what nearly all of their numbers lie, and a series' shape."""
        layout = self.trained.config.layout
        series = list(layout.shape) if layout.axes == "series" else []
        low, high = self._ends
        return {
            "kind": "numbers", "columns": self.columns, "series": series,
            "low": low.tolist(), "high": high.tolist(),
        }  # fmt: skip

    @property
    def _ends(self) -> Array:
        source = self.trained.source
        if source is None:
            return np.array([[0.0], [1.0]]).repeat(len(self.columns), 1)
        looked = self.stored(source.part("all", MOST_LOOKED))
        return np.nanquantile(looked, [0.01, 0.99], axis=0)

    @property
    def columns(self) -> list[str]:
        """Names of the numbers of a row."""
        named = self.trained.config.columns
        return named or [f"x{i}" for i in range(self.trained.representation.shape[0])]

    def made(self, rows: Any) -> Array:
        """float32, (N, D)."""
        return np.asarray(self.trained.usual(rows), np.float32).reshape(len(rows), -1)

    def stored(self, rows: Source) -> Array:
        """float32, (N, D)."""
        return in_memory(rows.values).numpy().astype(np.float32)

    def taken(self, sent: bytes | Mapping[str, Any]) -> Any:
        """{"values": [...]}, one number for each column."""
        return numbers_of(sent, self.columns, self.trained)

    def seen(self, row: Any) -> Array:
        """float32, (1, D)."""
        return self.made(row)


@dataclass(frozen=True)
class Cells:
    """Rows of a table of mixed columns.

    Args:
        trained: the model.
    """

    trained: Trained

    @property
    def about(self) -> dict[str, Any]:
        """The columns' names."""
        return {"kind": "cells", "columns": self.columns}

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(coding_of(self.trained).schema.names)

    def made(self, rows: Any) -> Shown:
        """Texts of cells, (N, columns), None where one is missing."""
        return texts(rows, self.columns)

    def stored(self, rows: Source) -> Shown:
        """The cells as they were read."""
        assert rows.table is not None
        return texts(pa.table(dict(rows.table.columns)), self.columns)

    def taken(self, sent: bytes | Mapping[str, Any]) -> Any:
        """{"cells": {column: text or null}}; columns that are not named are missing, or those of a
        row, {"row": its number}."""
        return cells_of(sent, self.trained)

    def seen(self, row: Any) -> Shown:
        """Texts, (1, columns)."""
        return self.stored(row)


def with_channels(shown: Array) -> Array:
    """(N, H, W) or (N, H, W, C) as (N, H, W, C)."""
    return shown[..., None] if shown.ndim == 3 else shown


def texts(table: pa.Table, columns: Sequence[str]) -> list[list[str | None]]:
    """The cells of some columns as people read them."""
    there = set(table.column_names)
    each = [
        [text_of(cell) for cell in table[name].to_pylist()]
        if name in there
        else [None] * len(table)
        for name in columns
    ]
    return [list(row) for row in zip(*each, strict=True)]


def text_of(cell: Any) -> str | None:
    """A cell as people read it; None where it is missing."""
    if cell is None:
        return None
    return brief(cell) if isinstance(cell, float) and cell == cell else str(cell)
