"""Picture files kept whole: what a model codes of them, what else there is, and both put together.

A page is planes, (C, H, W), which a model codes, and what lies beside them: the kind of pixels, a
palette, transparency, how it is to be turned, its EXIF block, colour profile and resolution. What
comes back is a PNG file, or a TIFF file where PNG has no such numbers or there are several pages.
Files that would not come back the same are refused by name: other kinds of colour (CMYK), colours
of 16 bits (of which only 8 can be read), animations.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, TiffTags

from vaekit.data.readers.pages import (
    ORIENTATION,
    UPRIGHT,
    WORDS,
    called,
    depth_of,
    is_narrowed,
    is_reduced,
    is_unsigned,
    reading,
)
from vaekit.data.readers.pixel_kinds import KINDS, PixelKind, padded, palette_of
from vaekit.system.checks import require
from vaekit.system.types import Array

EXIF = b"Exif\x00\x00"
LIKELY_DPI = (1, 100_000)
# What says how a file was written, or is kept: not what would be lost.
NOT_LOST = {
    "adobe", "adobe_transform", "background", "compression", "default_image", "dpi", "duration",
    "exif", "extension", "icc_profile", "interlace", "jfif", "jfif_density", "jfif_unit",
    "jfif_version", "loop", "orientation", "progression", "progressive", "resolution", "rle",
    "timestamp", "transparency", "version",
}  # fmt: skip
TAGS_NOT_LOST = {
    254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284,
    296, 297, 317, 320, 322, 323, 324, 325, 338, 339, 340, 341, 347, 530, 531, 532, 34675,
}  # fmt: skip
Beside = dict[str, Any]
SOUND: dict[str, Callable[[Any], bool]] = {
    "mode": lambda found: isinstance(found, str) and found in KINDS,
    "turn": lambda found: found in range(1, 9),
    "clear": lambda found: found is None or isinstance(found, bytes) or _are_numbers(found, 1, 3),
    "dpi": lambda found: found == () or _are_numbers(found, 2),
    **dict.fromkeys(
        ("exif", "profile", "palette", "alpha", "places"), lambda found: isinstance(found, bytes)
    ),
}
UNDONE_BY = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}


@dataclass(frozen=True)
class WholePage:
    """All that is kept of one page.

    Args:
        mode: Pillow's name for its kind of pixels, one of ``KINDS``.
        pixels: as they are stored, (H, W) or (H, W, C).
        palette: of mode P, (256, 3) in uint8.
        clear: the colour that is transparent, as PNG says it; of mode P how opaque each is.
        turn: EXIF's number for how it is to be turned to be seen.
        exif: the EXIF block.
        profile: the ICC colour profile.
        dpi: dots per inch, across and down; empty if unknown.
        lost: names of what the file holds beside, which is not kept.
    """

    mode: str
    pixels: Array
    palette: Array | None = None
    clear: int | tuple[int, ...] | bytes | None = None
    turn: int = UPRIGHT
    exif: bytes = b""
    profile: bytes = b""
    dpi: tuple[float, ...] = ()
    lost: frozenset[str] = frozenset()

    @classmethod
    def of(cls, image: Image.Image, name: str) -> WholePage:
        """An opened page.

        Raises:
            BadInput: for one that cannot be kept whole.
        """
        _check(image, name)
        words, unsigned = depth_of(image) == WORDS, is_unsigned(image)
        image.load()
        mode = "I;16" if words else image.mode
        pixels: Array = np.asarray(image).astype(KINDS[mode].dtype)
        beyond = unsigned and pixels.dtype == np.int32 and bool((pixels < 0).any())
        require(not beyond, f"{name} cannot be kept whole: it holds numbers beyond 32 bits")
        return cls(
            mode, pixels, palette_of(image), _clear(image),
            turn=image.getexif().get(ORIENTATION, UPRIGHT),
            exif=(image.info.get("exif") or b"").removeprefix(EXIF),
            profile=image.info.get("icc_profile") or b"",
            dpi=_dpi(image), lost=_lost(image),
        )  # fmt: skip

    @property
    def kind(self) -> PixelKind:
        """Of its pixels."""
        return KINDS[self.mode]

    def split(self, channels: int, name: str) -> tuple[Array, Beside]:
        """What a model of so many channels codes of it, (channels, H, W), turned upright as in
        training, and what lies beside.

        Raises:
            BadInput: for colours, where the model codes grey.
        """
        colours, more = self.kind.colours(self.pixels, self.palette)
        grey = bool((colours == colours[..., :1]).all())
        require(grey or channels == 3, f"{name} is in colour; the model codes grey pictures")
        if colours.shape[-1] != channels:
            colours = np.repeat(colours[..., :1], channels, -1)
        used = b"" if self.palette is None else self.palette[: int(self.pixels.max()) + 1].tobytes()
        beside = {
            "mode": self.mode, "palette": used, "clear": self.clear, "turn": self.turn,
            "exif": self.exif, "profile": self.profile, "dpi": self.dpi, **more,
        }  # fmt: skip
        return upright(np.moveaxis(colours, -1, 0), self.turn), beside

    @classmethod
    def joined(cls, planes: Array, beside: Beside) -> WholePage:
        """The reverse of :meth:`split`; what ``beside`` lacks is as in most pictures.

        Raises:
            BadInput: for what no picture has beside its planes.
        """
        for name, value in beside.items():
            require(name in SOUND and SOUND[name](value), f"{name} cannot be {value!r}")
        mode = beside.get("mode") or ("L" if len(planes) == 1 else "RGB")
        palette = padded(beside["palette"]) if beside.get("palette") else None
        stored = upright(planes, UNDONE_BY.get(beside.get("turn", UPRIGHT), UPRIGHT))
        pixels = KINDS[mode].pixels(np.moveaxis(stored, 0, -1), palette, beside)
        rest = {n: beside[n] for n in ("clear", "turn", "exif", "profile", "dpi") if n in beside}
        return cls(mode, pixels, palette, **rest)

    def difference(self, other: WholePage) -> str:
        """What is not the same in another page, in words; nothing if all is. Resolutions are
        rounded in files, and not compared."""
        both = {
            "kind of pixels": (self.mode, other.mode),
            "size": (self.pixels.shape, other.pixels.shape),
            "pixels": (self.pixels.tobytes(), other.pixels.tobytes()),
            "palette": (self._colours_used, other._colours_used),
            "transparency": (self.clear, other.clear),
            "orientation": (self.turn, other.turn),
            "EXIF block": (self.exif, other.exif if self.exif else b""),
            "colour profile": (self.profile, other.profile),
        }
        return next((name for name, (a, b) in both.items() if a != b), "")

    @property
    def _colours_used(self) -> bytes:
        return b"" if self.palette is None else self.palette[np.unique(self.pixels)].tobytes()

    def image(self) -> Image.Image:
        """As Pillow holds it."""
        made = self.kind.image(self.pixels, self.palette)
        if self.profile:
            made.info["icc_profile"] = self.profile
        return made

    @property
    def options(self) -> dict[str, Any]:
        """What Pillow is told when it writes the page."""
        turned = Image.Exif()
        turned[ORIENTATION] = self.turn
        found = {
            "transparency": self.clear,
            "dpi": self.dpi or None,
            "exif": EXIF + self.exif if self.exif else turned if self.turn != UPRIGHT else None,
        }
        return {name: value for name, value in found.items() if value is not None}


def _are_numbers(found: Any, *counts: int) -> bool:
    """Whether this is one number, or a tuple of so many as are allowed."""
    each = found if isinstance(found, tuple) else (found,)
    return len(each) in counts and all(isinstance(n, int | float) and n >= 0 for n in each)


def upright(planes: Array, turn: int) -> Array:
    """Planes, (C, H, W), as an EXIF orientation says that they are seen: mirrored by 2, 4, 5 and
    7, turned by the others."""
    if turn in (5, 6, 7, 8):
        planes = planes.swapaxes(1, 2)
    down, across = turn in (3, 4, 7, 8), turn in (2, 3, 6, 7)
    return np.ascontiguousarray(planes[:, :: -1 if down else 1, :: -1 if across else 1])


def _check(image: Image.Image, name: str) -> None:
    """Raise ``BadInput`` for a page that cannot be kept whole; its pixels are not read yet."""
    mode = "I;16" if image.mode.startswith("I;16") else image.mode
    whys = {
        "its colours have 16 bits, of which only 8 can be read": is_narrowed(image),
        "its numbers are scaled when they are read": _is_scaled(image),
        f"it is of mode {mode}; {', '.join(KINDS)} can be": mode not in KINDS,
        "it is a small copy of another page": is_reduced(image),
    }
    for why, found in whys.items():
        require(not found, f"{name} cannot be kept whole: {why}")


def _is_scaled(image: Image.Image) -> bool:
    """Whether a PGM or PPM file counts to another number than 255 or 65535."""
    if image.format != "PPM":
        return False
    parts = (p for *_, how in getattr(image, "tile", ()) if isinstance(how, tuple) for p in how)
    return any(isinstance(top, int) and top not in (0, 1, 255, 65535) for top in parts)


def _clear(image: Image.Image) -> Any:
    """Transparency as it stands in a PNG file; of palettes as bytes, the opaque end left out."""
    found = image.info.get("transparency")
    if image.mode != "P" or found is None:
        return tuple(found) if isinstance(found, list) else found
    table = b"\xff" * found + b"\x00" if isinstance(found, int) else bytes(found)
    return table.rstrip(b"\xff") or None


def _dpi(image: Image.Image) -> tuple[float, ...]:
    low, high = LIKELY_DPI
    found = tuple(map(float, image.info.get("dpi") or ()))
    return found if len(found) == 2 and all(low < n < high for n in found) else ()


def read_whole(path: Path) -> list[WholePage]:
    """All pages of a picture file.

    Raises:
        BadInput: for a file that cannot be kept whole.
    """
    with reading(path) as image:
        count = int(getattr(image, "n_frames", 1))
        require(
            count == 1 or image.format == "TIFF",
            f"{path} cannot be kept whole: it holds {count} pictures ({image.format}), and only "
            "the pages of TIFF files are kept",
        )
        return _pages(image, str(path), count)


def _pages(image: Image.Image, name: str, count: int) -> list[WholePage]:
    found = []
    for number in range(count):
        image.seek(number)
        found.append(WholePage.of(image, called(name, number, count)))
    return found


def _lost(image: Image.Image) -> frozenset[str]:
    """Names of what a page holds that is not kept: comments, dates, ..."""
    tags = {int(tag) for tag in getattr(image, "tag_v2", {})} - TAGS_NOT_LOST
    named = {str(TiffTags.lookup(tag).name) for tag in tags}
    return frozenset(named | ({str(key) for key in image.info} - NOT_LOST))


def ending_of(pages: Sequence[WholePage]) -> str:
    """Of the file that pages come back in."""
    return ".png" if len(pages) == 1 and pages[0].kind.in_png else ".tif"


def as_file(pages: Sequence[WholePage]) -> bytes:
    """The picture file of some pages."""
    made = io.BytesIO()
    first, *others = [page.image() for page in pages]
    options = pages[0].options
    if ending_of(pages) == ".png":
        first.save(made, "PNG", **options)
        return made.getvalue()
    several: dict[str, Any] = {"save_all": True, "append_images": others} if others else {}
    first.save(made, "TIFF", compression="tiff_adobe_deflate", **several, **options)
    return made.getvalue()


def check_comes_back(path: Path, wanted: Sequence[WholePage], pages: Sequence[WholePage]) -> None:
    """Raise ``BadInput`` unless pages, once written, are those of a file.

    Args:
        path: of the file.
        wanted: its pages, as read from it.
        pages: to be written.
    """
    with Image.open(io.BytesIO(as_file(pages))) as image:
        found = _pages(image, str(path), int(getattr(image, "n_frames", 1)))
    what = "number of pages" if len(wanted) != len(found) else ""
    what = what or next(filter(None, map(WholePage.difference, wanted, found)), "")
    require(not what, f"{path} cannot be kept whole: its {what} would not come back the same")
