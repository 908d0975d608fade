"""Images side by side."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
from PIL import Image

from vaekit.system.types import Array

COLOURS, SIDE_BY_SIDE, SEAM = (1, 3, 4), 8, 128


def channels_text(channels: int) -> str:
    """How images of so many channels are shown, if not in colour; else nothing."""
    if channels in COLOURS:
        return ""
    some = "The" if channels <= SIDE_BY_SIDE else f"The first {SIDE_BY_SIDE} of the"
    return f" {some} {channels} channels of an image are grey pictures side by side."


def as_bytes(images: Array, top: float | None = None) -> Array:
    """Images of any range, (N, H, W) or (N, H, W, C), as uint8 from black to white. Channels that
    make no colour (neither 1, 3 nor 4) lie side by side, each on a scale of its own: (N, H, W').

    Args:
        images: (N, H, W) or (N, H, W, C).
        top: the value of white; by default 255 for bytes above 1, 1 for fractions in [0, 1],
            else the largest value found (and the smallest is black).
    """
    images = np.asarray(images, dtype=np.float64)
    if images.ndim == 4 and images.shape[3] not in COLOURS:
        return _side_by_side(np.moveaxis(images[..., :SIDE_BY_SIDE], 3, 0), top)
    low, high = (0.0, top) if top else _span(images)
    return np.round((images - low) / max(high - low, 1e-12) * 255).clip(0, 255).astype(np.uint8)


def grid(images: Array, columns: int | None = None, gap: int = 1, shade: int = 128) -> Image.Image:
    """uint8 images, (N, H, W) or (N, H, W, C), laid out in rows with grey gaps between them."""
    count, height, width = images.shape[:3]
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, *images.shape[3:])
    sheet = np.full(size, shade, dtype=np.uint8)
    for number, image in enumerate(images):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return to_image(sheet)


def to_image(pixels: Array) -> Image.Image:
    """uint8 pixels, (H, W) or (H, W, C), as a picture."""
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def enlarge(image: Image.Image, side: int) -> Image.Image:
    """Scale up by a whole factor, hard-edged, so that the longer side comes near ``side``."""
    factor = max(side // max(image.size), 1)
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def data_uri(image: Image.Image) -> str:
    """The picture as PNG inside a text, for pages that stand alone."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _side_by_side(channels: Array, top: float | None) -> Array:
    """Channels, (C, N, H, W), as grey pictures in a row, (N, H, W'), with a seam between them."""
    seam = np.full((*channels.shape[1:3], 1), SEAM, np.uint8)
    parts = [part for channel in channels for part in (seam, as_bytes(channel, top))]
    return np.concatenate(parts[1:], 2)


def _span(images: Array) -> tuple[float, float]:
    low, high = float(images.min()), float(images.max())
    if low >= 0 and high <= 255:
        return 0.0, 1.0 if high <= 1 else 255.0
    return low, high
