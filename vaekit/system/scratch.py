"""Temporary files without a name: what is too large for memory lies there, and is mapped. Their
room on the disk is free again as soon as nobody holds what was mapped, however the process ends."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    """

    def __init__(self, file: Any) -> None:
        self.file = file

    def add(self, part: Array) -> None:
        """Write an array behind what is there.

        Args:
            part: of any shape.
        """
        self.file.write(np.ascontiguousarray(part).data)

    def array(self, dtype: Any, shape: Sequence[int]) -> Array:
        """All that was written as one array, mapped; what is changed in it stays in memory.

        Args:
            dtype: of its numbers.
            shape: as many numbers as were written.
        """
        self.file.flush()
        return np.memmap(self.file, dtype, "c", shape=tuple(shape))

    def bytes(self) -> mmap.mmap:
        """All that was written, mapped."""
        self.file.flush()
        return mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_READ)


@contextmanager
def scratch(what: str) -> Iterator[Scratch]:
    """A temporary file; what was mapped of it stays when the block ends.

    Args:
        what: is written there, in words.

    Raises:
        BadInput: where there is no room for it.
    """
    try:
        with tempfile.TemporaryFile(dir=place()) as file:
            yield Scratch(file)
    except OSError as error:
        raise BadInput(
            f"{what} does not fit into temporary files in {place()}: {error.strerror or error}; "
            "name a folder with more room as TMPDIR"
        ) from error
