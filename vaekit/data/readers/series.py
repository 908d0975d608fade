"""Columns of data frames as Arrow has them, whatever library they are of."""

from __future__ import annotations

import contextlib
from typing import Any

import narwhals as nw
import pyarrow as pa
from pyarrow import compute as pc

from vaekit.system.checks import require

VIEWS = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
MOST_INTERVALS = 1_000
UNLIKE = (pa.ArrowException, TypeError, ValueError, OverflowError)


def check_read(data: Any, name: str) -> None:
    """Raise ``BadInput`` for a frame whose rows are not read yet.

    Args:
        data: that may be one.
        name: what people call it.
    """
    lazy = nw.dependencies.is_polars_lazyframe(data)
    require(not lazy, f"{name} is a lazy frame, whose rows are not read yet: collect() it first")


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
    own = OF_PANDAS.get(getattr(found.type, "extension_name", ""))
    return _workable(found if own is None else own(series, found))


def _of_periods(series: nw.Series, _: pa.ChunkedArray) -> pa.ChunkedArray:
    """Periods as the moments at which they begin."""
    return column_of(nw.from_native(series.to_native().dt.to_timestamp(), series_only=True))


def _of_intervals(series: nw.Series, found: pa.ChunkedArray) -> pa.ChunkedArray:
    """Intervals as ordered categories; where there are very many, and of moments with a time zone,
    whose type pandas does not read back, as they are."""
    native = series.to_native()
    each = sorted(native.dropna().unique())
    if len(each) > MOST_INTERVALS or isinstance(
        native.dtype.subtype, pandas_of(series).DatetimeTZDtype
    ):
        return found
    kind = pandas_of(series).CategoricalDtype(each, ordered=True)
    return column_of(nw.from_native(native.astype(kind), series_only=True))


def as_periods(made: nw.Series, kind: Any) -> nw.Series:
    """Moments as the periods that hold them.

    Args:
        made: the moments.
        kind: a type of pandas' periods.
    """
    return nw.from_native(made.to_native().dt.to_period(kind.freq), series_only=True)


def as_intervals(made: nw.Series, kind: Any) -> nw.Series:
    """Texts of intervals as these.

    Args:
        made: the texts.
        kind: a type of pandas' intervals.
    """
    pandas, native = pandas_of(made), made.to_native()
    ends = native.astype(object).str[1:-1].str.split(", ", expand=True).reindex(columns=[0, 1])
    subtype = float if kind.subtype.kind in "iu" else kind.subtype  # which may have gaps
    left, right = (ends[i].astype(subtype) for i in (0, 1))
    found = pandas.arrays.IntervalArray.from_arrays(left, right, closed=kind.closed)
    series = pandas.Series(found, index=native.index, name=native.name).astype(kind)
    return nw.from_native(series, series_only=True)


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


def holds_ints(series: nw.Series) -> bool:
    """Whether a column of pandas' objects holds whole numbers of Python's own, of any size, and no
    others.

    Args:
        series: of any library.
    """
    if not series.implementation.is_pandas() or series.to_native().dtype != "object":
        return False
    return {*map(type, series.drop_nulls().to_list())} == {int}


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


OF_PANDAS = {"pandas.period": _of_periods, "pandas.interval": _of_intervals}
BACK = {"period": as_periods, "interval": as_intervals}
