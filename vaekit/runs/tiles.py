"""Pictures of any size, compressed with a model of small ones: cut into tiles, put together again.

Each picture is a block of its own and can be read alone. Tiles at the right and lower edges repeat
the last column and row; what was added is dropped again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from vaekit.codec.columns import as_columns
from vaekit.codec.header import PICTURES
from vaekit.data.readers.images import find_images, from_tiles, to_tiles
from vaekit.data.readers.roles import LABEL
from vaekit.runs.archive import Archive, Summary, compress
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import make_folder, replacing
from vaekit.system.records import Part
from vaekit.system.types import Array

MODES = {1: "L", 3: "RGB"}


def compress_pictures(
    trained: Trained,
    folder: Path,
    out: Path,
    *,
    given: Mapping[str, Any] | None = None,
    **options: Any,
) -> Summary:
    """Write a folder's pictures, pixel for pixel, to a .vk file.

    Args:
        trained: the model.
        folder: of pictures.
        out: the file.
        given: what a conditional model is given: by name, one value for each picture, in the order
            of their paths, or one for all; by default labels are the names of the sub-folders.
        options: embed, verify; see :func:`vaekit.runs.archive.compress`.

    Raises:
        BadInput: for pictures that are not 8-bit grey or colour, as the model's are.
    """
    shape = trained.representation.shape
    require(len(shape) == 3, "this model describes rows of numbers, not pictures")
    paths = find_images(folder)
    pictures = [read_pixels(path, shape[0]) for path in paths]
    tiles = [to_tiles(pixels, shape[1:]) for pixels in pictures]  # type: ignore[arg-type]
    names = [p.relative_to(folder).with_suffix(".png").as_posix() for p in paths]
    require(len(set(names)) == len(names), f"two pictures in {folder} differ only in their ending")
    listed = [[n, *p.shape[1:]] for n, p in zip(names, pictures, strict=True)]
    counts = [len(t) for t in tiles]
    told = dict(given or {})
    if LABEL in trained.config.conditions.names and LABEL not in told:
        told[LABEL] = [str(path.parent.relative_to(folder)) for path in paths]
    each = as_columns(told, len(counts))
    beside = {name: np.repeat(values, counts, axis=0) for name, values in each.items()}
    found = {"pieces": counts, "extra": {"pictures": listed}, "given": beside, **options}
    return compress(trained, np.concatenate(tiles), out, **found)


def read_pixels(path: Path, channels: int) -> Array:
    """A picture's stored pixels, (C, H, W) uint8, unturned and unscaled."""
    try:
        with Image.open(path) as image:
            mode, pixels = image.mode, np.asarray(image)
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"cannot read {path}: {error}") from error
    require(
        mode == MODES.get(channels),
        f"{path} is of mode {mode}; the model codes {MODES.get(channels, 'no')} pictures",
    )
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def restore_pictures(
    archive: Archive, folder: Path, start: int = 0, stop: int | None = None
) -> int:
    """Write pictures ``start`` to ``stop`` of an archive as PNG files; returns how many."""
    listed = _pictures_in(archive)
    ends = np.cumsum([0, *archive.stated.blocks])
    stop = len(listed) if stop is None else stop
    require(0 <= start < stop <= len(listed), f"pictures {start}:{stop} of {len(listed)}")
    blocks = archive.blocks(int(ends[start]), int(ends[stop]))
    for (name, height, width), (_, tiles) in zip(listed[start:stop], blocks, strict=True):
        _save(from_tiles(tiles, height, width), _inside(folder, name))
    return stop - start


def _pictures_in(archive: Archive) -> list[tuple[str, int, int]]:
    """Name, height and width of each picture that an archive says it holds.

    Raises:
        BadInput: for a list that does not go with the archive's blocks.
    """
    header, blocks = Part(archive.header, f"the header of {archive.path}"), archive.stated.blocks
    listed = [_picture(found) for found in header.items(PICTURES)]
    shape = archive.shape
    fits = len(shape) == 3 and shape[0] in MODES and archive.stated.dtype == np.uint8
    header.require(fits, PICTURES, f"of 8-bit pictures, and rows are {shape}")
    header.require(len({n for n, *_ in listed}) == len(blocks), PICTURES, "one for each block")
    for (name, height, width), tiles in zip(listed, blocks, strict=True):
        wanted = -(-height // shape[1]) * -(-width // shape[2])
        header.require(wanted == tiles, PICTURES, f"cut into {wanted} tiles for {name[:60]!r}")
    return listed


def _picture(found: Any) -> tuple[str, int, int]:
    """A picture's entry."""
    entry = found if isinstance(found, list) and len(found) == 3 else ["", 0, 0]
    part = Part(dict(zip(("name", "height", "width"), entry, strict=True)), "a picture's entry")
    name, height, width = part.text("name"), part.whole("height", 1), part.whole("width", 1)
    part.require("\0" not in name and name.endswith(".png"), "name", "the name of a .png file")
    return name, height, width


def _inside(folder: Path, name: str) -> Path:
    """Where a stored name leads; never out of the folder."""
    path = (folder / name).resolve()
    require(path.is_relative_to(folder.resolve()), f"the name {name!r} leads out of the folder")
    make_folder(path.parent)
    return path


def _save(pixels: Array, path: Path) -> None:
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    with replacing(path) as temporary:
        image.save(temporary, "png")
