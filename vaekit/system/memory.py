"""How memory that was freed is kept for the next large tensor, not given back to the system.

By default glibc takes every block above some size from the system and gives it back once it is
free. An evaluation makes tensors of megabytes at every step: a good part of its time would go into
pages that the system must clear again and again.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

TRIM, TOP_PAD, MMAP = -1, -2, -3  # numbers of malloc.h
LARGEST, LARGEST_OF_OLD = 2**30, 2**25  # a block that is kept; older glibc takes no more
PAD = 2**26
SAID = ("MALLOC_", "GLIBC_TUNABLES")


def keep_freed_memory(environment: Mapping[str, str]) -> bool:
    """Let glibc keep what is freed, unless the environment says how it is to do that.

    Args:
        environment: variables of the process.

    Returns:
        Whether it is done: not where the C library is another one.
    """
    if any(name.startswith(SAID) for name in environment):
        return False
    mallopt = _mallopt()
    if mallopt is None:
        return False
    kept = bool(mallopt(MMAP, LARGEST) or mallopt(MMAP, LARGEST_OF_OLD))
    return bool(mallopt(TRIM, LARGEST) and mallopt(TOP_PAD, PAD)) and kept


def _mallopt() -> Any:
    """glibc's function; None elsewhere."""
    try:
        library = ctypes.CDLL(None)
        return library.gnu_get_libc_version and library.mallopt
    except (OSError, TypeError, AttributeError):
        return None
