"""What docstrings say, for people at a terminal."""

from __future__ import annotations

import inspect
from typing import Any

from docstring_parser import parse


def paragraphs_of(documented: Any) -> list[str]:
    """What a docstring says before it comes to arguments, a line each."""
    text = inspect.cleandoc(documented.__doc__ or "").split("\nArgs:")[0]
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def summary_of(documented: Any) -> str:
    """The first paragraph of a docstring, on one line."""
    return next(iter(paragraphs_of(documented)), "")


def helps_of(documented: Any) -> dict[str, str]:
    """What a docstring says of each argument."""
    parsed = parse(inspect.getdoc(documented) or "")
    return {p.arg_name: " ".join((p.description or "").split()) for p in parsed.params}
