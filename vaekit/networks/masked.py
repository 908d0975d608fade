"""Masked convolutions: what is said of a pixel depends on those before it alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.system.types import Shape

SEEN, FEATURES, LEAST = 16, 8, 8  # numbers of a symbol, of a place; channels of a turn at least


class MaskedConv2d(nn.Conv2d):
    """A convolution that sees rows above and pixels to the left (van den Oord et al. 2016), and in
    the pixel itself the channels of turns before.

    Args:
        inputs: channels, so many of each turn after one another.
        outputs: channels, likewise.
        size: of the kernel, odd.
        centre: whether each turn also sees its own channels of the pixel.
        turns: in which the numbers of a pixel come one after the other; 1: all at once.
    """

    mask: Tensor

    def __init__(
        self, inputs: int, outputs: int, size: int, *, centre: bool, turns: int = 1
    ) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2)
        mask, middle = torch.zeros(outputs, inputs, size, size), size // 2
        mask[:, :, :middle] = 1
        mask[:, :, middle, :middle] = 1
        until = turn_of(outputs, turns)[:, None] + int(centre)
        mask[:, :, middle, middle] = (turn_of(inputs, turns) < until).to(mask)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, inputs, H, W) to (rows, outputs, H, W)."""
        return self._conv_forward(x, self.weight * self.mask, self.bias)


class PixelNet(nn.Module):
    """Raw numbers of each pixel from those before it, row by row, and from features of all.

    Args:
        channels: of the picture.
        features: of each pixel that are known beforehand.
        raw: raw numbers of each pixel.
        width: channels of hidden layers.
        layers: how many, beside the first and the last.
        turns: in which the channels of a pixel come one after the other, each given those before
            it; 1: all at once. Channels, raw numbers and width are so many of each turn.
    """

    def __init__(
        self, channels: int, features: int, raw: int, width: int, layers: int, turns: int = 1
    ) -> None:
        super().__init__()
        self.first = MaskedConv2d(channels, width, 5, centre=False, turns=turns)
        self.beside = nn.Conv2d(features, width, 1)
        self.between = nn.ModuleList(
            MaskedConv2d(width, width, 3, centre=True, turns=turns) for _ in range(layers)
        )
        self.last = MaskedConv2d(width, raw, 1, centre=True, turns=turns)

    @property
    def reach(self) -> int:
        """How many rows above a pixel it sees, and how many pixels to either side."""
        return 2 + len(self.between)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """(rows, channels, H, W) and (rows, features, H, W) to (rows, raw, H, W)."""
        h = self.first(x) + self.beside(features)
        for layer in self.between:
            h = h + layer(F.silu(h))
        return self.last(F.silu(h))


class NextOnMap(nn.Module):
    """Logits of the symbol at each place of a map, given the symbols at the places before it, row
    by row; where a place has several, each is also given those before it there.

    Args:
        symbols: how many different ones there are.
        size: of the map, (h, w).
        each: symbols of a place, which lie side by side.
        width: channels of the masked convolutions, in all.
        layers: how many, beside the first and the last.
    """

    def __init__(self, symbols: int, size: Shape, each: int, width: int, layers: int) -> None:
        super().__init__()
        self.size, self.each = size, each
        wide = each * max(width // each, LEAST)
        self.seen = nn.Embedding(symbols, SEEN)
        self.place = nn.Parameter(0.1 * torch.randn(FEATURES, *size))
        self.net = PixelNet(each * SEEN, FEATURES, each * symbols, wide, layers, turns=each)

    def forward(self, sequence: Tensor) -> Tensor:
        """(rows, places) of whole numbers to (rows, places, symbols)."""
        whole = sequence.unflatten(1, (*self.size, self.each))
        return self._logits(whole, self.place).flatten(1, 3)

    def at(self, sequence: Tensor, place: int) -> Tensor:
        """The logits at one place, (rows, symbols), from as much of the map as it can see."""
        where, turn = divmod(place, self.each)
        row, column = divmod(where, self.size[1])
        above, left = max(row - self.net.reach, 0), max(column - self.net.reach, 0)
        rows, columns = slice(above, row + 1), slice(left, column + self.net.reach + 1)
        part = sequence.unflatten(1, (*self.size, self.each))[:, rows, columns]
        found = self._logits(part, self.place[:, rows, columns])
        return found[:, -1, column - left, turn]

    def _logits(self, part: Tensor, place: Tensor) -> Tensor:
        """Of a part of the map, (rows, h, w, each), and its places, (FEATURES, h, w), to
        (rows, h, w, each, symbols)."""
        seen = self.seen(part).flatten(-2).movedim(-1, 1)
        raw: Tensor = self.net(seen, place[None])
        return raw.unflatten(1, (self.each, -1)).permute(0, 3, 4, 1, 2)


def turn_of(channels: int, turns: int) -> Tensor:
    """The turn of each of some channels, (channels,)."""
    return torch.arange(turns).repeat_interleave(channels // turns)
