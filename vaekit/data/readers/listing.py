"""Which files of a folder or an archive are data."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path, PurePath

PICTURES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm", ".pbm",
    ".pnm", ".apng", ".avif", ".jp2", ".tga",
)  # fmt: skip
LEFT_BY_PROGRAMS = ("__MACOSX", "@eaDir")


def files_below(folder: Path, endings: Collection[str]) -> list[Path]:
    """The files below a folder whose names end so (lower case), sorted by path; hidden ones are no
    data."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in endings
        and not is_hidden(path.relative_to(folder))
        and path.is_file()
    )


def is_hidden(path: PurePath) -> bool:
    """Whether a file, or a folder it lies in, is none of a person's: its name starts with a dot, or
    is one that programs give (__MACOSX).

    Args:
        path: from the folder or archive that is opened.
    """
    return any(part.startswith(".") or part in LEFT_BY_PROGRAMS for part in path.parts)
