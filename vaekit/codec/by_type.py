"""Functions that are chosen by the type of a part."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch, update_wrapper
from typing import Any, Generic, TypeVar

from vaekit.system.checks import BadInput

R = TypeVar("R")


class ByType(Generic[R]):
    """:func:`functools.singledispatch`, except that a subclass does not inherit the function of its
    parent: it may compute something else, so it is registered itself or gets the default.

    Args:
        default: what is called for types without a function of their own.
    """

    def __init__(self, default: Callable[[Any], R]) -> None:
        self.dispatch = singledispatch(default)
        self.register = self.dispatch.register
        self.default = default
        update_wrapper(self, default)

    def __call__(self, part: Any) -> R:
        """The form of a part, by its own type."""
        return self.dispatch.registry.get(type(part), self.default)(part)


def with_article(name: str) -> str:
    """A class by its name: a Flow, an Experts."""
    return f"{'an' if name[:1] in 'AEIO' else 'a'} {name}"


def refused(part: Any, what: str = "") -> BadInput:
    """The error for a part that nobody has written an exact form of.

    Args:
        part: of a model.
        what: it is, where its class does not say so.
    """
    name = with_article(f"{type(part).__name__} {what}".strip())
    return BadInput(f"{name} has no exact form: this model cannot compress; a plain vae can")
