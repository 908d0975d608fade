"""Images side by side."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
from PIL import Image

from vaekit.system.types import Array

COLOURS, MOST_CHANNELS, SEAM, INNER = (1, 3, 4), 9, 128, 64
SIDE, LARGEST = 600, 900  # pixels: what a sheet is enlarged to, and what it never gets beyond

Tones = tuple[float, float]  # the values that are shown black and white


def channels_text(channels: int) -> str:
    """How images of so many channels are shown, if not in colour; else nothing."""
    if channels in COLOURS:
        return ""
    some = "The" if channels <= MOST_CHANNELS else f"The first {MOST_CHANNELS} of the"
    return f" {some} {channels} channels of an image are grey pictures, line by line."


def as_bytes(images: Array, tones: Tones | None = None) -> Array:
    """Images of any range, (N, H, W) or (N, H, W, C), as uint8 from black to white. Channels that
    make no colour (neither 1, 3 nor 4) are grey pictures in lines of a square: (N, H', W').

    Args:
        images: (N, H, W) or (N, H, W, C).
        tones: the values of black and white; by default 0 and 255 for bytes above 1, 0 and 1 for
            fractions in [0, 1], else the smallest and the largest value found (of channels that
            make no colour: of each).
    """
    images = np.asarray(images, dtype=np.float64)
    if images.ndim == 4 and images.shape[3] not in COLOURS:
        return _in_lines(
            [as_bytes(c, tones) for c in np.moveaxis(images[..., :MOST_CHANNELS], 3, 0)]
        )
    low, high = tones or _span(images)
    return np.round((images - low) / max(high - low, 1e-12) * 255).clip(0, 255).astype(np.uint8)


def grid(images: Array, columns: int | None = None, gap: int = 1, shade: int = SEAM) -> Image.Image:
    """uint8 images, (N, H, W) or (N, H, W, C), laid out in rows with grey gaps between them."""
    count, height, width = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, *images.shape[3:])
    sheet = _shaded(size, shade)
    for number, image in enumerate(images):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return to_image(sheet)


def sheet(images: Array, columns: int | None = None, side: int = SIDE) -> Image.Image:
    """uint8 images as :func:`grid`, enlarged to about ``side`` pixels by a whole factor."""
    return enlarge(grid(images, columns), side)


def blanks(images: Array, count: int) -> Array:
    """So many grey pictures like ``images``, for places that stay free."""
    return _shaded((count, *images.shape[1:]), SEAM)


def _shaded(shape: tuple[int, ...], shade: int) -> Array:
    """uint8 of one grey, which is opaque."""
    found = np.full(shape, shade, np.uint8)
    if len(shape) > 2 and shape[-1] == 4:
        found[..., 3] = 255
    return found


def to_image(pixels: Array) -> Image.Image:
    """uint8 pixels, (H, W) or (H, W, C), as a picture."""
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def enlarge(image: Image.Image, side: int = SIDE, most: int = LARGEST) -> Image.Image:
    """Scale up by a whole factor, hard-edged, so that the longer side comes near ``side`` and not
    beyond ``most``; larger pictures stay as they are."""
    longest = max(image.size)
    factor = max(min(round(side / longest), most // longest), 1)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def data_uri(image: Image.Image) -> str:
    """The picture as PNG inside a text, for pages that stand alone."""
    return "data:image/png;base64," + base64.b64encode(png(image, optimize=True)).decode()


def png(image: Image.Image, *, optimize: bool = False) -> bytes:
    """The picture as a PNG file.

    Args:
        image: the picture.
        optimize: whether to take longer for a smaller one.
    """
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=optimize)
    return buffer.getvalue()


def _in_lines(channels: list[Array]) -> Array:
    """Grey pictures, (N, H, W) each, in lines of a square with seams between them, (N, H', W')."""
    across = math.ceil(math.sqrt(len(channels)))
    blank = np.full_like(channels[0], INNER)
    channels = [*channels, *[blank] * (-len(channels) % across)]
    lines = [
        _joined(channels[start : start + across], 2) for start in range(0, len(channels), across)
    ]
    return _joined(lines, 1)


def _joined(parts: list[Array], axis: int) -> Array:
    size = [1 if number == axis else length for number, length in enumerate(parts[0].shape)]
    seam = np.full(size, INNER, np.uint8)
    return np.concatenate([piece for part in parts for piece in (seam, part)][1:], axis)


def _span(images: Array) -> tuple[float, float]:
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 255:
        return 0.0, 1.0 if high <= 1 else 255.0
    return low, high
