"""How much the API takes upon itself: what is beyond that is refused in a line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The most that is taken.

    Args:
        rows: of a request, and of a reply.
        bytes: of a request's body; a reply may hold as many bytes of numbers.
        waiting: requests in hand at once: those beyond are to come again later (503).
        seconds: that a request may take, from its first byte (503 if it was not begun, 504 if it
            was).
        each: requests in hand at once that came from one address (429 beyond).
    """

    rows: int = 10_000
    bytes: int = 32 * 2**20
    waiting: int = 256
    seconds: float = 30.0
    each: int = 256


LIMITS = Limits()
