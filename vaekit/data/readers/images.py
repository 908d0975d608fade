"""Pictures as rows of numbers.

Policy, in training and at every other command:

- Pictures are turned upright as EXIF says, laid over white where they are transparent, and in
  colour unless all are grey. Palettes, CMYK and other kinds of colour become RGB.
- If all have one size of at most 128 pixels a side, that size is kept. Otherwise each is cut at its
  centre to the target's proportions and resized with an antialiasing filter, to 64 x 64 by default.
- Pictures of 8 bits (or one) are uint8. Where all have more, they are grey and their numbers are
  kept: 16 bits and whole numbers as int32, fractions as float32. Pictures of 16 bits among those of
  8 are brought to 8, 65535 becoming 255; other numbers among them are refused.
- All pages of a file are pictures.
- Pictures for a trained model are brought to its size, its channels, and its kind of numbers.

What had to be done is said in notes; what cannot be done is refused by the file's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from vaekit.data.on_disk import Pictures, Values, is_large
from vaekit.data.readers.listing import PICTURES, files_below
from vaekit.data.readers.pages import (
    BYTES,
    FRACTIONS,
    WORDS,
    Look,
    Place,
    is_unsigned,
    look_at,
    reading,
)
from vaekit.system.checks import BadInput, require, size_text
from vaekit.system.progress import tracked
from vaekit.system.types import Array

LARGEST_KEPT = 128
DEFAULT_SIZE = (64, 64)
CHANNELS = {"L": 1, "RGB": 3, "I": 1, "F": 1}
DTYPES = {"I": torch.int32, "F": torch.float32}


@dataclass(frozen=True)
class PictureForm:
    """What pictures are brought to; by default what they suggest themselves.

    Args:
        size: (height, width).
        channels: 1 for grey, 3 for colour; 0 for either.
        dtype: of their numbers, such as "uint8"; empty for any.
    """

    size: tuple[int, int] | None = None
    channels: int = 0
    dtype: str = ""


AS_THEY_ARE = PictureForm()


@dataclass(frozen=True)
class Target:
    """What some pictures are brought to, all of them.

    Args:
        size: (height, width); None for each picture's own.
        mode: "L" or "RGB" in uint8, "I" in int32, "F" in float32.
    """

    size: tuple[int, int] | None
    mode: str

    @classmethod
    def of(cls, looks: Sequence[Look], form: PictureForm) -> Target:
        """The target of these pictures.

        Raises:
            BadInput: naming a picture whose numbers do not go with the others' or the form.
        """
        (size, *others) = {look.size for look in looks}
        natural = size if not others and max(size) <= LARGEST_KEPT else DEFAULT_SIZE
        return cls(form.size or natural, _mode(looks, form))

    @property
    def channels(self) -> int:
        """Of a picture."""
        return CHANNELS[self.mode]

    @property
    def dtype(self) -> torch.dtype:
        """Of its numbers."""
        return DTYPES.get(self.mode, torch.uint8)

    def pixels(self, image: Image.Image, name: object) -> Array:
        """An opened page as (C, H, W) in this dtype.

        Args:
            image: at its page.
            name: of it, for messages.
        """
        unsigned = image.mode == "I" and is_unsigned(image)
        upright = ImageOps.exif_transpose(image)
        if self.mode in DTYPES:
            return _fitted_numbers(_numbers(upright, name, unsigned=unsigned), self.size, self.mode)
        picture = to_mode(upright, self.mode)
        if self.size and (picture.height, picture.width) != self.size:
            picture = ImageOps.fit(picture, self.size[::-1], Image.Resampling.LANCZOS)
        pixels = np.asarray(picture, dtype=np.uint8)
        return pixels[None] if self.mode == "L" else np.moveaxis(pixels, 2, 0)

    def notes(self, looks: Sequence[Look]) -> list[str]:
        """What is done to these pictures, in words."""
        files, several = len({look.place for look in looks}), [k for k in looks if k.pages > 1]
        pages = f"{files} files hold {len(looks)} pictures: each page is one"
        resized = self.size and {look.size for look in looks} != {self.size}
        fitted = f"pictures cut at the centre and resized to {size_text(self.size or ())}"
        found = [pages] if several else []
        return [*found, *([fitted] if resized else []), *self._changes(looks)]

    def _changes(self, looks: Sequence[Look]) -> Iterator[str]:
        colours = [look for look in looks if not look.is_grey]
        scaled = [look for look in looks if look.depth == WORDS]
        if self.mode == "RGB":
            yield from _counted(looks, [k for k in looks if k.is_grey], "are grey: made colour")
        else:
            yield from _counted(looks, colours, "are in colour: made grey")
        if self.mode not in DTYPES:
            yield from _counted(looks, scaled, "have 16 bits: brought to 8, 65535 becoming 255")
        if self.mode == "F":
            whole = [look for look in looks if look.depth != FRACTIONS]
            yield from _counted(
                looks, whole, "hold whole numbers: taken as fractions, as others are"
            )
        narrowed = [look for look in looks if look.narrowed]
        yield from _counted(looks, narrowed, "have 16 bits for each colour: 8 of them are read")
        clear = [look for look in looks if look.clear and look.depth == BYTES]
        yield from _counted(looks, clear, "are transparent somewhere: laid over white")


def _counted(looks: Sequence[Look], some: Sequence[Look], what: str) -> Iterator[str]:
    if some:
        yield f"{len(some):,} of {len(looks):,} pictures {what}"


def _mode(looks: Sequence[Look], form: PictureForm) -> str:
    """The mode of a target."""
    narrow = [look for look in looks if look.depth == BYTES]
    if form.dtype == "uint8" or (narrow and not form.dtype):
        _check_bytes(looks, f"{narrow[0]} {BYTES}" if narrow else f"the model takes {BYTES}")
        grey = form.channels == 1 or (not form.channels and all(look.is_grey for look in looks))
        return "L" if grey else "RGB"
    require(
        not narrow,
        f"{narrow[0] if narrow else ''} has 8 bits, but the model was trained on {form.dtype} "
        "numbers: give pictures that hold such numbers, or an array",
    )
    fractions = [look for look in looks if look.depth == FRACTIONS]
    if not form.dtype:
        return "F" if fractions else "I"
    whole = not form.dtype.startswith("float")
    require(
        not (fractions and whole),
        f"{fractions[0] if fractions else ''} holds fractions, but the model was trained on whole "
        "numbers",
    )
    return "I" if whole else "F"


def _check_bytes(looks: Sequence[Look], other: str) -> None:
    for look in looks:
        require(
            look.depth in (BYTES, WORDS),
            f"{look} holds {look.depth}, {other}: keep pictures of one kind in a folder, or give "
            "an array",
        )


def find_images(place: Path) -> list[Path]:
    """All picture files below a folder, sorted by path, or the file itself; there must be some."""
    paths = image_files(place)
    require(bool(paths), f"no pictures ({', '.join(PICTURES[:3])}, ...) in {place}")
    return paths


def image_files(place: Path) -> list[Path]:
    """All picture files below a folder, sorted by path; of a picture file, the file itself."""
    if place.is_dir():
        return files_below(place, PICTURES)
    return [place] if place.suffix.lower() in PICTURES else []


def look_at_all(places: Sequence[Place]) -> list[list[Look]]:
    """The pages of each file."""
    return list(tracked(map(look_at, places), "looking at pictures", len(places)))


def read_images(looks: Sequence[Look], target: Target) -> Values:
    """Pictures as (N, C, H, W). If together they are large, each is read when it is asked for."""
    assert target.size is not None
    shape = (target.channels, *target.size)
    if is_large(len(looks), shape, target.dtype.itemsize):
        readers: list[Callable[[], Array]] = [partial(read_image, look, target) for look in looks]
        return Pictures(readers, shape, target.dtype)
    pixels = list(tracked(read_each(looks, target), "reading pictures", len(looks)))
    return torch.from_numpy(np.stack(pixels))


def read_each(looks: Sequence[Look], target: Target) -> Iterator[Array]:
    """Pictures as (C, H, W), one after the other; every file is opened once."""
    for place, pages in groupby(looks, lambda look: look.place):
        with reading(place) as image:
            for look in pages:
                image.seek(look.page)
                yield target.pixels(image, look)


def read_image(look: Look, target: Target) -> Array:
    """One picture as (C, H, W)."""
    return next(read_each([look], target))


def to_mode(image: Image.Image, mode: str) -> Image.Image:
    """Grey or colour, 8 bits, over white where transparent."""
    if image.mode.startswith("I"):
        numbers = (np.asarray(image) / 257).clip(0, 255)
        return Image.fromarray(numbers.astype(np.uint8)).convert(mode)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    return image.convert(mode)


def _numbers(image: Image.Image, name: object, *, unsigned: bool) -> Array:
    """(H, W) in int32 or float32."""
    found = np.asarray(image)
    if found.dtype.kind == "f":
        return found.astype(np.float32)
    numbers = found.astype(np.int32)
    if unsigned and numbers.min() < 0:
        raise BadInput(f"{name} holds whole numbers beyond 32 bits; rescale them")
    return numbers


def _fitted_numbers(numbers: Array, size: tuple[int, int] | None, mode: str) -> Array:
    """(1, H, W) of this size. Resizing keeps within the picture's own range."""
    dtype = np.int32 if mode == "I" else np.float32
    if size and numbers.shape != size:
        low, high = numbers.min(), numbers.max()
        image = ImageOps.fit(
            Image.fromarray(numbers.astype(np.float32)), size[::-1], Image.Resampling.LANCZOS
        )
        numbers = np.asarray(image, dtype=np.float64).clip(low, high)
        numbers = numbers.round() if mode == "I" else numbers
    return numbers.astype(dtype)[None]


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
