"""How rows of a model come in and go out: as lists of numbers, as pictures, or as cells by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from vaekit.data.layout import Like
from vaekit.data.readers.npy import array_in_bytes
from vaekit.interfaces.server.api.media import (
    JSON,
    NPY,
    PNG,
    Reply,
    in_json,
    in_npy,
    plain,
)
from vaekit.interfaces.server.uploads import MODES, opened_picture, picture_of, table_rows
from vaekit.pictures import sheet, to_image
from vaekit.pictures.grids import png
from vaekit.runs.shown import by_rows, pictures, tones, typical
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, known, require, size_text
from vaekit.system.records import finite
from vaekit.system.types import Array

Schema = dict[str, Any]


@dataclass(frozen=True)
class Taken:
    """Rows as they were sent, ready for the model.

    Args:
        data: what :meth:`Trained.rows_alike` takes.
        count: how many.
        named: whether they had names, so that what comes back has some.
        notes: what had to be done to them.
    """

    data: Any
    count: int
    named: bool = False
    notes: tuple[str, ...] = ()


class Wire(Protocol):
    """How the rows of a model come in and go out."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What bodies can hold them, JSON first."""

    @property
    def schema(self) -> Schema:
        """Of a row in JSON."""

    @property
    def example(self) -> Any:
        """A row in JSON."""

    def listed(self, rows: list[Any]) -> Taken:
        """Rows out of JSON.

        Raises:
            BadInput: for what are no rows of the model.
        """

    def held(self, body: bytes, kind: str) -> Taken:
        """Rows out of another kind of body.

        Raises:
            BadInput: for what are no rows of the model.
        """

    def give(self, rows: Any, kind: str, *, named: bool = True, notes: Sequence[str] = ()) -> Reply:
        """Rows as :meth:`Trained.sample` and the like give them, in a kind of body."""


def wire_of(trained: Trained) -> Wire:
    """How the rows of a model come in and go out."""
    made: type[Any] = by_rows(trained, cells=Cells, pictures=Pictures, numbers=Numbers)
    wire: Wire = made(trained)
    return wire


