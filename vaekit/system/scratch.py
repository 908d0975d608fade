"""Temporary files without a name: what is too large for memory lies there, and is mapped. Their
room on the disk is free again as soon as nobody holds what was mapped, however the process ends."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from vaekit.system.checks import BadInput
from vaekit.system.types import Array

OFTEN_ON_DISK = Path("/var/tmp")
NAMED_BY = ("TMPDIR", "TEMP", "TMP")


def place() -> str:
    """The folder of such files: the one that TMPDIR names, else /var/tmp, else the usual one."""
    if not any(os.environ.get(name) for name in NAMED_BY) and os.access(OFTEN_ON_DISK, os.W_OK):
        return str(OFTEN_ON_DISK)
    return tempfile.gettempdir()


class Scratch:
    """A temporary file without a name, to be filled from its beginning.

    Args:
        file: that is written.
        what: is written there, in words.
    """

    closed = False  # as Arrow asks of what it writes to

    def __init__(self, file: Any, what: str) -> None:
        self.file, self.what = file, what

    def write(self, part: Any) -> int:
        """Write bytes behind what is there; how many they were.

        Args:
            part: the bytes.

        Raises:
            BadInput: where there is no room for them.
        """
        with _no_room(self.what):
            return int(self.file.write(part))

    def add(self, part: Array) -> None:
        """Write an array behind what is there.

        Args:
            part: of any shape.
        """
        self.write(np.ascontiguousarray(part).data)

    def flush(self) -> None:
        """Hand all that was written to the disk.

        Raises:
            BadInput: where there is no room for it.
        """
        with _no_room(self.what):
            self.file.flush()

    def array(self, dtype: Any, shape: Sequence[int]) -> Array:
        """All that was written as one array, mapped; what is changed in it stays in memory.

        Args:
            dtype: of its numbers.
            shape: as many numbers as were written.
        """
        self.flush()
        return np.memmap(self.file, dtype, "c", shape=tuple(shape))

    def bytes(self) -> mmap.mmap:
        """All that was written, mapped."""
        self.flush()
        return mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)


@contextmanager
def scratch(what: str) -> Iterator[Scratch]:
    """A temporary file; what was mapped of it stays when the block ends. Errors of what is read
    meanwhile are none of its own.

    Args:
        what: is written there, in words.

    Raises:
        BadInput: where there is no room for it.
    """
    with _no_room(what):
        file = tempfile.TemporaryFile(dir=place())  # noqa: SIM115 - it is closed below
    try:
        yield Scratch(file, what)
    finally:
        with suppress(OSError):  # what did not fit was told when it was written
            file.close()


@contextmanager
def _no_room(what: str) -> Iterator[None]:
    """What the disk says, in a line."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{what} does not fit into temporary files in {place()}: {error.strerror or error}; "
            "name a folder with more room as TMPDIR"
        ) from error
