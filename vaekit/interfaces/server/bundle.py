"""The page's files as one: modules of JavaScript one after the other, and what they may do."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path

PAGE = Path(__file__).with_name("page")
ALONE = PAGE / "alone"
IMPORT = re.compile(r'^import (?:\* as (\w+)|\{ ([^}]*) \}) from "\./([\w.]+)";\n', re.M)
EXPORT = re.compile(r"^export (?:async )?(?:function|class|const|let) (\w+)", re.M)


def script() -> str:
    """All modules as one script, each in a function of its own: first what answers in the place of
    a server, then the page."""
    done: list[str] = []
    parts = [part for name in ("answers.js", "main.js") for part in _module(name, done)]
    return "\n".join(parts)


def _module(name: str, done: list[str]) -> Iterator[str]:
    """A module, and before it those that it needs."""
    if name in done:
        return
    done.append(name)
    text = _place(name).read_text(encoding="utf-8")
    for _, _, other in IMPORT.findall(text):
        yield from _module(other, done)
    names = ", ".join(EXPORT.findall(text))
    inside = re.sub(r"^export ", "", IMPORT.sub(_taken, text), flags=re.M)
    yield f"const {_called(name)} = (() => {{\n{inside}return {{ {names} }};\n}})();"


def _taken(found: re.Match[str]) -> str:
    whole, parts, name = found.groups()
    return f"const {whole or f'{{ {parts} }}'} = {_called(name)};\n"


def _called(name: str) -> str:
    return f"${name.removesuffix('.js')}"


def _place(name: str) -> Path:
    return ALONE / name if (ALONE / name).exists() else PAGE / name


def page(held: bytes, title: str) -> str:
    """The page in one text: it may load nothing, neither from elsewhere nor from beside it.

    Args:
        held: what it shows.
        title: of the page.
    """
    code, style = script(), (PAGE / "style.css").read_text(encoding="utf-8")
    icon = base64.b64encode((PAGE / "icon.svg").read_bytes()).decode()
    policy = (
        f"default-src 'none'; script-src '{_digest(code)}'; style-src '{_digest(style)}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(title, quote=False)}</title>\n"
        f'<link rel="icon" href="data:image/svg+xml;base64,{icon}">\n'
        f"<style>{style}</style>\n"
    )
    text = (PAGE / "index.html").read_text(encoding="utf-8")
    start, end = text.index("<title>"), text.index("</head>")
    data = base64.b64encode(held).decode()
    last = f'<script type="text/plain" id="held">{data}</script>\n<script>{code}</script>\n</body>'
    return text[:start] + head + text[end:].replace("</body>", last, 1)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
