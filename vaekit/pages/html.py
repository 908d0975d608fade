"""HTML for reports: sections, figures, tables and tiles in one self-contained page.

Nothing of a page is fetched, and all of it can be read without its script, which lets a reader
hover, sort and slide.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image

from vaekit.pages.words import MINUS, signed
from vaekit.pictures import data_uri

FULL, HALF, THIRD = 1090, 520, 345  # pixels that a figure has
TALLEST, CRISP, SMALL = 640, 2, 260


@cache
def resource(name: str) -> str:
    """A file that is packaged beside this one."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page. Everything is inside: no script, no font, no picture is fetched."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{resource('page.css')}</style></head>"
        f"<body><main>{''.join(parts)}</main>"
        f"<script>{resource('page.js')}</script></body></html>\n"
    )


def heading(title: str, lead: str) -> str:
    """The page's title and its subtitle."""
    return f'<header><h1>{escape(title)}</h1><p class="lead">{escape(signed(lead))}</p></header>'


def section(title: str, *parts: str, text: str = "") -> str:
    """A titled part of the page; nothing if it would be empty."""
    body = "".join(parts)
    if not body:
        return ""
    lead = f"<p>{escape(signed(text))}</p>" if text else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{body}</section>"


def half(section: str, *, tall: bool = False) -> str:
    """A section that takes one half of the page where there is room; if ``tall``, two others stand
    beside it, one below the other."""
    kind = "half tall" if tall else "half"
    return section.replace("<section>", f'<section class="{kind}">', 1)


