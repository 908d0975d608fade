"""Models beside each other: a column for each, a line for each property."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from vaekit.pages import html as page
from vaekit.pages.words import number

NOTHING = "\N{EN DASH}"
Line = tuple[str, Sequence[str | page.Cell]]  # the name of a property, and each model's
SMALL_MAP = 22.0  # size of letters of a map that has a column to itself


def grid(names: Sequence[str], lines: Iterable[tuple[str, str, list[str]]]) -> str:
    """Figures of models under a common head, each line with one caption.

    Args:
        names: of the models.
        lines: title, caption, and a figure for each model.
    """
    parts = []
    for title, caption, figures in lines:
        heads = "".join(f"<h3>{escape(name)}</h3>" for name in names)
        style = f'class="models" style="--models:{len(names)}"'
        shown = f"<div {style}>{heads}{''.join(figures)}</div>"
        parts.append(page.section(title, shown, text=caption))
    return "".join(parts)


def properties(names: Sequence[str], rows: Iterable[Line]) -> str:
    """A table with a column for each model and a line for each property."""
    lines = ([page.Cell(name), *map(_right, values)] for name, values in rows)
    return page.table(lines, ["", *names])


def _right(value: str | page.Cell) -> page.Cell:
    """The same to the right, as numbers are."""
    cell = value if isinstance(value, page.Cell) else page.Cell(value)
    return page.Cell(cell.text, f"{cell.kind} number".strip())


def best(
    values: Sequence[float | None],
    texts: Sequence[str | None] = (),
    *,
    high: bool = False,
    comparable: bool = True,
) -> list[page.Cell]:
    """Numbers as cells, the best of them bold.

    Args:
        values: of the models; None where one has none.
        texts: how they are written, if not as numbers are.
        high: whether a high one is good.
        comparable: whether they can be compared at all.
    """
    known = [v for v in values if v is not None]
    first = (max if high else min)(known) if comparable and len(known) > 1 else None
    shown = [*texts] or [None if v is None else number(v) for v in values]
    return [
        page.Cell(text or NOTHING, "best" if value is not None and value == first else "")
        for value, text in zip(values, shown, strict=True)
    ]
