"""Picture files and the pages in them, opened with every mistake in one line.

A file holds one picture, or several: the pages of a TIFF stack, the frames of an animated GIF, PNG
or WebP. Small copies of a page in the same file (TIFF pyramids, previews behind a JPEG) are no
pictures of their own.
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from vaekit.data.readers.loading import first_line
from vaekit.data.readers.signatures import instead
from vaekit.data.readers.tar import Member
from vaekit.system.checks import BadInput, require

Place = Path | Member
BYTES, WORDS, WHOLE, FRACTIONS = "8 bits", "16 bits", "32-bit numbers", "fractions"
ORIENTATION, UPRIGHT, FIRST_SIDEWAYS = 274, 1, 5
REDUCED, SAMPLE_FORMAT, UNSIGNED = 254, 339, 1
GREY = ("1", "L", "LA", "La")
CLEAR = ("RGBA", "LA", "PA", "RGBa", "La")
WIDE_SAMPLES = re.compile(r"(LA?|RGB[AaX]*|CMYK|LAB);(12|16)")
PAGE = re.compile(r" (page|tile) \d+$")
DRAWN = ("EPS", "WMF")  # Pillow has other programs draw these
BROKEN = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, MemoryError,
    NotImplementedError, struct.error, zlib.error,
)  # fmt: skip
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)

# Pillow warns of pictures above a limit and refuses those above twice of it: the second is enough.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, append=True)


@dataclass(frozen=True)
class Look:
    """What a page says of itself before its pixels are read.

    Args:
        place: of the file.
        page: its number, from 0.
        pages: of the file.
        size: (height, width) as it is seen, turned upright.
        mode: Pillow's name for its kind of pixels.
        depth: of its numbers.
        narrowed: whether its numbers have more bits than can be read.
        clear: whether some of it may be transparent.
    """

    place: Place
    page: int
    pages: int
    size: tuple[int, int]
    mode: str
    depth: str = BYTES
    narrowed: bool = False
    clear: bool = False

    @property
    def is_grey(self) -> bool:
        """Whether there are no colours."""
        return self.mode in GREY or self.depth != BYTES

    def __str__(self) -> str:
        return called(str(self.place), self.page, self.pages)


def called(file: str, number: int, count: int, kind: str = "page") -> str:
    """What a page is called: by its file, and its number (from 1) where there are several."""
    return f"{file} {kind} {number + 1}" if count > 1 else file


def file_of(name: str) -> str:
    """The file of what :func:`called` gave."""
    return PAGE.sub("", name)


@contextmanager
def reading(place: Place) -> Iterator[Image.Image]:
    """An opened picture file.

    Raises:
        BadInput: naming the file, for one that cannot be read.
    """
    try:
        # Not its path: Pillow maps files that it opens, and mixes up turned TIFF files then.
        with _opened(place) as file, Image.open(file) as image:
            require(image.format not in DRAWN, f"{place} is a drawing ({image.format})")
            yield image
    except BadInput:
        raise
    except BOMBS as error:
        raise BadInput(_too_large(place, error)) from error
    except UnidentifiedImageError as error:
        why = instead(place, "its kind is not known")
        raise BadInput(
            f"cannot read {place} as a picture: {why}; remove it or rename it"
        ) from error
    except BROKEN as error:
        raise BadInput(
            f"cannot read {place} as a picture: {first_line(error)}; remove it or repair it"
        ) from error


def _opened(place: Place) -> BinaryIO:
    return place.open("rb") if isinstance(place, Path) else place.open()


def _too_large(place: Place, error: BaseException) -> str:
    """Pillow says how many pixels there are, and how many are too many."""
    found, *limit = (int(number) / 1e6 for number in re.findall(r"\d+", str(error)))
    most = f", more than the {limit[0]:.0f} that are read" if limit else ""
    return f"{place} has {found:.0f} megapixels{most}: make it smaller, or cut it into pieces"


def look_at(place: Place) -> list[Look]:
    """All pages of a file that are pictures of their own."""
    with reading(place) as image:
        count = page_count(image)
        looks = [_look(place, image, number, count) for number in range(count)]
        return [found for found in looks if found] or [_look(place, image, 0, 1, small=True)]


def page_count(image: Image.Image) -> int:
    """Pages of an opened file; what follows a JPEG photograph (MPO) is a preview."""
    return 1 if image.format == "MPO" else int(getattr(image, "n_frames", 1))


def _look(place: Place, image: Image.Image, number: int, count: int, *, small: bool = False) -> Any:
    if count > 1 or small:
        image.seek(number)
    if not small and count > 1 and is_reduced(image):
        return None
    return Look(
        place, number, count, _size(image), image.mode, depth_of(image), is_narrowed(image),
        image.mode in CLEAR or "transparency" in image.info,
    )  # fmt: skip


def is_reduced(image: Image.Image) -> bool:
    """Whether a page of a TIFF file is a small copy of another."""
    return bool(int(getattr(image, "tag_v2", {}).get(REDUCED, 0)) & 1)


def _size(image: Image.Image) -> tuple[int, int]:
    """(height, width) upright. Pillow turns TIFF files itself."""
    turned = image.format != "TIFF" and image.getexif().get(ORIENTATION, UPRIGHT) >= FIRST_SIDEWAYS
    return (image.width, image.height) if turned else (image.height, image.width)


def depth_of(image: Image.Image) -> str:
    """Of which kind the numbers of an opened page are."""
    if image.mode == "F":
        return FRACTIONS
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        return WORDS
    return WHOLE if image.mode == "I" else BYTES


def is_narrowed(image: Image.Image) -> bool:
    """Whether Pillow gives 8 of the 16 bits of each colour. To be asked before pixels are read."""
    if image.mode.startswith(("I", "F")):
        return False
    for _, _, _, how in getattr(image, "tile", ()):
        parts = how if isinstance(how, tuple) else (how,)
        if any(isinstance(part, str) and WIDE_SAMPLES.match(part) for part in parts):
            return True
        if image.format == "PPM" and any(isinstance(p, int) and p > 255 for p in parts):
            return True
    return False


def is_unsigned(image: Image.Image) -> bool:
    """Whether a TIFF page of whole numbers has no sign, so that none may be below 0."""
    return getattr(image, "tag_v2", {}).get(SAMPLE_FORMAT, UNSIGNED) in (UNSIGNED, (UNSIGNED,))
