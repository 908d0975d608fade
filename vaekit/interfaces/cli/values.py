"""Values of options as they are typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cyclopts import Parameter, Token, convert

from vaekit.system.checks import BadInput


def as_typed(kind: Any, tokens: Sequence[Token]) -> Any:
    """The value of an option: whole numbers are never rounded ones.

    Raises:
        BadInput: for what is no number.
    """
    texts = [token.value for token in tokens]
    if kind in _NUMBERS:
        return _number(*_NUMBERS[kind], texts[0])
    return convert(kind, texts)


def _number(kind: Any, noun: str, text: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise BadInput(f"{text!r} is no {noun}") from None


_NUMBERS = {int: (int, "whole number"), float: (float, "number")}
AS_TYPED = Parameter(converter=as_typed)
