"""Checks that name the culprit: what was wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST_NAME, LONGEST_LINE, FEW = 100, 4000, 5


class BadInput(ValueError):
    """Something a person gave cannot be used; the message is one line they can act on."""


class Unsuited(TypeError):
    """Two parts that do not go together, such as a penalty and a posterior without what it needs;
    the message is one line."""


def require(condition: bool, message: str) -> None:
    """Raise ``BadInput(message)`` unless ``condition`` holds."""
    if not condition:
        raise BadInput(message)


def known(kind: str, name: str, names: Iterable[str]) -> str:
    """Return ``name`` if it is among ``names``; otherwise say which near name may be meant."""
    names = sorted(names)
    if name in names:
        return name
    shown = name[:LONGEST_NAME]
    near = difflib.get_close_matches(shown, names, 1)
    choice = f"choose from: {', '.join(names)}"
    hint = f"did you mean {near[0]!r}?" if near else choice
    hint += f" ({choice})" if near and len(names) <= FEW else ""
    raise BadInput(f"unknown {kind} {shown!r}; {hint}")


def printable(text: str) -> str:
    """A text in one line, as it can be shown on a terminal: names in files from elsewhere may hold
    characters that would move its cursor, and a great many of them."""
    shown = text if len(text) <= LONGEST_LINE else text[:LONGEST_LINE] + " ..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)


def size_text(shape: Iterable[int]) -> str:
    """A shape as people write it: ``(1, 28, 28)`` becomes ``1 x 28 x 28``."""
    return " x ".join(map(str, shape))
