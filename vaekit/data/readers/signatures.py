"""What a file is, whatever its name says: by its first bytes, for complaints about it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

SIGNATURES = {
    b"\x89PNG\r\n": "a PNG picture (.png, .apng)",
    b"\xff\xd8\xff": "a JPEG picture (.jpg, .jpeg)",
    b"GIF8": "a GIF picture (.gif)",
    **dict.fromkeys((b"II*\0", b"MM\0*"), "a TIFF picture (.tif, .tiff)"),
    b"\x93NUMPY": "an array of NumPy's (.npy)",
    b"PAR1": "a Parquet table (.parquet)",
    b"ARROW1": "a Feather table (.feather, .arrow)",
    b"\x1f\x8b": "compressed by gzip (.gz)",
    b"BZh": "compressed by bzip2 (.bz2)",
    b"\x28\xb5\x2f\xfd": "compressed by zstd (.zst)",
    b"%PDF": "a PDF document, which vaekit does not read",
    b"\x89HDF": "HDF5, which vaekit does not read: save arrays as .npy",
    b"SQLite format 3": "an SQLite database, which vaekit does not read: save a table as .csv",
    b"\xd0\xcf\x11\xe0": "a file of Microsoft Office: save the sheet as .csv",
    **dict.fromkeys(
        (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"),
        "a pickle, which can run any code when opened: save arrays as .npy",
    ),
}
ZIP, SHEET = b"PK\x03\x04", b"[Content_Types].xml"
HEAD = 512


def kind_of(path: Path) -> str:
    """What a file is, in words; empty where its first bytes do not say."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError:
        return ""
    for mark, kind in SIGNATURES.items():
        if head.startswith(mark):
            return kind
    if head.startswith(ZIP):
        return "an Excel sheet: save it as .csv" if SHEET in head else "a ZIP archive (.npz)"
    with suppress(UnicodeDecodeError):
        if head and b"\0" not in head and head[: len(head) - 4].decode("utf-8"):
            return "text (.csv, .txt)"
    return ""


def instead(path: object, reason: str) -> str:
    """Why a file cannot be read: that it is another kind of file than its name says, or else the
    reason that is given."""
    kind = kind_of(path) if isinstance(path, Path) else ""
    return f"it is {kind}" if kind and not _is_named(path, kind) else reason


def _is_named(path: object, kind: str) -> bool:
    """Whether a file's name says that it is of this kind."""
    endings = kind.partition("(")[2].rstrip(")").split(", ")
    return any(ending and str(path).lower().endswith(ending) for ending in endings)
