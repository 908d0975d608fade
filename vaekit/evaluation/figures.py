"""Figures in groups, as people read them: a name, a value, its error, and what it is."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

MOST_DIGITS = 6


@dataclass(frozen=True)
class Figure:
    """One number with its name.

    Args:
        name: what it is called.
        value: the number.
        error: its standard error, where known.
        note: what a reader should know beside it.
    """

    name: str
    value: float
    error: float | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """The value with thousands grouped, and its error."""
        if isinstance(self.value, int):
            return f"{self.value:,}"
        if not self.error or not math.isfinite(self.error):
            return short(self.value)
        digits = min(max(1 - math.floor(math.log10(self.error)), 0), MOST_DIGITS)
        return with_minus(f"{self.value:z,.{digits}f} ± {self.error:,.{digits}f}")


@dataclass(frozen=True)
class Figures:
    """Some of them under a title that names their unit."""

    title: str
    each: tuple[Figure, ...]


class Findings(Protocol):
    """What was found of something, as people read it."""

    @property
    def verdict(self) -> str:
        """What it comes to, in words."""
        ...

    @property
    def figures(self) -> tuple[Figures, ...]:
        """The numbers, in groups."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        ...


class Card:
    """Findings that a notebook shows as a card."""

    def _repr_html_(self: Findings) -> str:
        return as_html(self)


def short(value: float) -> str:
    """A number in as many digits as a reader needs."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return with_minus(f"{value:,.2f}" if abs(value) >= 1 else f"{value:z.3g}")
    return with_minus(f"{value:.2e}")


def with_minus(number: str) -> str:
    """A number with the sign that people write for minus."""
    return number.replace("-", "−")


class Figured(Protocol):
    """What has figures."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""


def figures_of(*parts: Figured | None) -> tuple[Figure, ...]:
    """The figures of what is there."""
    return tuple(figure for part in parts if part is not None for figure in part.figures)


def named(names: Iterable[str], part: object | None) -> dict[str, Any]:
    """Numbers of a part by name; None where there is no such part."""
    return {name: None if part is None else getattr(part, name) for name in names}


def as_text(groups: Iterable[Figures]) -> str:
    """Groups as lines; values stand one below the other."""
    found = [group for group in groups if group.each]
    names = max((len(f.name) for group in found for f in group.each), default=0)
    wide = max((len(f.text) for group in found for f in group.each), default=0)
    lines = []
    for group in found:
        lines += ["", group.title]
        lines += [f"  {f.name:<{names}}  {f.text:<{wide}}  {f.note}".rstrip() for f in group.each]
    return "\n".join(lines[1:])


def told(found: Findings) -> str:
    """Words first, then figures."""
    return f"{found.verdict}\n\n{as_text(found.figures)}"


def as_html(found: Findings) -> str:
    """The same for a notebook: a paragraph, and a table of each group."""
    tables = []
    for group in (g for g in found.figures if g.each):
        rows = [html_row(("th", group.title))]
        rows += [html_row(("td", f.name), ("td", f.text), ("td", f.note)) for f in group.each]
        tables.append(f"<table>{''.join(rows)}</table>")
    return f"<p>{html.escape(found.verdict)}</p>{''.join(tables)}"


def html_row(*cells: tuple[str, str]) -> str:
    """A row of a table of HTML, its cells to the left: each a tag, th or td, and a text."""
    each = (f'<{tag} style="text-align:left">{html.escape(text)}</{tag}>' for tag, text in cells)
    return f"<tr>{''.join(each)}</tr>"
