"""Columns of a table as bytes, and back: every value and every gap as it is.

Text is lines, so that plain compressors see words; whole numbers are differences, byte by byte in
planes, so that they see how little these vary. What is neither, is as Arrow's files have it.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.data.readers.columns import Column, is_text, plain
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

LINES, NUMBERS, WRITTEN, BITS, ARROW = range(5)
GAP = "\\0"
ESCAPED = {"\\": "\\\\", "\n": "\\n"}
WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
UNESCAPE = {"\\\\": "\\", "\\n": "\n"}


def whole(column: Column | pa.Array) -> pa.Array:
    """A column in one piece."""
    if isinstance(column, pa.Array):
        return column
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def check_of(columns: Iterable[Column | pa.Array]) -> int:
    """A CRC-32 over all that a table's columns hold; of dictionaries, their values."""
    check = 0
    for told in _told(columns):
        check = zlib.crc32(told, check)
    return check


def hash_of(columns: Iterable[Column | pa.Array]) -> str:
    """A sha256 over the same."""
    found = hashlib.sha256()
    for told in _told(columns):
        found.update(told)
    return found.hexdigest()


def _told(columns: Iterable[Column | pa.Array]) -> Iterator[bytes]:
    """What columns hold, in bytes that do not depend on how Arrow writes them."""
    for column in columns:
        cells = plain(column)
        yield repr(cells.to_pylist()).encode() if _is_odd(cells.type) else to_bytes(cells)


def _is_odd(kind: pa.DataType) -> bool:
    """Whether a type has no bytes of its own here: it is as Arrow's files have it."""
    return not is_text(kind) and not pa.types.is_boolean(kind) and _width(kind) is None


def to_bytes(column: Column | pa.Array) -> bytes:
    """A column's values.

    Args:
        column: of any type but a dictionary.
    """
    column, kind = whole(column), column.type
    if _is_odd(kind):
        return bytes([ARROW]) + bytes(pa.record_batch([column], ["x"]).serialize())
    if is_text(kind):
        return _from_text(column)
    if pa.types.is_boolean(kind):
        return bytes([BITS]) + _gaps(column) + _dense(column.cast(pa.uint8())).tobytes()
    dense = _dense(column.view(_width(kind)))
    if pa.types.is_floating(kind):
        return bytes([BITS]) + _gaps(column) + dense.tobytes()
    return bytes([NUMBERS]) + _gaps(column) + _planes(dense.astype(np.int64))


def from_bytes(raw: bytes, kind: pa.DataType, rows: int) -> pa.Array:
    """The reverse of :func:`to_bytes`.

    Args:
        raw: bytes.
        kind: of the column.
        rows: in it.

    Raises:
        BadInput: for bytes that are not its.
    """
    require(len(raw) > 0, "a column is damaged")
    read = {
        LINES: _lines,
        WRITTEN: _written,
        NUMBERS: _numbers,
        BITS: _bits,
        ARROW: _from_arrow,
    }.get(raw[0])
    try:
        found = read(raw[1:], kind, rows) if read else None
    except (pa.ArrowException, ValueError, LookupError) as error:
        raise BadInput(f"a column is damaged ({error})") from error
    if found is None or len(found) != rows:
        raise BadInput("a column is damaged: it has another number of rows")
    return found


def same(found: pa.Array, wanted: Column | pa.Array) -> Array:
    """Where two columns of one type hold the same, bit by bit, (N,)."""
    column = whole(wanted)
    kind, gaps = column.type, pc.is_null(column).to_numpy(zero_copy_only=False)
    alike = gaps == pc.is_null(found).to_numpy(zero_copy_only=False)
    width = _width(kind)
    if width is not None:
        return alike & (gaps | (_dense(found.view(width)) == _dense(column.view(width))))
    equal = pc.fill_null(pc.equal(found, column), False)  # noqa: FBT003
    return alike & (gaps | equal.to_numpy(zero_copy_only=False))


