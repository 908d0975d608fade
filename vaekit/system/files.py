"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vaekit.system.checks import BadInput, require

PARTIAL = ".partial"


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it takes ``path``'s place, else it goes.

    Readers see the old file or the new one, never a part. After an error
    nothing half-written is left.

    Raises:
        BadInput: where the folder is missing or not writable, or the disk is full.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        yield temporary
        _flush(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def content(path: Path, largest: int) -> bytes:
    """The bytes of a file, which must not be too many.

    Raises:
        BadInput: where they are, or the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            require(size <= largest, f"cannot read {path}: it is larger than {largest:,} bytes")
            return file.read(size)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror or error}") from error


def make_folder(path: str | os.PathLike[str]) -> Path:
    """The folder, made with its parents if need be.

    Raises:
        BadInput: where it cannot be made or written to.
    """
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise BadInput(f"cannot write into {path}: {error.strerror or error}") from error


def remove_leftovers(folder: Path) -> None:
    """Remove the half-written files of processes that were killed."""
    for left in folder.glob(f".*{PARTIAL}*"):
        left.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    """A fresh name in the same folder, ending as ``path`` does (writers look at endings)."""
    try:
        handle, name = tempfile.mkstemp(
            prefix=".", suffix=f"{PARTIAL}{path.suffix}", dir=path.parent
        )
    except OSError as error:
        raise BadInput(f"cannot write {path}: {error.strerror or error}") from error
    os.close(handle)
    return Path(name)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush(path: Path) -> None:
    """Let the bytes reach the disk before the name does."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