def tiles(values: Iterable[tuple[str, str]]) -> str:
    """Key numbers, large, each with what it is."""
    cells = (
        f'<div class="tile"><b>{_value(v)}</b><span>{escape(name)}</span></div>'
        for name, v in values
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def verdict(text: str, *, doubtful: bool = False) -> str:
    """The sentence that a hurried reader reads; of another colour where all is not well."""
    kind = "verdict doubtful" if doubtful else "verdict"
    return f'<p class="{kind}">{escape(signed(text))}</p>' if text else ""


def paragraph(text: str) -> str:
    """Plain words."""
    return f"<p>{escape(signed(text))}</p>" if text else ""


def link(text: str, address: str) -> str:
    """A paragraph that leads to another page."""
    return f'<p><a href="{escape(quote(address))}">{escape(signed(text))}</a></p>'


def warning(text: str) -> str:
    """A remark that should not be overlooked."""
    return f'<div class="warn" role="note">{escape(signed(text))}</div>'


def folded(title: str, *parts: str) -> str:
    """Parts that a reader opens."""
    return f"<details><summary>{escape(title)}</summary>{''.join(parts)}</details>"


def figure(*parts: str, caption: str = "", attributes: str = "") -> str:
    """Pictures or plots in a card, with what they show."""
    told = f"<figcaption>{escape(signed(caption))}</figcaption>" if caption else ""
    return f"<figure{attributes}>{''.join(parts)}{told}</figure>"


def plot(svg: str, caption: str, key: str = "") -> str:
    """A plot with what it shows."""
    return figure(svg, key, caption=caption)


def plots(svgs: Sequence[str], caption: str, key: str = "", *, small: bool = False) -> str:
    """Plots that stand side by side, or one below the other where there is less room."""
    kind = "figures small" if small else "figures"
    return figure(f'<div class="{kind}">{"".join(svgs)}</div>', key, caption=caption)


def key(entries: Iterable[tuple[str, str]]) -> str:
    """What the colours of a plot mean.

    Args:
        entries: pairs of a class of the style sheet (accent, second, ink, grey; box) and a name.
    """
    marks = (f'<li><span class="mark {kind}"></span>{escape(name)}</li>' for kind, name in entries)
    return f'<ul class="legend">{"".join(marks)}</ul>'


def swatches(entries: Iterable[tuple[str, str]]) -> str:
    """What the colours of lines mean: pairs of a colour and a name."""
    marks = (
        f'<li><span class="mark" style="background:{color}"></span>{escape(name)}</li>'
        for color, name in entries
    )
    return f'<ul class="legend">{"".join(marks)}</ul>'


@dataclass(frozen=True)
class Sheet:
    """Pictures in lines, and what is known of the cells: a reader can look at each.

    Args:
        image: all of them.
        size: (width, height) of a cell.
        columns: cells of a line.
        gap: pixels between cells.
    """

    image: Image.Image
    size: tuple[int, int]
    columns: int
    gap: int = 1

    @property
    def attribute(self) -> str:
        """For the script."""
        return f' data-cell="{self.size[0]} {self.size[1]} {self.gap} {self.columns}"'

    def html(self, caption: str, slot: int = FULL) -> str:
        """The picture as large as its place allows, its pixels crisp."""
        width, height = self.image.size
        place = min(slot, TALLEST * width / height)
        times = place / width
        kind = "sheet crisp" if times >= CRISP else "sheet"
        kind += " wide" if width > SMALL else ""
        shown = f"{place if times >= CRISP else min(width * max(times, 1.0), place):.0f}px"
        alt = escape(signed(caption), quote=True)
        return (
            f'<img class="{kind}"{self.attribute} src="{data_uri(self.image)}" alt="{alt}" '
            f'style="width:min(100%,{shown})">'
        )


def sheet(made: Sheet, caption: str, slot: int = FULL) -> str:
    """A sheet of pictures with what it shows."""
    return figure(made.html(caption, slot), caption=caption)


def sheets(made: Sequence[Sheet], caption: str, slot: int = HALF) -> str:
    """Sheets side by side, or one below the other where there is less room."""
    each = "".join(one.html(caption, slot) for one in made)
    return figure(f'<div class="sheets">{each}</div>', caption=caption)


def side_by_side(*parts: str) -> str:
    """Figures beside each other where there is room."""
    return f'<div class="side">{"".join(parts)}</div>'


def bars(values: Iterable[tuple[str, float, str, bool]]) -> str:
    """Bars with their names and numbers.

    Args:
        values: name, length, the number as text, and whether it is pale.
    """
    values = list(values)
    most = max((size for _, size, _, _ in values), default=0.0) or 1.0
    lines = (
        f'<div{" class=pale" if pale else ""}><span title="{escape(name, quote=True)}">'
        f"{escape(name)}</span>"
        f'<i style="width:{max(size, 0) / most:.1%}"></i><b>{escape(text)}</b></div>'
        for name, size, text, pale in values
    )
    return f'<div class="bars">{"".join(lines)}</div>'


def data(values: Any) -> str:
    """What the script reads."""
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    return f'<script type="application/json">{text}</script>'


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Args:
        text: what stands in it.
        kind: a class of the style sheet: number, before, again, best.
    """

    text: str
    kind: str = ""


def table(
    rows: Iterable[Iterable[str | Cell]],
    head: Iterable[str | tuple[str, int]] = (),
    *,
    sortable: bool = False,
) -> str:
    """A table.

    Args:
        rows: of cells, the first of which names its row; those that look like numbers stand to
            the right.
        head: names of columns, or a name and how many columns it stands above.
        sortable: whether a reader can sort it; then it needs a head.
    """
    lines = [[_cell(cell, first=not place) for place, cell in enumerate(row)] for row in rows]
    top, column = "", 0
    for name in head:
        text, span = name if isinstance(name, tuple) else (name, 1)
        right = ' class="number"' if lines and "number" in lines[0][column].split(">")[0] else ""
        way = " scope=colgroup" if span > 1 else " scope=col"
        wide = f" colspan={span}" if span > 1 else ""
        named = f"<th{wide}{way}{right}>{escape(text)}</th>" if text else "<td></td>"
        top, column = top + named, column + span
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in lines)
    kind = ' class="sortable"' if sortable else ""
    above = f"<thead><tr>{top}</tr></thead>" if top else ""
    return f'<div class="scroll"><table{kind}>{above}<tbody>{body}</tbody></table></div>'


def code(text: str, what: str = "") -> str:
    """A line to copy, and what it does."""
    told = f'<p class="note before">{escape(what)}</p>' if what else ""
    return f"<div>{told}<pre>{escape(text)}</pre></div>"


def items(texts: Iterable[str]) -> str:
    """A list."""
    entries = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{entries}</ul>" if entries else ""


def _value(text: str) -> str:
    """A number, large, and its error, less so."""
    value, sign, error = escape(text).partition(" ± ")
    return f"{value} <small>± {error}</small>" if sign else value


def _cell(cell: str | Cell, *, first: bool = False) -> str:
    text, kind = (cell.text, cell.kind) if isinstance(cell, Cell) else (cell, "")
    right = _is_number(text) and kind != "wide" and "number" not in kind
    kinds = f"{kind} number".strip() if right else kind
    tag, way = ("th", " scope=row") if first and text else ("td", "")
    named = f' class="{kinds}"' if kinds else ""
    return f"<{tag}{way}{named}>{escape(text)}</{tag}>"


def _is_number(text: str) -> bool:
    plain = text.split(" ± ")[0].replace(",", "").replace(MINUS, "-").strip("→% \N{NO-BREAK SPACE}")
    try:
        float(plain)
    except ValueError:
        return False
    return True