def _width(kind: pa.DataType) -> pa.DataType | None:
    """The whole numbers that values of a type are stored in."""
    whole = pa.types.is_integer(kind) or pa.types.is_temporal(kind)
    if not (whole or pa.types.is_floating(kind)) or pa.types.is_interval(kind):
        return None
    return {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[kind.bit_width]


def _dense(column: pa.Array) -> Array:
    """Whole numbers, 0 where there is a gap."""
    return np.asarray(pc.fill_null(column, 0))


def _gaps(column: pa.Array) -> bytes:
    """A bit for each row, or one byte that says that there are no gaps."""
    if not column.null_count:
        return b"\0"
    gaps = np.asarray(pc.is_null(column))
    return b"\1" + np.packbits(gaps).tobytes()


def _read_gaps(raw: bytes, rows: int) -> tuple[Array, bytes]:
    """Where gaps are, and the bytes behind."""
    if raw[0] == 0:
        return np.zeros(rows, bool), raw[1:]
    end = 1 + (rows + 7) // 8
    bits = np.frombuffer(raw[1:end], np.uint8)
    return np.unpackbits(bits, count=rows).astype(bool), raw[end:]


def _planes(numbers: Array) -> bytes:
    """Differences of whole numbers, their lowest bytes first."""
    steps = np.diff(numbers, prepend=np.int64(0))  # which wraps around, as adding up will
    return np.ascontiguousarray(steps.astype("<i8").view(np.uint8).reshape(-1, 8).T).tobytes()


def _from_planes(raw: bytes, rows: int) -> Array:
    planes = np.frombuffer(raw, np.uint8).reshape(8, rows)
    return np.cumsum(np.ascontiguousarray(planes.T).view("<i8")[:, 0])


def _numbers(raw: bytes, kind: pa.DataType, rows: int) -> pa.Array:
    gaps, rest = _read_gaps(raw, rows)
    width = _width(kind) or pa.int64()
    dense = _from_planes(rest, rows).astype(width.to_pandas_dtype())
    return pa.array(dense, width, mask=gaps).view(kind)


def _bits(raw: bytes, kind: pa.DataType, rows: int) -> pa.Array:
    gaps, rest = _read_gaps(raw, rows)
    width = pa.uint8() if pa.types.is_boolean(kind) else (_width(kind) or pa.int64())
    found = pa.array(np.frombuffer(rest, width.to_pandas_dtype()), width, mask=gaps)
    return found.cast(kind) if pa.types.is_boolean(kind) else found.view(kind)


def _from_text(column: pa.Array) -> bytes:
    """Lines of text; numbers where all of it is whole numbers."""
    cells = column.to_pylist()
    if cells and all(cell is not None and WHOLE.fullmatch(cell) for cell in cells):
        return bytes([WRITTEN]) + _planes(np.array(list(map(int, cells)), np.int64))
    lines = [GAP if cell is None else _escaped(cell) for cell in cells]
    return bytes([LINES]) + "\n".join(lines).encode()


def _escaped(cell: str) -> str:
    if "\\" not in cell and "\n" not in cell:
        return cell
    return re.sub(r"[\\\n]", lambda found: ESCAPED[found[0]], cell)


def _unescaped(line: str) -> str | None:
    if "\\" not in line:
        return line
    if line == GAP:
        return None
    return re.sub(r"\\[\\n]", lambda found: UNESCAPE[found[0]], line)


def _lines(raw: bytes, kind: pa.DataType, rows: int) -> pa.Array:
    lines = raw.decode().split("\n") if rows else []
    return pa.array([_unescaped(line) for line in lines], pa.large_string()).cast(kind)


def _written(raw: bytes, kind: pa.DataType, rows: int) -> pa.Array:
    texts = list(map(str, _from_planes(raw, rows).tolist()))
    return pa.array(texts, pa.large_string()).cast(kind)


def _from_arrow(raw: bytes, kind: pa.DataType, rows: int) -> pa.Array:
    batch = pa.ipc.read_record_batch(pa.py_buffer(raw), pa.schema([("x", kind)]))
    batch.validate(full=True)
    return batch.column(0)
