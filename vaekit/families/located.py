"""Location-scale families: the network gives locations, scales come from one of four places."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit import distributions
from vaekit.data_init import DataInit, moments
from vaekit.distributions import Affine
from vaekit.families.base import REAL, Positive, Range, Shape
from vaekit.families.elementwise import independent, widen

LIVELY = 10.0  # a lone scale must cross decades in steps as small as those of many weights
Scale = float | Literal["shared", "element", "network"]


class Located(DataInit):
    """A location-scale family: the network gives locations; scales come from one of four places.

    Args:
        make: takes ``loc`` and ``scale``; its density must be a location-scale one.
        event_shape: shape of one row of data.
        scale: a number (given, in data units); ``"shared"`` (one learned number);
            ``"element"`` (one learned number per element); ``"network"`` (from the
            network, different for every row and element).
        floor: smallest scale, as a share of the data's spread: keeps densities bounded.

    The buffers ``shift`` and ``gain`` (1 or per element) hold the data's mean and spread, so
    that raw numbers near 0 and 1 mean typical data; densities are of x in its own units.
    """

    shift: Tensor
    gain: Tensor
    kind = REAL
    has_density = True

    def __init__(
        self,
        make: Callable[..., D.Distribution],
        event_shape: Shape,
        scale: Scale = "shared",
        floor: float = 1e-3,
    ) -> None:
        super().__init__()
        self.make, self.event_shape, self.scale = make, event_shape, scale
        self.link, self.range = Positive(floor), Range()
        self.register_buffer("shift", torch.zeros(event_shape))
        self.register_buffer("gain", torch.ones(event_shape))
        sizes = {"shared": (), "element": event_shape}
        if scale in sizes:
            self.raw_scale = nn.Parameter(torch.full(sizes[scale], math.log(math.e - 1) / LIVELY))

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, 2 if self.scale == "network" else 1)

    def init_from(self, x: Tensor) -> None:
        """Let raw numbers count in units of the mean and spread of x (per channel for images)."""
        mean, spread = moments(x)
        self.shift.copy_(mean)
        self.gain.copy_(spread)

    def forward(self, raw: Tensor) -> D.Distribution:
        """Locations from the network, scales from their place."""
        loc, scale = self._parts(raw)
        base = self.make(loc=loc, scale=scale, validate_args=False)
        return independent(Affine(base, self.shift, self.gain), self.event_shape)

    def _parts(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Location and scale in units of ``gain`` from ``shift``."""
        if self.scale == "network":
            loc, raw_scale = raw.chunk(2, -len(self.event_shape))
            return loc, self.link(raw_scale)
        if isinstance(self.scale, str):
            return raw, self.link(LIVELY * self.raw_scale)
        return raw, self.scale / self.gain


class StudentT(Located):
    """Student's t with learned degrees of freedom, one for all elements and above 1."""

    def __init__(self, event_shape: Shape, scale: Scale = "shared") -> None:
        super().__init__(self._at, event_shape, scale)
        self.raw_freedom = nn.Parameter(torch.tensor(4.0))

    def _at(self, **parts: Any) -> D.Distribution:
        return distributions.StudentT(1 + F.softplus(self.raw_freedom), **parts)
