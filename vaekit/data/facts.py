"""What can be seen of a set of values without knowing what they mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Facts:
    """``low``, ``high``: extremes. ``binary``: at most two values, 0 and ``high``. ``whole``: no
    fractions. ``pixels``: all are k / 255, as 8-bit pixels divided by 255 are. ``byte``: stored
    as uint8. ``ends``: share of values that equal ``low`` or ``high``."""

    low: float
    high: float
    binary: bool
    whole: bool
    pixels: bool
    byte: bool
    ends: float

    @property
    def unit(self) -> bool:
        """All in [0, 1]."""
        return self.low >= 0 and self.high <= 1


def facts(values: Tensor) -> Facts:
    """Look at every value once."""
    low, high = (float(v) for v in values.aminmax())
    fractional = values.is_floating_point()
    return Facts(
        low=low,
        high=high,
        binary=low == 0 and high > 0 and bool(((values == 0) | (values == high)).all()),
        whole=not fractional or bool((values == values.round()).all()),
        pixels=fractional and low >= 0 and high <= 1 and _are_pixels(values),
        byte=values.dtype == torch.uint8,
        ends=float(((values == low) | (values == high)).float().mean()),
    )


def _are_pixels(values: Tensor) -> bool:
    levels = values * 255
    return bool(((levels - levels.round()).abs() < 1e-3).all())
