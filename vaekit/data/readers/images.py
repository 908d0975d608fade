"""Folders of pictures.

Policy: pictures are rotated as EXIF says, laid over white where transparent, and in colour unless
all are grey. If all have one size of at most 128 pixels a side, that size is kept. Otherwise each
is cut at its centre to the target's proportions and resized with an antialiasing filter, to
64 x 64 by default.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from vaekit.data.on_disk import Pictures, Values, is_large
from vaekit.data.readers.tar import Member
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import tracked

Place = Path | Member
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
LARGEST_KEPT = 128
DEFAULT_SIZE = (64, 64)
ORIENTATION, FIRST_SIDEWAYS = 274, 5
GREY = ("1", "L", "I", "I;16", "F")


def find_images(folder: Path) -> list[Path]:
    """All picture files below ``folder``, sorted by path; there must be some."""
    paths = image_files(folder)
    require(bool(paths), f"no pictures ({', '.join(SUFFIXES[:3])}, ...) in {folder}")
    return paths


def read_images(
    paths: Sequence[Place], size: tuple[int, int] | None = None
) -> tuple[Values, str | None]:
    """All pictures as uint8 (N, C, H, W), and a note where they were resized. If together they
    are large, each is read when it is asked for."""
    headers = list(tracked(map(header, paths), "looking at pictures", len(paths)))
    sizes = {size for size, _ in headers}
    mode = common_mode(headers)
    target = size or _natural_size(sizes)
    note = f"pictures cut at the centre and resized to {target[0]} x {target[1]}"
    said = None if sizes == {target} else note
    shape = (1 if mode == "L" else 3, *target)
    if is_large(len(paths), shape):
        return Pictures([partial(read_image, path, target, mode) for path in paths], shape), said
    read = (read_image(path, target, mode) for path in paths)
    pixels = np.stack(list(tracked(read, "reading pictures", len(paths))))
    return torch.from_numpy(pixels), said


def image_files(folder: Path) -> list[Path]:
    """All picture files below ``folder``, sorted by path."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)


def header(path: Place) -> tuple[tuple[int, int], str]:
    """(height, width) after EXIF rotation, and colour mode."""
    with reading(path) as image:
        sideways = image.getexif().get(ORIENTATION, 1) >= FIRST_SIDEWAYS
        size = (image.width, image.height) if sideways else (image.height, image.width)
        return size, image.mode


def common_mode(headers: Sequence[tuple[tuple[int, int], str]]) -> str:
    """ "L" if all pictures are grey, else "RGB"."""
    return "L" if all(kind in GREY for _, kind in headers) else "RGB"


def read_image(path: Place, size: tuple[int, int], mode: str) -> np.ndarray:
    """One picture as uint8 (C, H, W)."""
    with reading(path) as opened:
        image = to_mode(ImageOps.exif_transpose(opened), mode)
    if (image.height, image.width) != size:
        image = ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[None] if mode == "L" else np.moveaxis(pixels, 2, 0)


@contextmanager
def reading(path: Place) -> Iterator[Image.Image]:
    """An opened picture; errors name its path."""
    try:
        with Image.open(path if isinstance(path, Path) else path.open()) as image:
            yield image
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(
            f"cannot read {path} as a picture ({error}); remove it or repair it"
        ) from error


def to_mode(image: Image.Image, mode: str) -> Image.Image:
    """Grey or colour, 8 bits, over white where transparent."""
    if image.mode.startswith("I"):
        return Image.fromarray((np.asarray(image) / 257).clip(0, 255).astype(np.uint8)).convert(
            mode
        )
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert(mode)


def _natural_size(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    (size, *others) = sizes
    return size if not others and max(size) <= LARGEST_KEPT else DEFAULT_SIZE


def to_tiles(pixels: np.ndarray, tile: tuple[int, int]) -> np.ndarray:
    """(C, H, W) to (tiles, C, *tile), row after row."""
    down, right = (-n % t for n, t in zip(pixels.shape[1:], tile, strict=True))
    padded = np.pad(pixels, ((0, 0), (0, down), (0, right)), "edge")
    rows, columns = padded.shape[1] // tile[0], padded.shape[2] // tile[1]
    cut = padded.reshape(-1, rows, tile[0], columns, tile[1])
    return cut.transpose(1, 3, 0, 2, 4).reshape(rows * columns, -1, *tile)


def from_tiles(tiles: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture, (C, height, width), that :func:`to_tiles` cut up."""
    channels, down, across = tiles.shape[1:]
    columns = -(-width // across)
    grid = tiles.reshape(-1, columns, channels, down, across).transpose(2, 0, 3, 1, 4)
    return grid.reshape(channels, -1, columns * across)[:, :height, :width]
