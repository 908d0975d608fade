"""Whether numbers say all that the digits of texts do: 64 bits do not hold any number of them."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

LONG = r"[0-9]([^0-9]*[0-9]){15}"  # digits of which a float64 may lose some
WHOLE = r"^[+-]?[0-9]+$"
MOST_DIGITS = 18  # that int64 holds in any case


def tell(texts: pa.Array, numbers: pa.Array, *, exact: bool = True) -> bool:
    """Whether numbers keep texts apart, and are exact where these are whole.

    Args:
        texts: different ones, of numbers without marks of thousands.
        numbers: what each says.
        exact: whether whole ones have to be.
    """
    kind = numbers.type
    narrow = pa.types.is_decimal(kind) and kind.precision <= MOST_DIGITS
    long = pc.match_substring_regex(texts, LONG)
    if pa.types.is_integer(kind) or narrow or not pc.any(long, min_count=0).as_py():
        return True
    texts, found = texts.filter(long), numbers.filter(long).cast(pa.float64(), safe=False)
    if len(np.unique(found)) < len(texts):
        return False
    if not exact:
        return True
    whole = pc.match_substring_regex(texts, WHOLE)
    pairs = zip(texts.filter(whole).to_pylist(), found.filter(whole).to_pylist(), strict=True)
    return all(Decimal(text) == Decimal(number) for text, number in pairs)
