"""Files that are either whole or not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vaekit.system.checks import BadInput, require

PARTIAL = ".partial"
CUT_SHORT = "not all of it could be written, as where a disk is full"  # NumPy does not say why


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
        raise BadInput(f"cannot write {path}: {error.strerror or CUT_SHORT}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def filling(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``path``, whose files go there on success; else they go, and
    a folder that was there before stays as it was.

    Raises:
        BadInput: where it cannot be made, or the disk is full.
    """
    make_folder(path.parent)
    with tempfile.TemporaryDirectory(prefix=".", suffix=PARTIAL, dir=path.parent) as name:
        temporary = Path(name)
        yield temporary
        make_folder(path)
        for each in sorted(temporary.iterdir()):
            each.replace(path / each.name)


def claim(
    path: Path, *, force: bool = False, inputs: Iterable[str | os.PathLike[str]] = ()
) -> Path:
    """The path of a file, or of a folder, that is about to be written: nothing that is there
    already is written over unless that is asked for, and what is read never.

    Args:
        path: to write.
        force: whether a file, or files in a folder, may be written over.
        inputs: files and folders that are read.

    Raises:
        BadInput: for what may not be written over, before any work is done.
    """
    for read in inputs:
        require(
            not _reaches(path, Path(read)),
            f"{path} is read here, and would be lost: choose another name with --output",
        )
    if not os.path.lexists(path) or _is_empty_folder(path):
        return path
    fine = path.is_file() or path.is_dir()
    require(fine, f"{path} is neither a file nor a folder: it is left alone")
    require(force, f"{path} is there already: {OTHER_NAME}")
    return path


OTHER_NAME = "choose another name with --output, or write over it with --force"


def check_file(path: Path) -> Path:
    """The path; ``BadInput`` unless a file can have it: its folder exists, and it is none."""
    require(path.parent.is_dir(), f"there is no folder {path.parent} to write {path.name} into")
    require(not path.is_dir(), f"{path} is a folder: give the name of a file")
    return path


def check_new_folder(path: Path) -> Path:
    """The path; ``BadInput`` unless a folder can be made there, or be written into. What had to be
    made to find out is gone again."""
    made = [each for each in (path, *path.parents) if not each.exists()]
    try:
        return make_folder(path)
    finally:
        for each in made:
            with suppress(OSError):
                each.rmdir()


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _reaches(path: Path, read: Path) -> bool:
    """Whether writing ``path`` would change what is read: it is that, or is there already in that
    folder."""
    if not (path.exists() and read.exists()):
        return False
    return path.samefile(read) or path.resolve().is_relative_to(read.resolve())


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
