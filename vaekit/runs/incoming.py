"""Rows that come to a trained model: on its scale, and alike where all its training rows were."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from vaekit.data.on_disk import Values, chunks_of
from vaekit.recipes.columns import listed
from vaekit.runs.config import Config
from vaekit.system.checks import require

LARGE = 16  # whole numbers up to this are no grey values of pictures
BYTE = 255


def check_incoming(
    config: Config, values: Values, each: Callable[[Tensor], object] | None = None
) -> None:
    """Look at rows as they are stored, once.

    Args:
        config: of the model.
        values: the rows.
        each: called with some rows at a time, if more is to be looked at.

    Raises:
        BadInput: for rows of another shape, or that are plainly on another scale.
    """
    config.representation.check(values)
    scale, constants = _Scale(config), _Constants(config)
    for part in chunks_of(values, "checking values"):
        if part.numel():
            scale.look(part)
            constants.look(part)
            if each is not None:
                each(part)
    scale.check()
    constants.say()


def at_hand(config: Config, data: Any, call: str) -> Any:
    """Data to work on.

    Args:
        config: of the model.
        data: that somebody gave, or that the model has; None where there is none.
        call: what it is given to.

    Raises:
        BadInput: if there is none.
    """
    own = config.data.open
    like = "rows, or the name or path of a data set"
    like += "" if own is None else f" ({str(own)!r} is what it was trained on)"
    require(data is not None, f"this model has no data at hand: give {call} {like}")
    return data


class _Scale:
    """Whether rows lie in [0, 1] where the model's are whole numbers up to 255, or the reverse.
    Rows somewhat beyond the model's are none of that."""

    def __init__(self, config: Config) -> None:
        how, self.span = (
            config.representation,
            config.data.span or (0.0, config.representation.scale),
        )
        kind = getattr(torch, how.dtype)
        self.is_image = len(how.shape) == 3
        self.of_whole = not kind.is_floating_point and self.span[0] >= 0 and self.span[1] >= LARGE
        unit = 0 <= self.span[0] <= self.span[1] <= 1
        self.of_fractions = kind.is_floating_point and unit and config.data.span is not None
        self.low, self.high, self.fractions, self.floating = math.inf, -math.inf, False, False
        self.unit = how.scale if how.scale > 1 else _byte_or(self.span[1])

    def look(self, part: Tensor) -> None:
        """At some rows."""
        if not (self.of_whole or self.of_fractions):
            return
        if part.is_floating_point():
            part = part[~part.isnan()]
        if not part.numel():
            return
        low, high = (float(v) for v in part.aminmax())
        self.low, self.high = min(low, self.low), max(high, self.high)
        self.floating = part.is_floating_point()
        if self.floating and not self.fractions:
            self.fractions = bool((part != part.round()).any())

    def check(self) -> None:
        """Raise ``BadInput`` if they are on another scale."""
        within = self.low >= 0 and 0 < self.high <= 1
        masks = self.is_image and self.floating  # zeros and ones
        require(
            not (self.of_whole and within and (self.fractions or masks)),
            f"the model was trained on whole numbers from {self.span[0]:g} to {self.span[1]:g}, "
            f"and these rows lie in [0, 1]: multiply them by {self.unit:g}",
        )
        bytes_ = self.low >= 0 and self.high >= LARGE and not self.fractions
        require(
            not (self.of_fractions and bytes_),
            f"the model was trained on values in [0, 1], and these rows hold whole numbers up to "
            f"{self.high:g}: divide them by {_byte_or(self.high):g}",
        )


def _byte_or(high: float) -> float:
    return BYTE if BYTE / 2 < high <= BYTE else high


class _Constants:
    """Which numbers that never changed in training have another value in some rows."""

    def __init__(self, config: Config) -> None:
        self.config, self.rows = config, 0
        self.places = torch.zeros(config.representation.shape, dtype=torch.bool)

    def look(self, part: Tensor) -> None:
        """At some rows."""
        if self.config.representation.constant:
            found = self.config.representation.departing(part)
            self.rows += int(found.flatten(1).any(1).sum())
            self.places |= found.any(0)

    def say(self) -> None:
        """Warn of them."""
        if not self.rows:
            return
        places = self.places.flatten().nonzero()[:, 0].tolist()
        rows = f"{self.rows:,} row{'s' * (self.rows > 1)}"
        what = (
            listed(self.config.data.columns, places) if self.places.dim() == 1 else _pixels(places)
        )
        warnings.warn(
            f"{what} had one value in all training rows, and another in {rows} here: that has no "
            "part in codes and scores, and the value of training is put in its place",
            stacklevel=5,
        )


def _pixels(places: list[int]) -> str:
    return f"{len(places):,} number{'s' * (len(places) > 1)} of a picture"
