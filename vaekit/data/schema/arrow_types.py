"""Types of Arrow's by name, and back."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

PLAIN = {
    str(kind): kind
    for kind in (
        pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(),
        pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(), pa.float32(), pa.float64(),
        pa.date32(), pa.date64(),
        pa.string(), pa.large_string(), pa.string_view(), pa.time32("s"), pa.time32("ms"),
        pa.time64("us"), pa.time64("ns"),
    )
}  # fmt: skip
MADE: dict[str, Callable[..., pa.DataType]] = {
    r"timestamp\[(s|ms|us|ns)\]": pa.timestamp,
    r"timestamp\[(s|ms|us|ns), tz=(.+)\]": pa.timestamp,
    r"duration\[(s|ms|us|ns)\]": pa.duration,
    r"decimal128\((\d+), (-?\d+)\)": lambda p, s: pa.decimal128(int(p), int(s)),
    r"decimal256\((\d+), (-?\d+)\)": lambda p, s: pa.decimal256(int(p), int(s)),
    r"dictionary<values=(.+), indices=(u?int\d+), ordered=([01])>": lambda v, i, ordered: (
        pa.dictionary(type_named(i), type_named(v), ordered == "1")
    ),
}
UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def type_named(name: str) -> pa.DataType:
    """A type by its name, as ``str`` gives it.

    Args:
        name: such as "int64" or "timestamp[ns, tz=UTC]".

    Raises:
        ValueError: for an unknown one.
    """
    if name in PLAIN:
        return PLAIN[name]
    for pattern, make in MADE.items():
        if match := re.fullmatch(pattern, name):
            return make(*match.groups())
    raise ValueError(f"unknown type of a column: {name[:60]!r}")


def is_known(kind: pa.DataType) -> bool:
    """Whether a type comes back from its name.

    Args:
        kind: of a column.
    """
    try:
        return bool(type_named(str(kind)) == kind)
    except (ValueError, pa.ArrowException):
        return False


def seconds_of(kind: pa.DataType) -> int:
    """Ticks of a second in a type of times; of dates in days, of a day.

    Args:
        kind: of times.
    """
    if pa.types.is_date64(kind):
        return 10**3
    return UNITS.get(getattr(kind, "unit", ""), 1)
