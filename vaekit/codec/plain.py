"""Plain coders of bytes, whose output is bounded: a few bytes of a file from elsewhere may say that
they are a great many."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import Any

from vaekit.system.checks import require

RAW, DEFLATED, LZMA, BZIP = range(4)
MOST_DEFLATED = 1032  # bytes that one byte of deflate can stand for
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6}]  # of 8 MiB, whatever a file says


def _decoded(coder: Any, packed: bytes, size: int) -> bytes:
    """What a decoder makes of bytes, which must be ``size`` bytes and all that there is."""
    found = coder.decompress(packed, size + 1)
    whole = coder.eof and not coder.unused_data and len(found) == size
    require(whole, f"it does not hold {size:,} bytes")
    return found


def inflated(packed: bytes, size: int) -> bytes:
    """The reverse of deflating.

    Args:
        packed: deflated bytes.
        size: how many bytes they stand for.

    Raises:
        BadInput: if they stand for more or fewer.
        zlib.error: if they are damaged.
    """
    enough = size <= MOST_DEFLATED * len(packed)
    require(enough, f"{len(packed):,} bytes cannot hold {size:,}")
    return _decoded(zlib.decompressobj(), packed, size)


def _unchanged(packed: bytes, size: int) -> bytes:
    require(len(packed) == size, f"it does not hold {size:,} bytes")
    return packed


PLAIN: dict[int, tuple[Callable[[bytes], bytes], Callable[[bytes, int], bytes]]] = {
    RAW: (bytes, _unchanged),
    DEFLATED: (lambda raw: zlib.compress(raw, 9), inflated),
    LZMA: (
        lambda raw: lzma.compress(raw, lzma.FORMAT_RAW, filters=_FILTERS),
        lambda packed, size: _decoded(
            lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS), packed, size
        ),
    ),
    BZIP: (bz2.compress, lambda packed, size: _decoded(bz2.BZ2Decompressor(), packed, size)),
}
