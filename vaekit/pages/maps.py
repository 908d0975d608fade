"""Maps of codes: points that say what they are, and a legend that hides classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from vaekit.pages import html as page
from vaekit.pages.words import number
from vaekit.pictures.scatter import (
    PALETTE,
    RAMP,
    TOLD_APART,
    Frame,
    color_of,
    scatter,
    shape_of,
    swatch,
)
from vaekit.system.types import Array

PICTURES, SIDE = 600_000, 32  # numbers in all pictures of a map; pixels of one's side


@dataclass(frozen=True)
class Colouring:
    """What the colours of points tell.

    Args:
        kinds: (N,) the class of each point, from 0.
        names: of the classes; empty where they are steps of a scale.
        colors: of the classes.
        legend: HTML.
    """

    kinds: Array
    names: Sequence[str]
    colors: Sequence[str]
    legend: str = ""


@dataclass(frozen=True)
class Beside:
    """What a point shows when a reader comes near.

    Args:
        text: lines, for the first points.
        pictures: uint8, (N, H, W) or (N, H, W, C), of the first points; None if there are none.
    """

    text: Sequence[str] = ()
    pictures: Array | None = field(default=None, repr=False)


def by_label(labels: Array, names: Sequence[str]) -> Colouring:
    """A colour for each label, and shapes where there are more labels than colours; the most
    frequent ones come first in colours, and all in the legend as far as they can be told apart."""
    found = [kind for kind, _ in Counter(labels.tolist()).most_common()]
    shown = sorted(found[:TOLD_APART]) + found[TOLD_APART:]
    place = {kind: number for number, kind in enumerate(shown)}
    kinds = np.array([place[label] for label in labels.tolist()], dtype=int)
    called = [names[k] if 0 <= k < len(names) else str(k) for k in shown]
    marks = (
        f'<li data-kind="{n}">{swatch(color_of(n), shape_of(n))}{escape(name)}</li>'
        for n, name in enumerate(called[:TOLD_APART])
    )
    more = len(called) - TOLD_APART
    rest = f"<li>and {more} more, in colours that come again</li>" if more > 0 else ""
    return Colouring(kinds, called, PALETTE, f'<ul class="legend">{"".join(marks)}{rest}</ul>')


def by_value(values: Array, what: str) -> Colouring:
    """Ten steps of a scale, as many points in each."""
    edges = np.quantile(values, np.linspace(0, 1, len(RAMP) + 1)[1:-1])
    kinds = np.searchsorted(edges, values)
    ramp = f"linear-gradient(to right, {', '.join(RAMP)})"
    low, high = (number(float(v)) for v in np.quantile(values, (0.05, 0.95)))
    legend = (
        f'<ul class="legend"><li>{escape(what)}:</li><li>{low}</li>'
        f'<li><span class="ramp" style="display:block;background:{ramp}"></span></li>'
        f"<li>{high}</li></ul>"
    )
    return Colouring(kinds, [], RAMP, legend)


def plain(count: int) -> Colouring:
    """One colour for all."""
    return Colouring(np.zeros(count, int), [], PALETTE)


def mapped(
    points: Array,
    coloured: Colouring,
    axes: tuple[str, str],
    beside: Beside,
    *,
    title: str,
    caption: str,
    pale: Array | None = None,
    frame: Frame | None = None,
) -> str:
    """A figure of points.

    Args:
        points: (N, 2).
        coloured: by what.
        axes: names of the two.
        beside: what each point shows.
        title: what the picture shows, for those who cannot see it.
        caption: the same for all.
        pale: (N,) points that stay in the background.
        frame: what of the plane is drawn; by default all.
    """
    frame = frame or Frame.around(points)
    drawn = scatter(
        points, coloured.kinds, coloured.colors, title=title, axes=axes, pale=pale, frame=frame
    )
    x, y = np.round(frame.place(points)).astype(int).T.tolist()
    sprite, count = _sprite(beside.pictures)
    known = {
        "x": x, "y": y, "kind": coloured.kinds.tolist(), "names": list(coloured.names),
        "text": list(beside.text), "pictures": count,
    }  # fmt: skip
    parts = (drawn, coloured.legend, page.data(known), sprite)
    return page.figure(*parts, caption=caption, attributes=' class="mapped"')


def fit_in(pictures: int, numbers: int) -> int:
    """How many pictures of so many numbers a map has room for."""
    return min(pictures, max(PICTURES // numbers, 16))


def _sprite(pictures: Array | None) -> tuple[str, int]:
    """The pictures as one, hidden, and how many there are."""
    if pictures is None or not len(pictures):
        return "", 0
    from vaekit.pictures import data_uri, grid

    step = max(-(-max(pictures.shape[1:3]) // SIDE), 1)
    small = pictures[:, ::step, ::step]
    columns = max(int(np.ceil(np.sqrt(len(small)))), 1)
    sheet = page.Sheet(grid(small, columns, gap=0), (small.shape[2], small.shape[1]), columns, 0)
    uri = data_uri(sheet.image)
    return f'<img class="sprite" hidden alt=""{sheet.attribute} src="{uri}">', len(small)
