"""What the columns of a table are, found by looking at all their cells."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers import columns as cells_of
from vaekit.data.readers.dialect import MISSING, if_missing
from vaekit.data.schema import bins
from vaekit.data.schema.arrow_types import is_known
from vaekit.data.schema.cells import TEXT, Cells
from vaekit.data.schema.codings import NumberCoding
from vaekit.data.schema.columns import ColumnSchema
from vaekit.data.schema.corrections import NOTHING_SAID, NUMBERS, Said
from vaekit.data.schema.forms import Form, Moments, Plain
from vaekit.data.schema.grids import coarse_note
from vaekit.data.schema.looked import Found, Looked, distinct, modelled, text_of
from vaekit.data.schema.odd import code_note, codes_among, odd_note, odd_texts
from vaekit.data.schema.pieces import FARTHEST
from vaekit.data.schema.spellings import spelling_of
from vaekit.data.schema.telling import tell
from vaekit.data.schema.words import ENOUGH, ZERO, category_of, words_of
from vaekit.data.schema.written import Dates, Units, units_of
from vaekit.system.checks import require
from vaekit.system.types import Array

ID = re.compile(r"(?i)(.*[_ .-])?(id|uuid|guid|key|index|row)|.*[a-z]I[Dd]|rownames")


def column_of(cells: Cells, rows: Array | None, said: Said, among: int = 0) -> Found:
    """What a column is, and its levels.

    Args:
        cells: all of them, as they were read.
        rows: of training, by number; None for all.
        said: what a person says of it.
        among: how many rows the column has, where these are only some that stand for them.

    Raises:
        BadInput: where what is said cannot be.
    """
    cells = replace(cells, more=said.missing) if said.missing else cells
    if cells.is_text and (kept := _kept(cells)):
        cells = replace(cells, kept=kept)
    looked = Looked(cells, rows, said, among)
    stored = cells.column.type
    if said.type in ("identifier", "text"):
        return looked.aside(said.type, "as the schema says")
    if not is_known(stored):
        return looked.aside("text", f"it holds values of type {stored}"[:60])
    if _is_empty(looked):
        require(said.type is None, f"{looked.refuse('has no values')}, so it is no {said.type}")
        return looked.aside("empty", "all its cells are missing")
    if said.type == "constant":
        return _constant(looked) or _most_frequent(looked)
    found = _constant(looked) if said == NOTHING_SAID else None
    return found or _without_odd(looked) or TYPED[said.type](looked)


def _without_odd(looked: Looked) -> Found | None:
    """Numbers or moments, where all but a few odd cells are that; else None."""
    said, cells = looked.said, looked.cells
    if not cells.is_text or pa.types.is_dictionary(cells.column.type):
        return None
    if said.type or said.levels or not (odd := odd_texts(looked)):
        return None
    fewer = replace(said, missing=(*said.missing, *odd))
    found = _as_said(replace(looked, said=fewer, cells=replace(cells, more=fewer.missing)))
    kind = found.column.kind
    if kind not in (*NUMBERS, "time"):
        return None
    return Found(found.column, (*found.notes, odd_note(looked, odd, kind)))


def _kept(cells: Cells) -> tuple[str, ...]:
    """Usual marks of missing cells that are values in this column: the minus beside a plus, and
    words in a column that has other gaps."""
    if not cells.is_file and cells.plain.null_count:
        return tuple(mark for mark in MISSING if mark.strip())
    values = cells.text.values
    return ("-",) if len(values) == 1 and values[0].as_py() == "+" else ()


def _is_empty(looked: Looked) -> bool:
    cells = looked.cells
    if cells.is_text:
        return not len(cells.text.values)
    return cells.plain.null_count == len(cells) or bool(
        pa.types.is_floating(cells.plain.type)
        and pc.all(pc.is_null(cells.plain, nan_is_null=True)).as_py()
    )


def _constant(looked: Looked) -> Found | None:
    """A column that holds one value everywhere; None for another."""
    cells = looked.cells
    if cells.is_text:
        only = len(cells.text.values) == 1 and bool((cells.text.rows >= 0).all())
        first = cells.text.values
    else:
        only = not cells.plain.null_count and len(pc.unique(cells.plain.slice(0, 1000))) == 1
        first = cells.plain.slice(0, 1).combine_chunks()
        only = only and bool(pc.all(pc.equal(cells.plain, first[0]), min_count=0).as_py())
    return looked.aside("constant", "all its cells are the same", text_of(first)) if only else None


def _most_frequent(looked: Looked) -> Found:
    """A constant because a person says so."""
    values, rows = distinct(looked)
    at = int(np.argmax(np.bincount(rows[rows >= 0])))
    return looked.aside("constant", "as the schema says", text_of(values.slice(at, 1)))


def _guessed(looked: Looked) -> Found:
    """By its type, or what all its texts say."""
    stored = looked.cells.column.type
    if pa.types.is_dictionary(stored):
        return words_of(looked) if not stored.ordered else category_of(looked, "ordered")
    if looked.cells.is_text:
        return _guessed_text(looked)
    if pa.types.is_boolean(stored):
        return category_of(looked, "boolean")
    if pa.types.is_temporal(stored):
        return _numbers(looked, Moments(stored), "time")
    if pa.types.is_decimal(stored):
        values, _ = distinct(looked)
        if not tell(values.cast(TEXT), values, exact=False):
            return words_of(looked)
    return _identifier(looked) or _numbers(looked, Plain(stored))


def _guessed_text(looked: Looked) -> Found:
    values = looked.cells.text.values
    typed = looked.cells.counted.type
    if pa.types.is_boolean(typed) and len(values) <= 2:
        return category_of(looked, "boolean")
    if _counts(values, typed) and tell(values, looked.cells.counted):
        return _identifier(looked) or _numbers(looked, _digits(looked, typed))
    if spelling := spelling_of(values):
        found = _numbers(looked, Dates(looked.cells.plain.type, spelling), "time")
        return _with_note(found, looked, spelling.order) if spelling.unsure else found
    if units := _units(looked):
        return _numbers(looked, units)
    return words_of(looked)


def _counts(values: pa.Array, typed: pa.DataType) -> bool:
    """Whether texts are numbers to count with: codes that begin with 0 are none."""
    if not cells_of.is_number(typed) or pa.types.is_boolean(typed):
        return False
    return not pc.any(pc.match_substring_regex(values, ZERO)).as_py()


def _units(looked: Looked, *, bare: bool = False) -> Units | None:
    cells = looked.cells
    return units_of(cells.text.values, cells.plain.type, cells.dialect.decimal, bare=bare)


def _digits(looked: Looked, typed: pa.DataType) -> Form:
    """Of digits alone: numbers where a file of text holds them, else text as it was."""
    written = None if looked.cells.is_file else _units(looked, bare=True)
    return written or Plain(_held(typed))


def _held(kind: pa.DataType) -> pa.DataType:
    """The type of numbers out of text: such as a file of them has."""
    return kind if not pa.types.is_decimal(kind) else pa.decimal128(38, kind.scale)


def _with_note(found: Found, looked: Looked, order: str) -> Found:
    words = {"d": "day", "m": "month", "y": "year"}
    said = " ".join(words[letter] for letter in order)
    note = (
        f'column {looked.name!r}: dates are read as {said} (otherwise: order = "..." in a schema)'
    )
    return Found(found.column, (*found.notes, note))


def _identifier(looked: Looked) -> Found | None:
    """Whole numbers, each once, without a gap between them, or called an identifier."""
    column = looked.cells.numbers()
    if not pa.types.is_integer(column.type) or column.null_count or len(column) < ENOUGH:
        return None
    ends = pc.min_max(column).as_py()
    span = ends["max"] - ends["min"] + 1
    named, rows = ID.fullmatch(looked.name) is not None, looked.among or len(column)
    if span < rows or not (named or span == rows):
        return None
    if len(pc.unique(column)) < len(column):
        return None
    return looked.aside(
        "identifier", "it numbers the rows" if span == rows else "it names the rows"
    )


def _numbers(looked: Looked, form: Form, kind: str | None = None) -> Found:
    """Numbers and moments."""
    numbers, gaps = form.read(looked.cells)
    _check_sizes(looked, numbers, gaps)
    said = looked.said
    grid = form.grid(numbers[~gaps], 0 if said.type == "whole" else said.decimals)
    x, seen = grid.x(numbers), ~looked.training(gaps)
    inner = looked.training(x)[seen]
    inner = inner if len(inner) else x[~gaps]
    low, high = (v if v is None else grid.unit(v * form.unit) for v in (said.min, said.max))
    inner = np.clip(inner, -np.inf if low is None else low, np.inf if high is None else high)
    levels = bins.levels_of(inner, whole=grid.whole, asked=bins.Asked(said.bins, low, high))
    whole = grid.decimals == 0 and not (grid.step % form.unit or grid.origin % form.unit)
    kind = kind or ("whole" if whole and said.type != "number" else "number")
    notes = (*_infinite(looked), *coarse_note(looked.name, grid, numbers[~gaps]))
    if kind != "time":
        notes += tuple(code_note(looked, form.show(v), n) for v, n in codes_among(numbers[~gaps]))
    return modelled(looked, kind, NumberCoding(form, grid, levels), gaps, notes)


def _check_sizes(looked: Looked, numbers: Array, gaps: Array) -> None:
    """Raise ``BadInput`` for a number whose square would be infinite, saying where."""
    odd = ~gaps & (np.abs(numbers) > FARTHEST) if numbers.dtype.kind == "f" else gaps[:0]
    if odd.any():
        row = int(odd.argmax())
        looked.cells.refuse(
            row,
            f"which is too large to count with (beyond {FARTHEST:.0e}); "
            f"{if_missing(looked.cells.plain[row].as_py())}; else divide the column",
        )


def _infinite(looked: Looked) -> tuple[str, ...]:
    """How many numbers are infinite, in words."""
    column = looked.cells.plain
    if looked.cells.is_text and not pa.types.is_floating(looked.cells.counted.type):
        return ()
    column = looked.cells.numbers() if looked.cells.is_text else column
    if not pa.types.is_floating(column.type):
        return ()
    count = pc.sum(pc.is_inf(column)).as_py() or 0
    numbers = "infinite number is" if count == 1 else "infinite numbers are"
    note = f"column {looked.name!r}: {count:,} {numbers} taken as missing"
    return (note,) if count else ()


def _as_number(looked: Looked) -> Found:
    """Numbers because a person says so.

    Raises:
        BadInput: where they are none, saying where.
    """
    stored = looked.cells.column.type
    if not looked.cells.is_text:
        if pa.types.is_temporal(stored):
            raise looked.refuse('holds dates or times: type = "time"')
        looked.cells.numbers()
        return _numbers(looked, Plain(cells_of.value_type(stored)), looked.said.type)
    typed = looked.cells.counted.type
    units = None if cells_of.is_number(typed) else _units(looked)
    if units is None:
        typed = looked.cells.numbers().type
    return _numbers(looked, units or _digits(looked, typed), looked.said.type)


def _as_time(looked: Looked) -> Found:
    """Moments because a person says so."""
    stored = looked.cells.column.type
    if pa.types.is_temporal(stored):
        return _numbers(looked, Moments(stored), "time")
    if looked.cells.is_text:
        spelling = spelling_of(looked.cells.text.values, looked.said.order)
        if spelling:
            return _numbers(looked, Dates(looked.cells.plain.type, spelling), "time")
    raise looked.refuse(
        "does not hold dates or times that can be read; write them as 2024-12-31 or 31/12/2024"
    )


def _as_boolean(looked: Looked) -> Found:
    values, _ = distinct(looked)
    if len(values) > 2:
        raise looked.refuse(f"has {len(values):,} different values, so it is not boolean")
    return category_of(looked, "boolean")


def _as_said(looked: Looked) -> Found:
    """No type is said, but something else."""
    said = looked.said
    if said.levels:
        return category_of(looked, "category")
    if said.order:
        return _as_time(looked)
    if any(v is not None for v in (said.bins, said.decimals, said.min, said.max)):
        found = _guessed(looked)
        modelled = isinstance(found.column, ColumnSchema) and found.column.kind in (
            *NUMBERS,
            "time",
        )
        return found if modelled else _as_number(looked)
    return _guessed(looked)


TYPED: dict[str | None, Any] = {
    None: _as_said,
    "number": _as_number,
    "whole": _as_number,
    "category": lambda looked: category_of(looked, "category"),
    "ordered": lambda looked: category_of(looked, "ordered"),
    "boolean": _as_boolean,
    "time": _as_time,
}
