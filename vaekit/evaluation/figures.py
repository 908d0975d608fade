"""Figures in groups, as people read them: a name, a value, its error, and what it is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MOST_DIGITS = 6


@dataclass(frozen=True)
class Figure:
    """One number with its name.

    Args:
        name: what it is called.
        value: the number.
        error: its standard error, where known.
        note: what a reader should know beside it.
    """

    name: str
    value: float
    error: float | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """The value with thousands grouped, and its error."""
        if isinstance(self.value, int):
            return f"{self.value:,}"
        if not self.error or not math.isfinite(self.error):
            return short(self.value)
        digits = min(max(1 - math.floor(math.log10(self.error)), 0), MOST_DIGITS)
        return with_minus(f"{self.value:,.{digits}f} ± {self.error:,.{digits}f}")


@dataclass(frozen=True)
class Figures:
    """Some of them under a title that names their unit."""

    title: str
    each: tuple[Figure, ...]


def short(value: float) -> str:
    """A number in as many digits as a reader needs."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return with_minus(f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}")
    return with_minus(f"{value:.2e}")


def with_minus(number: str) -> str:
    """A number with the sign that people write for minus."""
    return number.replace("-", "−")


def as_text(groups: Iterable[Figures]) -> str:
    """Groups as lines; values stand one below the other."""
    found = [group for group in groups if group.each]
    names = max((len(f.name) for group in found for f in group.each), default=0)
    wide = max((len(f.text) for group in found for f in group.each), default=0)
    lines = []
    for group in found:
        lines += ["", group.title]
        lines += [f"  {f.name:<{names}}  {f.text:<{wide}}  {f.note}".rstrip() for f in group.each]
    return "\n".join(lines[1:])
