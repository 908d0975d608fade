"""Whether numbers that are dear to compute may be estimated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_cheap: ContextVar[bool] = ContextVar("cheap", default=False)


@contextmanager
def cheap_estimates() -> Iterator[None]:
    """Inside the block a density that takes many passes of a network may be estimated from one, as
    in training."""
    token = _cheap.set(True)
    try:
        yield
    finally:
        _cheap.reset(token)


def are_cheap() -> bool:
    """Whether an estimate is enough."""
    return _cheap.get()
