"""Kinds of pixels that can be kept whole: what a model codes of them, and what lies beside.

Each kind turns stored pixels into colours, (H, W, C), and bytes, and puts both together again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from vaekit.system.types import Array

PALETTE = 256
Bytes = dict[str, bytes]


@dataclass(frozen=True)
class PixelKind:
    """Pixels that are their own colours.

    Args:
        channels: of colour: 1 for grey, 3 for red, green and blue.
        dtype: of stored numbers.
        in_png: whether PNG has such numbers; TIFF has all.
    """

    channels: int
    dtype: type = np.uint8
    in_png: bool = True

    def colours(self, pixels: Array, palette: Array | None) -> tuple[Array, Bytes]:
        """What is seen of stored pixels, (H, W, channels), and what lies beside that."""
        return pixels.reshape(*pixels.shape[:2], -1), {}

    def pixels(self, colours: Array, palette: Array | None, beside: Bytes) -> Array:
        """Stored pixels, (H, W) or (H, W, C): the reverse of :meth:`colours`.

        Args:
            colours: (H, W, 1) or (H, W, 3); all three alike for grey pictures.
            palette: (256, 3), of pictures that have one.
            beside: what :meth:`colours` put beside.
        """
        if self.channels == 1:
            return np.ascontiguousarray(colours[..., 0], self.dtype)
        wide = np.broadcast_to(colours, (*colours.shape[:2], self.channels))
        return np.ascontiguousarray(wide, self.dtype)

    def image(self, pixels: Array, palette: Array | None) -> Image.Image:
        """Stored pixels as Pillow holds them."""
        return Image.fromarray(pixels)


class Bits(PixelKind):
    """Black and white, 0 and 1."""

    def colours(self, pixels: Array, palette: Array | None) -> tuple[Array, Bytes]:
        """0 and 255, as grey pictures have them."""
        return pixels[..., None] * np.uint8(255), {}

    def pixels(self, colours: Array, palette: Array | None, beside: Bytes) -> Array:
        """0 and 1."""
        return super().pixels(colours, palette, beside) // 255

    def image(self, pixels: Array, palette: Array | None) -> Image.Image:
        """Mode 1."""
        return Image.fromarray(pixels * 255).convert("1", dither=Image.Dither.NONE)


class WithAlpha(PixelKind):
    """Colours and how opaque they are, which is put beside."""

    def colours(self, pixels: Array, palette: Array | None) -> tuple[Array, Bytes]:
        """All channels but the last."""
        colours, alpha = np.split(pixels, [self.channels], -1)
        return colours, {"alpha": alpha.tobytes()}

    def pixels(self, colours: Array, palette: Array | None, beside: Bytes) -> Array:
        """Colours with the last channel behind."""
        own = super().pixels(colours, palette, beside).reshape(*colours.shape[:2], -1)
        alpha = np.frombuffer(beside["alpha"], np.uint8).reshape(*colours.shape[:2], 1)
        return np.concatenate([own, alpha], -1)


class Paletted(PixelKind):
    """Places in a palette; they are put beside where the palette holds a colour twice."""

    def colours(self, pixels: Array, palette: Array | None) -> tuple[Array, Bytes]:
        """The palette's colours."""
        assert palette is not None
        found = palette[pixels]
        same = np.array_equal(_places(found, palette), pixels)
        return found, {} if same else {"places": pixels.tobytes()}

    def pixels(self, colours: Array, palette: Array | None, beside: Bytes) -> Array:
        """The first place of each colour, or what was put beside."""
        if palette is None:
            raise KeyError("palette")
        size = colours.shape[:2]
        if "places" in beside:
            return np.frombuffer(beside["places"], np.uint8).reshape(size)
        return _places(np.broadcast_to(colours, (*size, 3)), palette)

    def image(self, pixels: Array, palette: Array | None) -> Image.Image:
        """Mode P."""
        assert palette is not None
        made = Image.fromarray(pixels)
        made.putpalette(palette.tobytes())
        return made


def _places(colours: Array, palette: Array) -> Array:
    """For each colour, (H, W, 3), the first place of a palette that holds it; any for others."""
    distinct, first = np.unique(_as_numbers(palette), return_index=True)
    found = np.searchsorted(distinct, _as_numbers(colours)).clip(max=len(first) - 1)
    return first[found].astype(np.uint8)


def _as_numbers(colours: Array) -> Array:
    return colours.astype(np.int64) @ (1 << 16, 1 << 8, 1)


def palette_of(image: Image.Image) -> Array | None:
    """The palette of an opened picture, (256, 3), black where the file says nothing."""
    found = image.getpalette() if image.mode == "P" else None
    return None if found is None else padded(bytes(found))


def padded(palette: bytes) -> Array:
    """Some colours of a palette as all 256."""
    colours = np.zeros(3 * PALETTE, np.uint8)
    colours[: len(palette)] = np.frombuffer(palette[: 3 * PALETTE], np.uint8)
    return colours.reshape(PALETTE, 3)


KINDS: dict[str, PixelKind] = {
    "1": Bits(1),
    "L": PixelKind(1),
    "LA": WithAlpha(1),
    "P": Paletted(3),
    "RGB": PixelKind(3),
    "RGBA": WithAlpha(3),
    "I;16": PixelKind(1, np.uint16),
    "I": PixelKind(1, np.int32, in_png=False),
    "F": PixelKind(1, np.float32, in_png=False),
}
