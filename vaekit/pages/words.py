"""Numbers and spans of time as people read them on a page."""

from __future__ import annotations

import math
import re

from vaekit.evaluation.figures import Figure

MINUS = "\N{MINUS SIGN}"
MOST_SHOWN = 10_000_000.0


def number(value: float) -> str:
    """A number in as few digits as tell it: 1,728.1, 0.0312, 1.73e9, with a proper minus."""
    if isinstance(value, int) or (float(value).is_integer() and abs(value) < MOST_SHOWN):
        return signed(f"{int(value):,}" if abs(value) < 1e12 else _scientific(value))
    size = abs(value)
    if not math.isfinite(value):
        return signed("not a number" if math.isnan(value) else str(value))
    if size >= MOST_SHOWN or size < 1e-4:
        return signed(_scientific(value))
    if size < 1:
        return signed(f"{value:.3g}")
    return signed(f"{value:,.{2 if size < 1000 else 1 if size < 1e5 else 0}f}")


def brief(value: float) -> str:
    """A number in three digits, or all of a whole one's."""
    if not math.isfinite(value) or float(value).is_integer():
        return number(value)
    if 1e-4 <= abs(value) < 1000:
        return signed(f"{value:.3g}")
    return number(float(f"{value:.3g}"))


def cell(value: float) -> str:
    """A number of a row; NaN says that it is missing."""
    return "missing" if math.isnan(value) else brief(value)


def measured(value: float, error: float | None = None) -> str:
    """A number with its standard error, in the digits that the error allows."""
    return signed(Figure("", value, error).text) if error else number(value)


def signed(text: str) -> str:
    """The same text with proper minus signs before its numbers."""
    return re.sub(r"(?<![\w.)-])-(?=[.\d])|(?<=\de)-(?=\d)", MINUS, text)


def lasting(seconds: float) -> str:
    """A span of time: 34 s, 5 min 12 s, 2 h 3 min."""
    if seconds < 100:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _scientific(value: float) -> str:
    digits, power = f"{value:.2e}".split("e")
    return f"{digits}e{int(power)}"
