"""Families whose elements are independent: any elementwise torch distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit import distributions
from vaekit.data_init import Adapting, moments
from vaekit.families.base import Link, Positive, Range, Shape

LIVELY = 10.0  # a lone scale must cross decades in steps as small as those of many weights
Scale = float | Literal["shared", "element", "network"]


def independent(base: D.Distribution, event_shape: Shape) -> D.Independent:
    """Declare the last dimensions an event, so that log_prob is one number per row."""
    return D.Independent(base, len(event_shape), validate_args=False)


def widen(event_shape: Shape, times: int) -> Shape:
    """``times`` raw numbers for each element: the first axis (channels, columns) grows."""
    return (times * event_shape[0], *event_shape[1:])


@dataclass(frozen=True)
class Elementwise:
    """``kind(parameter=link(raw), ...)`` for every element of an event.

    The raw numbers hold one block per parameter along the first event axis.

    Args:
        kind: makes a distribution with an empty event from parameters given by name.
        links: for each parameter, the function from raw numbers to its range.
        event_shape: shape of one row of data.
        range: the values that have a probability.
    """

    kind: Callable[..., D.Distribution]
    links: Mapping[str, Link]
    event_shape: Shape
    range: Range = field(default_factory=Range)

    @property
    def raw_shape(self) -> Shape:
        return widen(self.event_shape, len(self.links))

    def __call__(self, raw: Tensor) -> D.Distribution:
        blocks = _blocks(raw, len(self.links), -len(self.event_shape))
        values = {name: link(b) for (name, link), b in zip(self.links.items(), blocks, strict=True)}
        return independent(self.kind(**values, validate_args=False), self.event_shape)


def _blocks(raw: Tensor, number: int, axis: int) -> Sequence[Tensor]:
    """Raw numbers in equal blocks. One block is left as it is: its gradient need not be copied."""
    return raw.chunk(number, axis) if number > 1 else (raw,)


class Located(Adapting):
    """A location-scale family: the network gives locations; scales come from one of four places.

    Args:
        kind: takes ``loc`` and ``scale``; its density must be a location-scale one.
        event_shape: shape of one row of data.
        scale: a number (given, in data units); ``"shared"`` (one learned number);
            ``"element"`` (one learned number per element); ``"network"`` (from the
            network, different for every row and element).
        floor: smallest scale, as a share of the data's spread: keeps densities bounded.

    The buffers ``shift`` and ``gain`` (1 or per element) hold the data's mean and spread, so
    that raw numbers near 0 and 1 mean typical data; densities are in the data's own units.
    """

    shift: Tensor
    gain: Tensor

    def __init__(
        self,
        kind: Callable[..., D.Distribution],
        event_shape: Shape,
        scale: Scale = "shared",
        floor: float = 1e-3,
    ) -> None:
        super().__init__()
        self.kind, self.event_shape, self.scale = kind, event_shape, scale
        self.link, self.range = Positive(floor), Range()
        self.register_buffer("shift", torch.zeros(event_shape))
        self.register_buffer("gain", torch.ones(event_shape))
        sizes = {"shared": (), "element": event_shape}
        if scale in sizes:
            self.raw_scale = nn.Parameter(torch.full(sizes[scale], math.log(math.e - 1) / LIVELY))

    @property
    def raw_shape(self) -> Shape:
        return widen(self.event_shape, 2 if self.scale == "network" else 1)

    def adapt(self, x: Tensor) -> None:
        """Let raw numbers count in units of the mean and spread of x (per channel for images)."""
        mean, spread = moments(x)
        self.shift.copy_(mean)
        self.gain.copy_(spread)

    def forward(self, raw: Tensor) -> D.Distribution:
        loc, scale = self._parts(raw)
        base = self.kind(loc=loc * self.gain + self.shift, scale=scale, validate_args=False)
        return independent(base, self.event_shape)

    def _parts(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        if self.scale == "network":
            loc, raw_scale = raw.chunk(2, -len(self.event_shape))
            return loc, self.link(raw_scale) * self.gain
        if isinstance(self.scale, str):
            return raw, self.link(LIVELY * self.raw_scale) * self.gain
        return raw, torch.full_like(self.gain, self.scale)


class StudentT(Located):
    """Student's t with learned degrees of freedom, one for all elements and above 1."""

    def __init__(self, event_shape: Shape, scale: Scale = "shared") -> None:
        super().__init__(self._at, event_shape, scale)
        self.raw_freedom = nn.Parameter(torch.tensor(4.0))

    def _at(self, **parts: Any) -> D.Distribution:
        return distributions.StudentT(1 + F.softplus(self.raw_freedom), **parts)
