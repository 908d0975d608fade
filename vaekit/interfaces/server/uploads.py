"""Rows that a person sends to the page: a picture, numbers, or cells."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from vaekit.data import Source
from vaekit.data.coded import coded
from vaekit.data.given_cells import text_rows
from vaekit.data.on_disk import in_memory
from vaekit.data.readers.roles import ColumnRoles
from vaekit.data.schema.corrections import NUMBERS
from vaekit.pages.words import MINUS
from vaekit.pictures import Tones
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, known, require
from vaekit.system.types import Array

MOST_PIXELS = 50_000_000
UNREADABLE = (
    UnidentifiedImageError,
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
)
GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def picture_of(sent: bytes | Mapping[str, Any], trained: Trained, tones: Tones | None) -> Array:
    """A picture file as one row, laid out as the model's: fitted into the model's size as a whole,
    black and white being the model's.

    Args:
        sent: bytes of a PNG, JPEG or the like.
        trained: the model.
        tones: the stored values of black and white; None for 0 and 255.

    Raises:
        BadInput: for anything else than a picture, or a model whose channels make no colours.
    """
    if not isinstance(sent, bytes):
        raise BadInput("send a picture, as PNG or JPEG")
    takes = trained.representation
    channels, height, width = takes.shape
    require(channels in MODES, f"pictures of {channels} channels cannot be dropped or drawn")
    with opened_picture(sent) as found:
        require(found.width * found.height <= MOST_PIXELS, "the picture is too large")
        whole = ImageOps.exif_transpose(found).convert("RGBA")
    shown = _fitted(whole, MODES[channels], (width, height))
    low, high = tones or (0.0, 255.0)
    values = low + np.asarray(shown, np.float64).reshape(height, width, channels) / 255 * (
        high - low
    )
    kind = np.dtype(takes.dtype)
    stored = np.moveaxis(values, 2, 0)[None]
    return trained.layout.give((stored if kind.kind == "f" else stored.round()).astype(kind))


@contextmanager
def opened_picture(sent: bytes) -> Iterator[Image.Image]:
    """A picture file, whose pixels are not read yet.

    Args:
        sent: its bytes.

    Raises:
        BadInput: where it is none, also once its pixels are read inside.
    """
    try:
        with Image.open(io.BytesIO(sent)) as found:
            yield found
    except BadInput:
        raise
    except UNREADABLE as error:
        raise BadInput("this is no picture that can be read, or only a part of one") from error


def _fitted(whole: Image.Image, mode: str, size: tuple[int, int]) -> Image.Image:
    """The picture in a size, all of it, on the colour of its corner; transparent is black."""
    if mode != "RGBA":
        under = Image.new("RGBA", whole.size, (0, 0, 0, 255))
        whole = Image.alpha_composite(under, whole).convert(mode)
    if whole.size == size:
        return whole
    corner: Any = whole.getpixel((0, 0))
    how = Image.Resampling.BOX if _is_larger(whole, size) else Image.Resampling.BICUBIC
    return ImageOps.pad(whole, size, how, color=corner)


def _is_larger(whole: Image.Image, size: tuple[int, int]) -> bool:
    return whole.width >= size[0] and whole.height >= size[1]


def numbers_of(sent: bytes | Mapping[str, Any], columns: Sequence[str], trained: Trained) -> Array:
    """{"values": [...]} as one row, laid out as the model's.

    Raises:
        BadInput: for anything else than one finite number for each column.
    """
    values = sent.get("values") if isinstance(sent, Mapping) else None
    require(isinstance(values, list), 'send {"values": [...]}')
    assert isinstance(values, list)
    require(
        len(values) == len(columns),
        f"send {len(columns)} values, one for each column, not {len(values)}",
    )
    for name, value in zip(columns, values, strict=True):
        fine = isinstance(value, int | float) and not isinstance(value, bool)
        require(fine and abs(value) < 1e300, f"{name} must be a number, not {value!r}")
    row = np.array([values], np.float64)
    return trained.layout.give(row)


def cells_of(sent: bytes | Mapping[str, Any], trained: Trained) -> Source:
    """{"cells": {column: text or null}} as a row of a table: a source of one row. With {"row":
    number} it is that one of the model's rows, but for the cells that are said.

    Raises:
        BadInput: for a column that is not there, or a value that it cannot have.
    """
    cells = sent.get("cells") if isinstance(sent, Mapping) else None
    require(isinstance(cells, dict), 'send {"cells": {column: value}}')
    assert isinstance(cells, dict)
    assert isinstance(sent, Mapping)
    coding = coding_of(trained)
    numbers = {column.name for column in coding.schema.columns if column.kind in NUMBERS}
    cells = {n: _as_read(v) if n in numbers else v for n, v in cells.items()}
    found = table_rows([cells], trained, "the row")
    coding.row_of({name: value for name, value in cells.items() if value is not None})
    return found if sent.get("row") is None else _edited(found, [*cells], sent["row"], trained)


def _as_read(value: Any) -> Any:
    """A number as the page shows it, with a proper minus and groups of three digits, as one that
    is read."""
    if not isinstance(value, str):
        return value
    plain = value.replace(MINUS, "-")
    return plain.replace(",", "") if GROUPED.fullmatch(plain) else plain


def _edited(said: Source, names: Sequence[str], row: Any, trained: Trained) -> Source:
    """One of the model's rows, some of whose cells are those of another."""
    rows, coding = trained.source, coding_of(trained)
    fine = rows is not None and isinstance(row, int) and 0 <= row < len(rows)
    require(fine, "row must be the number of a row")
    assert rows is not None
    own = rows.take(torch.tensor([row]))
    assert own.table is not None
    assert said.table is not None
    named = torch.tensor([n in names for n in (*coding.gaps, *coding.schema.names)])
    values = torch.where(named, in_memory(said.values), in_memory(own.values))
    there = {True: said.table.columns, False: own.table.columns}
    columns = {n: there[n in names][n] for n in coding.schema.names}
    return replace(said, values=values, table=replace(said.table, columns=columns), inside=None)


def table_rows(rows: Sequence[Any], trained: Trained, name: str = "the body") -> Source:
    """Rows of a table, cells by the names of their columns; what is not there, or None, is missing.

    Args:
        rows: the cells of each.
        trained: a model of a table.
        name: what people call the rows.

    Raises:
        BadInput: for a column that is not there, or a cell that is no text and no number.
    """
    require(len(rows) > 0, "there are no rows")
    schema = coding_of(trained).schema
    numbers = {column.name for column in schema.columns if column.kind in NUMBERS}
    for place, row in enumerate(rows):
        require(isinstance(row, dict), f"row {place} is no object of cells by their columns' names")
        for column, value in row.items():
            known("column", column, schema.order)
            plain = value is None or isinstance(value, str | int | float)
            require(plain, f"row {place}: {column} must be a text, a number or null")
            fine = column not in numbers or not isinstance(value, bool)
            require(fine, f"row {place}: {column} = {value} is no number")
    said = {*schema.names}.union(*rows)
    columns = tuple(name for name in schema.order if name in said)
    table, roles = text_rows(rows, columns, name), ColumnRoles(x=columns)
    return coded(table, roles, coding_of(trained), allow_missing=True)
