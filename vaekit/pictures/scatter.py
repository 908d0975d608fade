"""Points in a plane as SVG that stays small: one path for each class of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from vaekit.system.types import Array

PALETTE = (
    "#4c78d8", "#e8803c", "#3fa66b", "#d9534f", "#9a6fd0",
    "#a0714f", "#e07bb5", "#8a8f98", "#b5a53a", "#36b1c4",
)  # fmt: skip
RAMP = (
    "#482878", "#443a83", "#3e4a89", "#35608d", "#2a788e",
    "#21918c", "#2fb47c", "#5ec962", "#a5db36", "#e2cf1c",
)  # fmt: skip
SHAPES = (
    "m-{r} 0a{r} {r} 0 1 0 {d} 0a{r} {r} 0 1 0-{d} 0z",  # disc
    "m-{r}-{r}h{d}v{d}h-{d}z",  # square
    "m0-{R}l{R} {d}h-{D}z",  # triangle
    "m0-{R}l{R} {R}-{R} {R}-{R}-{R}z",  # diamond
)
TOLD_APART = len(PALETTE) * len(SHAPES)
WIDTH, RIGHT, TOP = 520.0, 12.0, 10.0
DIGIT = 0.6  # width of a digit, as a share of the size of letters
TEXT = 15.0  # units of the drawing, which is WIDTH of them wide


@dataclass(frozen=True)
class Frame:
    """The part of a plane that is drawn, with one scale for both axes.

    Args:
        low: (2,) the smallest coordinates.
        high: (2,) the largest ones.
        text: size of letters in units of the drawing: larger for a smaller place.
    """

    low: Array
    high: Array
    text: float = TEXT

    @classmethod
    def around(
        cls, points: Array, text: float = TEXT, tallest: float = 1.0, flattest: float = 0.6
    ) -> Frame:
        """One that holds all points.

        Args:
            points: (N, 2).
            text: size of letters.
            tallest: height over width that it has at most.
            flattest: and at least.
        """
        low, high = points.min(0).astype(float), points.max(0).astype(float)
        span, middle = np.maximum(high - low, 1e-9) * 1.08, (low + high) / 2
        if span.max() <= 1e-8:
            span = np.ones(2)
        span[0] = max(span[0], span[1] / tallest)
        span[1] = max(span[1], span[0] * flattest)
        return cls(middle - span / 2, middle + span / 2, text)

    @property
    def left(self) -> float:
        """Room for numbers and a name on the left."""
        longest = max((len(_tick(t)) for t in _ticks(self.low[1], self.high[1])), default=0)
        return max(3.5, 2.0 + DIGIT * longest) * self.text

    @property
    def bottom(self) -> float:
        """Room for them below."""
        return 3.1 * self.text

    @property
    def scale(self) -> float:
        """Units of the drawing for one of the plane."""
        return float((WIDTH - self.left - RIGHT) / (self.high - self.low)[0])

    @property
    def height(self) -> float:
        """Of the drawing."""
        return float((self.high - self.low)[1] * self.scale) + TOP + self.bottom

    def place(self, points: Array) -> Array:
        """Where points lie in the drawing, (N, 2)."""
        x = self.left + (points[:, 0] - self.low[0]) * self.scale
        y = TOP + (self.high[1] - points[:, 1]) * self.scale
        return np.stack([x, y], 1)


def color_of(kind: int) -> str:
    """The colour of a class."""
    return PALETTE[kind % len(PALETTE)]


def shape_of(kind: int) -> int:
    """The shape of a class: colours come again in another one."""
    return kind // len(PALETTE) % len(SHAPES)


def scatter(
    points: Array,
    kinds: Array,
    colors: Sequence[str],
    *,
    title: str,
    axes: tuple[str, str],
    pale: Array | None = None,
    frame: Frame | None = None,
) -> str:
    """An ``<svg>`` element of points; those of a class are one group, with the attribute
    ``data-kind``.

    Args:
        points: (N, 2).
        kinds: (N,) the class of each, from 0.
        colors: of the classes; if there are more classes they come again in other shapes.
        title: what the picture shows, for those who cannot see it.
        axes: names of the two.
        pale: (N,) which of them stay in the background.
        frame: what is drawn; by default all.
    """
    frame = frame or Frame.around(points)
    places, pale = frame.place(points), np.zeros(len(points), bool) if pale is None else pale
    radius = 2.2 if len(points) > 2500 else 3.0 if len(points) > 600 else 4.0
    groups = []
    for back in (True, False):
        for kind in np.unique(kinds):
            chosen = places[(kinds == kind) & (pale == back)]
            if len(chosen):
                drawn = _path(chosen, shape_of(int(kind)), radius * (0.8 if back else 1.0))
                color = colors[int(kind) % len(colors)]
                style = f'fill="{color}" fill-opacity="{0.3 if back else 0.8}"'
                groups.append(f'<g data-kind="{kind}" {style}><path d="{drawn}"/></g>')
    return (
        f'<svg class="map" role="img" aria-label="{escape(title, quote=True)}" '
        f'viewBox="0 0 {WIDTH:g} {frame.height:.0f}">{_axes(frame, axes)}{"".join(groups)}'
        '<circle class="ring" r="8"/></svg>'
    )


def swatch(color: str, shape: int) -> str:
    """The mark of a class, for a legend."""
    drawn = _path(np.array([[10.0, 10.0]]), shape, 6.5)
    return f'<svg viewBox="0 0 20 20" aria-hidden="true"><path fill="{color}" d="{drawn}"/></svg>'


def _path(places: Array, shape: int, radius: float) -> str:
    big = radius * 1.25
    sizes = {"r": radius, "d": 2 * radius, "R": big, "D": 2 * big}
    mark = SHAPES[shape].format(**{name: f"{size:.3g}" for name, size in sizes.items()})
    return "".join(f"M{x:.1f} {y:.1f}{mark}" for x, y in places)


def _axes(frame: Frame, names: tuple[str, str]) -> str:
    """Lines with their numbers, and what the axes are."""
    size, left, bottom, parts = frame.text, frame.left, frame.height - frame.bottom, []
    for value in _ticks(frame.low[0], frame.high[0]):
        x = left + (value - frame.low[0]) * frame.scale
        parts.append(f'<path d="M{x:.1f} {TOP:g}V{bottom:.1f}"/>')
        parts.append(_text(x, bottom + 1.2 * size, _tick(value), size))
    for value in _ticks(frame.low[1], frame.high[1]):
        y = TOP + (frame.high[1] - value) * frame.scale
        parts.append(f'<path d="M{left:.1f} {y:.1f}H{WIDTH - RIGHT:g}"/>')
        parts.append(_text(left - 0.5 * size, y + 0.35 * size, _tick(value), size, "end"))
    parts.append(_text((left + WIDTH - RIGHT) / 2, frame.height - 0.5 * size, names[0], size))
    if names[1]:
        middle = (TOP + bottom) / 2
        turned = f' transform="rotate(-90 {size:g} {middle:.0f})"'
        parts.append(_text(size, middle + 0.1 * size, names[1], size, more=turned))
    return f'<g stroke="var(--line)" stroke-width="1">{"".join(parts)}</g>'


def _text(
    x: float, y: float, text: str, size: float, anchor: str = "middle", more: str = ""
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size:g}" stroke="none"'
    return f"<text {place}{more}>{escape(text)}</text>"


def _ticks(low: float, high: float) -> Array:
    from matplotlib.ticker import MaxNLocator

    found = np.asarray(MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(low, high))
    return found[(found >= low) & (found <= high)]


def _tick(value: float) -> str:
    text = f"{0.0 if abs(value) < 1e-12 else value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}")
