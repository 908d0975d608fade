"""Cells that a person gives by the names of their columns: as text, and whether they can be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from vaekit.data.readers.columns import Place
from vaekit.data.readers.tables import Table
from vaekit.data.schema import TableSchema
from vaekit.data.schema.categories import texts
from vaekit.data.schema.cells import Cells
from vaekit.data.schema.columns import ColumnSchema, SetAside
from vaekit.data.schema.corrections import NUMBERS
from vaekit.system.checks import BadInput, known, require

MOST_LISTED = 20
NOTHING = ("nan", "NaT", "<NA>", "None")  # what pandas, NumPy and Python call a missing cell
NOUNS = {
    "number": "numbers",
    "whole": "numbers",
    "time": "dates or times (of which day and month are told apart)",
    "boolean": "true and false",
}


def one_row(given: Mapping[str, Any], name: str = "what is given") -> Table:
    """Values by the names of their columns, as the text of a table of one row.

    Args:
        given: the values; None where one is missing.
        name: what the table is called.
    """
    return text_rows([given], list(given), name)


def text_rows(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], name: str = "what is given"
) -> Table:
    """Rows of values by the names of their columns, as the text of a table.

    Args:
        rows: the values; where one is missing nothing, None, or NaN.
        columns: names of them all.
        name: what the table is called.
    """
    found = {c: pa.array([_text(row.get(c)) for row in rows], pa.string()) for c in columns}
    return Table(Place(name), {c: pa.chunked_array([t]) for c, t in found.items()})


def _text(value: Any) -> str | None:
    """A cell as text, None where it is no text and says that it is missing."""
    text = str(value)
    return None if text in NOTHING and not isinstance(value, str) else text


def check_given(given: Mapping[str, Any], schema: TableSchema) -> None:
    """Raise ``BadInput`` for a given value that no cell of its column can hold, or that lies far
    from all that training rows hold.

    Args:
        given: values of columns by name.
        schema: of the columns.
    """
    columns, row = {column.name: column for column in schema.columns}, one_row(given)
    aside = {one.name: one for one in schema.aside}
    for name, value in given.items():
        known("column", name, [*columns, *aside])
        single = isinstance(value, str) or not isinstance(value, Collection)
        require(
            single or getattr(value, "ndim", None) == 0,
            f"given: {name} takes one value, which all rows then have, not "
            f"{' '.join(repr(value).split())[:60]}: ask for the rows of each value by themselves",
        )
        if name in columns:
            _check_cell(columns[name], row)
        else:
            _check_aside(aside[name], row)


def _check_aside(one: SetAside, table: Table) -> None:
    """Raise ``BadInput`` unless a cell of a column that is set aside is as in all new rows."""
    require(one.comes_back, f"given: column {one.name!r} is set aside ({one.kind}): leave it out")
    cells = Cells.of(table, one.name, more=one.said.missing)
    gone = bool(cells.missing[0])
    fine = gone == (one.value is None) and not one.departing(cells)[0]
    require(fine, f"given: column {one.name!r} {one.always}: leave it out")


def _check_cell(column: ColumnSchema, table: Table) -> None:
    cells = column.cells(Cells.of(table, column.name))
    value = cells.plain[0].as_py()
    try:
        column.coding.keys(cells)
        unseen = bool(column.coding.codes(cells)[1][0])
        why = column.coding.why_not(cells)
    except BadInput as error:
        noun = NOUNS.get(column.kind, "categories that are no text")
        point = ": write a decimal point" if column.kind in NUMBERS and "," in value else ""
        raise BadInput(
            f"given: {column.name} is a column of {noun}, such as {column.example}, and "
            f"{value!r} is none{point}"
        ) from error
    require(not why, f"given: {column.name} = {value} {why}")
    if unseen:
        raise BadInput(
            f"given: column {column.name!r} = {value!r} is a category that the model has not seen"
            f"{_possible(column)}"
        )


def _possible(column: ColumnSchema) -> str:
    """What a column of categories may hold, where that is not too much."""
    found = texts(column.coding.levels.values)  # type: ignore[attr-defined]
    return f"; choose from: {', '.join(found)}" if len(found) <= MOST_LISTED else ""
