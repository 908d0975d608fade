"""How stored values become the x of a model, and back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from vaekit.data.on_disk import Values
from vaekit.system.checks import known, require, size_text

BINARIZE = ("none", "threshold", "dynamic")
COLOURS = ("rgb", "minus_green")


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
    """

    shape: tuple[int, ...]
    dtype: str = "float32"
    scale: float = 1.0
    binarize: str = "none"
    whole: bool = False
    colours: str = "rgb"
    offset: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        known("way to binarize", self.binarize, BINARIZE)
        known("kind of colours", self.colours, COLOURS)
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "offset", tuple(self.offset))
        fits = not self.offset or (len(self.offset),) == self.shape
        require(fits, f"{len(self.offset)} offsets for rows of {size_text(self.shape)}")

    @property
    def is_drawn(self) -> bool:
        """Whether x is drawn: then it needs a generator."""
        return self.binarize == "dynamic"

    def encode(self, values: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Stored values, (rows, *shape), to x in float32; ``generator`` feeds "dynamic"."""
        self.check(values)
        x = self.subtract_green(self._centred(values)).div_(self.scale)
        if self.is_drawn:
            return (torch.rand(x.shape, generator=generator).to(x.device) < x).to(x.dtype)
        if self.binarize == "threshold":
            return (x > 0.5).to(x.dtype)
        return x.round() if self.whole else x

    def decode(self, x: Tensor) -> Tensor:
        """x back to stored values, rounded and clamped where they are whole numbers."""
        values = self.add_green(x.detach().cpu() * self.scale)
        if self.offset:
            values = values.double() + torch.tensor(self.offset, dtype=torch.float64)
        dtype = getattr(torch, self.dtype)
        if dtype.is_floating_point:
            return values.to(dtype)
        info = torch.iinfo(dtype)
        return values.round().clamp(info.min, info.max).to(dtype)

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
        """For JSON; without an offset it says nothing of one, as in older models."""
        found = asdict(self)
        return found if self.offset else {k: v for k, v in found.items() if k != "offset"}
