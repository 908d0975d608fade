"""HTML for reports: sections, figures, tables and tiles in one self-contained page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PIL import Image

from vaekit.pictures import data_uri

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --card: #ffffff; --ink: #1d2126;
  --muted: #5d6670; --line: #dfe3e7; --accent: #2f6fde; --second: #e07b2e; --warn: #fff4dc;
  --warn-line: #e4b94e; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1b1f24; --ink: #e8ebee;
  --muted: #98a2ad; --line: #30363d; --accent: #74a7ff; --second: #ffa563; --warn: #332a12;
  --warn-line: #8a6d1f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 2.2rem 1.2rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.18rem; margin: 2.6rem 0 .4rem; letter-spacing: -.005em; }
p { margin: .3rem 0 .8rem; max-width: 72ch; }
.lead, figcaption, .note { color: var(--muted); }
.tiles { display: grid; gap: .7rem; margin: 1.3rem 0;
  grid-template-columns: repeat(auto-fit, minmax(145px, 1fr)); }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .75rem .9rem; }
.tile b { display: block; font-size: 1.25rem; font-weight: 600;
  font-variant-numeric: tabular-nums; letter-spacing: -.01em; }
.tile span { color: var(--muted); font-size: .84rem; }
.warn { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: 6px;
  padding: .6rem .9rem; margin: .7rem 0; }
figure { margin: .6rem 0 1.1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; padding: .9rem; overflow-x: auto; }
figure img { display: block; max-width: 100%; image-rendering: pixelated; border-radius: 3px; }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { font-size: .88rem; margin-top: .6rem; }
.pair { display: grid; gap: .9rem; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); }
table { border-collapse: collapse; font-size: .93rem; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: .28rem 1.2rem .28rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
th { color: var(--muted); font-weight: 500; }
td.number, th.number { text-align: right; }
.scroll { overflow-x: auto; }
code, pre { font: .86rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: .8rem 1rem; overflow-x: auto; }
li { margin: .2rem 0; }
"""


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page. Everything is inside: no script, no font, no picture is fetched."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def heading(title: str, lead: str) -> str:
    """The page's title and its subtitle."""
    return f'<h1>{escape(title)}</h1><p class="lead">{escape(lead)}</p>'


def section(title: str, *parts: str, text: str = "") -> str:
    """A titled part of the page; nothing if it would be empty."""
    body = "".join(parts)
    if not body:
        return ""
    lead = f"<p>{escape(text)}</p>" if text else ""
    return f"<section><h2>{escape(title)}</h2>{lead}{body}</section>"


def tiles(values: Iterable[tuple[str, str]]) -> str:
    """Key numbers, large, each with what it is."""
    cells = (
        f'<div class="tile"><b>{escape(v)}</b><span>{escape(name)}</span></div>'
        for name, v in values
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def warning(text: str) -> str:
    """A remark that should not be overlooked."""
    return f'<div class="warn" role="note">{escape(text)}</div>'


def plot(svg: str, caption: str) -> str:
    """A plot with what it shows."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def picture(image: Image.Image, caption: str, width: int | None = None) -> str:
    """A picture with what it shows, drawn ``width`` pixels wide (its own size by default)."""
    style = f' style="width:{width}px"' if width else ""
    alt = escape(caption, quote=True)
    return (
        f'<figure><img src="{data_uri(image)}" alt="{alt}"{style}>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def side_by_side(*parts: str) -> str:
    """Figures beside each other where there is room."""
    return f'<div class="pair">{"".join(parts)}</div>'


def table(rows: Iterable[Iterable[str]], head: Iterable[str] = (), numeric: bool = True) -> str:
    """A table; if ``numeric``, cells that look like numbers stand to the right."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    cell = _cell if numeric else _plain
    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f'<div class="scroll"><table>{f"<tr>{top}</tr>" if top else ""}{body}</table></div>'


def code(text: str) -> str:
    """Lines to copy."""
    return f"<pre>{escape(text)}</pre>"


def items(texts: Iterable[str]) -> str:
    """A list."""
    entries = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{entries}</ul>" if entries else ""


def _plain(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _cell(text: str) -> str:
    number = text.replace(",", "").replace(".", "").replace("-", "").replace(" ", "").isdigit()
    return f"<td{' class=number' if number else ''}>{escape(text)}</td>"
