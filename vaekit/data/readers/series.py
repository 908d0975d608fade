"""Columns of data frames as Arrow has them, whatever library they are of."""

from __future__ import annotations

import contextlib
from typing import Any

import narwhals as nw
import pyarrow as pa
from pyarrow import compute as pc

VIEWS = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
UNLIKE = (pa.ArrowException, TypeError, ValueError, OverflowError)


def column_of(series: nw.Series) -> pa.ChunkedArray:
    """A column of Arrow's; what has no type of its own there becomes text.

    Args:
        series: of any library.
    """
    try:
        found = series.to_arrow()
    except UNLIKE:
        found = _of_objects(series.to_list())
    found = found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])
    if is_odd(found.type):
        return _of_text(series, found)
    return _workable(found)


def _of_objects(cells: list[Any]) -> pa.Array:
    """Whole numbers that fit into 64 bits, else text."""
    cells = [None if cell is None or cell != cell else cell for cell in cells]
    if {*map(type, cells)} <= {int, type(None)} and any(cells):
        with contextlib.suppress(*UNLIKE):
            return pa.array(cells, pa.int64())
    return pa.array([None if cell is None else str(cell) for cell in cells])


def _of_text(series: nw.Series, found: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories that are objects of a library's own, such as intervals, as their texts."""
    texts = pa.array([*map(str, levels_in(series))], pa.string())
    chunks = found.unify_dictionaries().chunks
    made = [
        pa.DictionaryArray.from_arrays(chunk.indices, texts, ordered=found.type.ordered)
        for chunk in chunks
    ]
    return pa.chunked_array(
        made, pa.dictionary(found.type.index_type, pa.string(), found.type.ordered)
    )


def _workable(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The same in a type that Arrow can take rows of: views and runs become what they hold."""
    if pa.types.is_run_end_encoded(column.type):
        return pa.chunked_array(
            [pc.run_end_decode(c) for c in column.chunks], column.type.value_type
        )
    return column.cast(VIEWS[column.type]) if column.type in VIEWS else column


def is_odd(kind: pa.DataType) -> bool:
    """Whether a type is of categories that are objects of a library's own.

    Args:
        kind: of a column.
    """
    return bool(pa.types.is_dictionary(kind)) and isinstance(kind.value_type, pa.BaseExtensionType)


def levels_in(series: nw.Series) -> list[Any]:
    """The categories of a column, in order; none where it has none.

    Args:
        series: the column.
    """
    if not _is_categories(series):
        return []
    kind = series.to_native().dtype
    if series.implementation.is_pandas() and isinstance(kind, pandas_of(series).CategoricalDtype):
        found: list[Any] = kind.categories.tolist()
        return found
    return dictionary_of(column_of(series))


def dictionary_of(column: pa.ChunkedArray) -> list[Any]:
    """What a column's dictionary holds; nothing for one without.

    Args:
        column: of Arrow's.
    """
    if not pa.types.is_dictionary(column.type) or not column.num_chunks:
        return []
    found: list[Any] = column.unify_dictionaries().chunk(0).dictionary.to_pylist()
    return found


def _is_categories(series: nw.Series) -> bool:
    return series.dtype in (nw.Categorical, nw.Enum)


def pandas_of(series: nw.Series) -> Any:
    """The library that a column of pandas is of.

    Args:
        series: the column.
    """
    return nw.get_native_namespace(series)