@dataclass(frozen=True)
class Numbers:
    """Rows of numbers: vectors, with names or without, and series.

    Args:
        trained: the model.
    """

    trained: Trained

    @property
    def kinds(self) -> tuple[str, ...]:
        """JSON and arrays."""
        return JSON, NPY

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a row as it lay in the training data."""
        return self.trained.layout.shape

    @cached_property
    def dtype(self) -> np.dtype:
        """Of a row as it lay in the training data."""
        return np.dtype(self.trained.layout.dtype or self.trained.representation.dtype)

    @cached_property
    def gaps(self) -> bool:
        """Whether numbers may be missing: null in JSON, NaN in arrays."""
        return bool(self.trained.model.likelihood.family.range.missing)

    @property
    def columns(self) -> list[str]:
        """Names of the numbers of a row; none where they have none."""
        return (self.trained.config.columns or []) if len(self.shape) == 1 else []

    @property
    def schema(self) -> Schema:
        """Lists in each other, or an object where numbers have names."""
        one = "integer" if self.dtype.kind in "ui" else "number"
        single: Schema = {"type": [one, "null"] if self.gaps else one}
        lists: Schema = single
        for length in reversed(self.shape):
            lists = {"type": "array", "items": lists, "minItems": length, "maxItems": length}
        if not self.columns:
            return lists
        number: Schema = {"type": ["number", "null"] if self.gaps else "number"}
        named = {
            "type": "object", "properties": dict.fromkeys(self.columns, number),
            "required": [] if self.gaps else self.columns, "additionalProperties": False,
        }  # fmt: skip
        return {"anyOf": [named, lists]}

    @property
    def example(self) -> Any:
        """A row that the model makes."""
        code = np.zeros((1, self.trained.latent), np.float32)
        made = self.trained.decode(code, given=typical(self.trained) or None)
        return self._rows(made.round(4), named=True)[0]

    def listed(self, rows: list[Any]) -> Taken:
        """Numbers in lists, or by the names of their columns."""
        named = bool(self.columns) and all(isinstance(row, dict) for row in rows)
        if named:
            rows = [self._in_order(row, place) for place, row in enumerate(rows)]
        try:
            array = np.asarray(with_nan(rows) if self.gaps else rows)
        except ValueError:
            raise BadInput(f"rows must all have the shape {size_text(self.shape)}") from None
        numbers = array.dtype.kind in "buif"
        require(numbers or not rows, f"rows must be lists of numbers of {size_text(self.shape)}")
        return self._taken(self._as_own(array), named=named)

    def held(self, body: bytes, kind: str) -> Taken:
        """An array."""
        return self._taken(array_in_bytes(body, "the body"))

    def _taken(self, array: Array, *, named: bool = False) -> Taken:
        """The rows of an array.

        Raises:
            BadInput: for rows of another shape.
        """
        require(array.ndim > 0 and array.size > 0, "there are no rows")
        array = array[None] if array.shape == self.shape else array
        Like(self.trained.layout).layout(array.shape[1:], array.dtype, "the body")
        return Taken(array, len(array), named)

    def _as_own(self, array: Array) -> Array:
        """Numbers of JSON in the type of the training data, unless that would change them."""
        whole = array.dtype.kind in "bui" or not (array != np.rint(array)).any()
        if self.dtype.kind == "f":
            return array.astype(np.float64)
        low, high = (0, 1) if self.dtype.kind == "b" else _ends(self.dtype)
        fits = whole and array.size and low <= array.min() and array.max() <= high
        return array.astype(self.dtype) if fits else array

    def _in_order(self, row: Mapping[str, Any], place: int) -> list[Any]:
        for name in row:
            known("column", name, self.columns)
        gone = [name for name in self.columns if row.get(name) is None]
        require(self.gaps or not gone, f"row {place} has no {', '.join(gone[:5])}")
        return [row.get(name) for name in self.columns]

    def give(self, rows: Any, kind: str, *, named: bool = True, notes: Sequence[str] = ()) -> Reply:
        """Lists, objects, or an array."""
        if kind == NPY:
            return in_npy(rows)
        return in_json({"rows": self._rows(rows, named=named)}, notes)

    def _rows(self, rows: Array, *, named: bool) -> list[Any]:
        if not (named and self.columns):
            return plain(rows)
        columns = {n: plain(v) for n, v in self.trained.config.by_column(rows).items()}
        each = zip(*columns.values(), strict=True)
        return [dict(zip(columns, row, strict=True)) for row in each]


def with_nan(rows: Any) -> Any:
    """Lists in each other with NaN where nothing is said."""
    if isinstance(rows, list):
        return [with_nan(each) for each in rows]
    return np.nan if rows is None else rows


def _ends(kind: np.dtype) -> tuple[int, int]:
    info = np.iinfo(kind)
    return int(info.min), int(info.max)


@dataclass(frozen=True)
class Pictures(Numbers):
    """Rows that are pictures: as numbers, or one as a PNG file."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """PNG too, where channels make colours."""
        drawable = self.trained.representation.shape[0] in MODES
        return (*super().kinds, PNG) if drawable else super().kinds

    def held(self, body: bytes, kind: str) -> Taken:
        """An array, or a picture of the model's size, whose black and white become the model's."""
        if kind != PNG:
            return super().held(body, kind)
        _check_size(body, self.trained.representation.shape[1:])
        return self._taken(picture_of(body, self.trained, tones(self.trained)))

    def give(self, rows: Any, kind: str, *, named: bool = True, notes: Sequence[str] = ()) -> Reply:
        """As PNG one picture as it is, several side by side in a sheet."""
        if kind != PNG:
            return super().give(rows, kind, named=named, notes=notes)
        shown = pictures(self.trained, rows)
        return Reply(png(to_image(shown[0]) if len(shown) == 1 else sheet(shown)), PNG)


def _check_size(body: bytes, size: tuple[int, ...]) -> None:
    """Raise ``BadInput`` for a picture of another height and width, before it is read whole."""
    with opened_picture(body) as found:
        there = found.height, found.width
    require(
        there == size,
        f"the model takes pictures of {size_text(size)} (height x width), this one is "
        f"{size_text(there)}",
    )


@dataclass(frozen=True)
class Cells:
    """Rows of a table of mixed columns: cells by the names of their columns.

    Args:
        trained: the model.
    """

    trained: Trained

    @property
    def kinds(self) -> tuple[str, ...]:
        """JSON alone."""
        return (JSON,)

    @cached_property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(coding_of(self.trained).schema.names)

    @property
    def schema(self) -> Schema:
        """Texts and numbers by name; what is not there, or null, is missing."""
        each = {
            column.name: {
                "type": ["string", "number", "boolean", "null"],
                "description": f"{column.kind}, such as {column.example}",
            }
            for column in coding_of(self.trained).schema.columns
        }
        return {"type": "object", "properties": each, "additionalProperties": False}

    @cached_property
    def example(self) -> Any:
        """A row that the model draws."""
        return _records(self.trained.sample(1, seed=0))[0]

    def listed(self, rows: list[Any]) -> Taken:
        """Objects; a category that was never seen counts as missing."""
        found = table_rows(rows, self.trained)
        return Taken(found, len(rows), named=True, notes=found.notes)

    def held(self, body: bytes, kind: str) -> Taken:
        """Nothing else holds cells.

        Raises:
            BadInput: always.
        """
        raise BadInput("rows of a table come in JSON")

    def give(self, rows: Any, kind: str, *, named: bool = True, notes: Sequence[str] = ()) -> Reply:
        """Objects."""
        return in_json({"rows": _records(rows)}, notes)


def _records(table: Any) -> list[dict[str, Any]]:
    """Rows of a table of pyarrow's, in words that JSON has."""
    columns = {name: [*map(_plain, table[name].to_pylist())] for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(cell: Any) -> str | int | float | None:
    """A cell: null where a number is not finite, a text where it is a date or the like."""
    cell = finite(cell)
    return cell if cell is None or isinstance(cell, str | int | float) else str(cell)
