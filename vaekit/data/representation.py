"""How stored values become the x of a model, and back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from vaekit.data.on_disk import Values
from vaekit.system.checks import known, require, size_text

BINARIZE = ("none", "threshold", "dynamic")
COLOURS = ("rgb", "minus_green")
NEAR = 8  # units in the last place by which a constant may differ by rounding


@dataclass(frozen=True)
class Representation:
    """x = (values - offset) / scale, then made binary if asked.

    Args:
        shape: of one row.
        dtype: of stored values ("uint8", "float32", ...).
        scale: 255 to bring 8-bit values to [0, 1]; 1 to leave values as they are.
        binarize: "none"; "threshold" (x > 1/2); "dynamic" (each x is drawn with its grey value
            as the chance of a 1: anew in every epoch of training, once for validation and test).
        whole: round x to whole levels after scaling (for levels stored as fractions).
        colours: "rgb"; "minus_green" (red and blue as their difference from green, around 128 and
            modulo 256: photographs' channels are alike, and nothing is lost).
        offset: subtracted in float64, one for each number of a vector; empty for nothing.
        constant: (place, value) of numbers that were the same in all training rows and are no
            part of what is modelled: places count through a row, values are as stored. They have
            this value in every x, and in all that is decoded.
        missing: whether stored values below 0 mean that a value is missing: NaN in x.
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: float = 1.0
    binarize: str = "none"
    whole: bool = False
    colours: str = "rgb"
    offset: tuple[float, ...] = ()
    constant: tuple[tuple[int, float], ...] = ()
    missing: bool = False

    def __post_init__(self) -> None:
        known("way to binarize", self.binarize, BINARIZE)
        known("kind of colours", self.colours, COLOURS)
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "offset", tuple(self.offset))
        fits = not self.offset or (len(self.offset),) == self.shape
        require(fits, f"{len(self.offset)} offsets for rows of {size_text(self.shape)}")
        object.__setattr__(self, "constant", tuple((int(i), v) for i, v in self.constant))
        inside = all(0 <= place < math.prod(self.shape) for place, _ in self.constant)
        require(inside, f"a constant that is not in rows of {size_text(self.shape)}")

    @property
    def is_drawn(self) -> bool:
        """Whether x is drawn: then it needs a generator."""
        return self.binarize == "dynamic"

    @property
    def varying(self) -> int:
        """How many numbers of a row are modelled: all but the constant ones."""
        return math.prod(self.shape) - len(self.constant)

    @cached_property
    def is_constant(self) -> Tensor:
        """Which numbers of a row are constant, (*shape)."""
        found = torch.zeros(math.prod(self.shape), dtype=torch.bool, device="cpu")
        found[[place for place, _ in self.constant]] = True
        return found.view(self.shape)

    @cached_property
    def stored_constants(self) -> Tensor:
        """Their values as stored, (*shape) in float64; 0 elsewhere."""
        found = torch.zeros(math.prod(self.shape), dtype=torch.float64, device="cpu")
        for place, value in self.constant:
            found[place] = value
        return found.view(self.shape)

    @cached_property
    def constants(self) -> Tensor:
        """Their values in x, (*shape)."""
        return self._centred(self.stored_constants[None])[0] / self.scale

    def departing(self, values: Tensor) -> Tensor:
        """Where rows hold another value than a constant, (rows, *shape), but for rounding."""
        kind = getattr(torch, self.dtype)
        least = NEAR * torch.finfo(kind).eps if kind.is_floating_point else 0.0
        own = self.stored_constants
        return self.is_constant & ((values.double() - own).abs() > least * own.abs())

    def encode(self, values: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Stored values, (rows, *shape), to x in float32; ``generator`` feeds "dynamic"."""
        self.check(values)
        x = self._encoded(values, generator)
        if not self.constant:
            return x
        return torch.where(self.is_constant.to(x.device), self.constants.to(x.device), x)

    def _encoded(self, values: Tensor, generator: torch.Generator | None) -> Tensor:
        x = self.subtract_green(self._centred(values)).div_(self.scale)
        if self.is_drawn:
            return (torch.rand(x.shape, generator=generator).to(x.device) < x).to(x.dtype)
        if self.binarize == "threshold":
            return (x > 0.5).to(x.dtype)
        if self.missing:
            return x.masked_fill_(x < 0, torch.nan)
        return x.round() if self.whole else x

    def decode(self, x: Tensor) -> Tensor:
        """x back to stored values, rounded and clamped where they are whole numbers."""
        values = self.unrounded(x.detach().cpu())
        dtype = getattr(torch, self.dtype)
        if not dtype.is_floating_point:
            info = torch.iinfo(dtype)
            values = values.round().clamp(info.min, info.max)
        if not self.constant:
            return values.to(dtype)
        return torch.where(self.is_constant, self.stored_constants.to(dtype), values.to(dtype))

    def unrounded(self, x: Tensor) -> Tensor:
        """x in the units of stored values, as it is: neither rounded nor clamped."""
        values = self.add_green((x.nan_to_num(-1) if self.missing else x) * self.scale)
        if not self.offset:
            return values
        offset = torch.tensor(self.offset, dtype=torch.float64, device=values.device)
        return values.double() + offset

    def _centred(self, values: Tensor) -> Tensor:
        """Values less the offset in float32, a copy."""
        if not self.offset:
            return values.to(torch.float32, copy=True)
        offset = torch.tensor(self.offset, dtype=torch.float64, device=values.device)
        return (values.double() - offset).float()

    def subtract_green(self, values: Tensor) -> Tensor:
        """Red and blue minus green, if ``colours`` says so, of levels 0 .. 255, (rows, 3, H, W)."""
        if self.colours == "rgb":
            return values
        red, green, blue = values.unbind(1)
        return torch.stack([(red - green + 128) % 256, green, (blue - green + 128) % 256], 1)

    def add_green(self, values: Tensor) -> Tensor:
        """The exact inverse of :meth:`subtract_green`; values between levels are rounded."""
        if self.colours == "rgb":
            return values
        red, green, blue = values.round().unbind(1)
        return torch.stack([(red + green - 128) % 256, green, (blue + green - 128) % 256], 1)

    def check(self, values: Values) -> None:
        """Raise ``BadInput`` unless rows have this shape."""
        require(
            tuple(values.shape[1:]) == self.shape,
            f"the model takes rows of {size_text(self.shape)}, "
            f"the data has rows of {size_text(values.shape[1:])}",
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON; of what older models do not have only where there is something to say."""
        newer = ("offset", "constant", "missing")
        unsaid = {name for name in newer if not getattr(self, name)}
        return {name: value for name, value in asdict(self).items() if name not in unsaid}
