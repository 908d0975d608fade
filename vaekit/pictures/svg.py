"""matplotlib figures as SVG text whose ink follows the page: light or dark, no second file."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any

THEMED = {
    "#010203": "var(--ink)",
    "#040506": "var(--muted)",
    "#070809": "var(--line)",
    "#0a0b0c": "var(--accent)",
    "#0d0e0f": "var(--second)",
    "#101112": "var(--paper)",
}
ID, REFERENCE = re.compile(r' id="([^"]*)"'), re.compile(r'(?:href="|url\()#([^")]+)')
INK, MUTED, LINE, ACCENT, SECOND, PAPER = THEMED
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "vaekit",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "savefig.facecolor": "none",
}


@contextmanager
def figure(width: float = 6.4, height: float = 3.2, **options: Any) -> Iterator[tuple[Any, Any]]:
    """A matplotlib figure and its axes in the themed style, closed afterwards.

    Uses no global state: no window, no pyplot.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    style: Any = STYLE
    with matplotlib.rc_context(style):
        made = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(made)
        yield made, made.subplots(**options)


def svg(made: Any, title: str) -> str:
    """The figure as an ``<svg>`` element that scales with the page and takes its colours. Its text
    stays text, which a browser writes in fonts that hold it; matplotlib's own font only measures.

    Args:
        made: a matplotlib figure.
        title: what the picture shows, for those who cannot see it.
    """
    import matplotlib

    buffer = io.StringIO()
    style: Any = STYLE
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from")
        made.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for color, variable in THEMED.items():
        text = text.replace(color, variable)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 width="100%"', text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", f"<title>{title}</title>", text, flags=re.DOTALL)
    text = re.sub(r"font: (\d+)px '[^;\"]*", r"font: \1px system-ui, sans-serif", text)
    return _apart(text)


def _apart(text: str) -> str:
    """The picture with names of its own for what it refers to, and no others: pictures that stand
    on one page must not share them."""
    own = blake2b(text.encode(), digest_size=4).hexdigest()
    used = set(REFERENCE.findall(text))

    def named(match: re.Match[str]) -> str:
        return f' id="{own}-{match[1]}"' if match[1] in used else ""

    return REFERENCE.sub(lambda m: m[0].replace("#", f"#{own}-"), ID.sub(named, text))
