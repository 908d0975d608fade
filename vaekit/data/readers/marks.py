"""Marks of decimals and of thousands in a text table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from vaekit.data.readers.dialect import Dialect
from vaekit.system.checks import BadInput

PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(?i:inf|infinity|nan)")
DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}")
NUMBERLIKE = re.compile(
    r"[+-]?[.,]?\d[\d.,'\u00a0\u202f]*([eE][+-]?\d+)?|[+-]?\d{1,3}( \d{3})+([.,]\d+)?"
)
NEARLY_ALL = 0.99
GROUPING = "'\u00a0\u202f "
WITH_UNIT = re.compile(
    r"[+-]?([^\w.,+-]|[A-Z]{3}\s)?\s?(?P<number>\d[\d.,]*)\s?[^\d.,;:/()-]{0,16}"
)
BY_COMMA = re.compile(r"(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")
BY_POINT = re.compile(r"(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")


def decimals(asked: Dialect, rows: Sequence[Sequence[str]]) -> Dialect:
    """The marks of decimals and of thousands.

    Args:
        asked: what is known of how a table is written.
        rows: of its cells.
    """
    cells = [cell.strip() for row in rows for cell in row]
    numbers = [c for c in cells if NUMBERLIKE.fullmatch(c) and not DATE.fullmatch(c)]
    decimal = asked.decimal or _decimal(asked, numbers)
    if not asked.decimal and not any(map(_has_point, numbers)) and _units_have_commas(asked, rows):
        decimal = ","
    other = "." if decimal == "," else ","
    for mark in (other, *GROUPING):
        held = [cell for cell in numbers if mark in cell]
        if held and mark != asked.separator and all(map(_grouped(mark, decimal).fullmatch, held)):
            return asked.completed(decimal=decimal, thousands=mark)
    return asked.completed(decimal=decimal, thousands="")


def _decimal(asked: Dialect, numbers: Sequence[str]) -> str:
    commas = [cell for cell in numbers if "," in cell]
    if not commas or asked.thousands == ",":
        grouped = [cell for cell in numbers if re.fullmatch(r"[+-]?\d{1,3}(\.\d{3}){2,}", cell)]
        return "," if grouped or asked.thousands == "." else "."
    grouped = [cell for cell in commas if _grouped(",", ".").fullmatch(cell)]
    if len(grouped) < len(commas):
        return ","
    points = any("." in cell and PLAIN.fullmatch(cell) for cell in numbers)
    if points or any(cell.count(",") > 1 or "." in cell for cell in grouped):
        return "."
    if asked.separator == ";":
        return ","
    plain = grouped[0].replace(",", "")
    raise BadInput(
        f"{grouped[0]!r} can be {plain} or {grouped[0].replace(',', '.')}: say which with "
        "--thousands , or --decimal , (in Python thousands=',' or decimal=',')"
    )


def _grouped(mark: str, decimal: str) -> re.Pattern[str]:
    """Numbers whose thousands are grouped."""
    return re.compile(rf"[+-]?[1-9]\d{{0,2}}({re.escape(mark)}\d{{3}})+({re.escape(decimal)}\d*)?")


def _has_point(number: str) -> bool:
    """Whether it can be read by a decimal point alone."""
    return "." in number and not BY_COMMA.fullmatch(number.lstrip("+-"))


def _units_have_commas(asked: Dialect, rows: Sequence[Sequence[str]]) -> bool:
    """Whether numbers with units ("1.234,50 €", "12,5 kg") have decimal commas: some columns can be
    read so alone, and none by a point alone."""
    found = [
        (all(map(BY_COMMA.fullmatch, column)), all(map(BY_POINT.fullmatch, column)))
        for column in _columns_with_units(asked, rows)
    ]
    return any(comma and not point for comma, point in found) and not any(
        point and not comma for comma, point in found
    )


def _columns_with_units(asked: Dialect, rows: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """The numbers of each column that hardly holds a cell but numbers, a unit beside some."""
    for place in range(max(map(len, rows), default=0)):
        cells = [row[place].strip() for row in rows if len(row) > place]
        cells = [cell for cell in cells if cell not in asked.marks]
        read = list(map(WITH_UNIT.fullmatch, cells))
        numbers = [one["number"] for one in read if one]
        plain = sum(map(bool, map(NUMBERLIKE.fullmatch, cells)))
        if numbers and len(numbers) >= NEARLY_ALL * len(cells) and plain < len(numbers):
            yield numbers
