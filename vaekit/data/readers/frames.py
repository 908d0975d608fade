"""Data frames of any library that narwhals knows (pandas, polars, pyarrow ...): in, and out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection
from typing import Any, cast

import narwhals as nw
import numpy as np
import pyarrow as pa
import torch
from pyarrow import compute as pc
from torch import Tensor

from vaekit.data.readers.columns import Place, is_number, plain, typed
from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.roles import ColumnRoles, check_once
from vaekit.data.readers.series import (
    BACK,
    UNLIKE,
    column_of,
    dictionary_of,
    holds_ints,
    is_odd,
    levels_in,
    pandas_of,
)
from vaekit.data.readers.tables import FIRST, Table, cells
from vaekit.system.checks import BadInput
from vaekit.system.types import Array

INTS = "vaekit.ints"  # columns of objects that are whole numbers of Python's own


def is_frame(data: Any) -> bool:
    """Whether this is a data frame (no library is imported to find out)."""
    return isinstance(data, nw.DataFrame) or nw.dependencies.is_into_dataframe(data)


def table_of(frame: Any, name: str, dialect: Dialect = LOOK) -> Table:
    """A data frame's columns, typed.

    Args:
        frame: of any library.
        name: what people call it.
        dialect: which column is the index, and which marks mean nothing.

    Raises:
        BadInput: for names that are there twice.
    """
    check_once(_names(frame), f"{name}: ")
    known = nw.from_native(frame, eager_only=True)
    columns = {str(column): column_of(known.get_column(column)) for column in known.columns}
    return Table(Place(name), columns, dialect, by_value=False)


def _names(frame: Any) -> list[str]:
    """The names of a frame's columns, which need not be known to be different."""
    native = nw.to_native(frame, pass_through=True)
    return list(map(str, native.column_names if isinstance(native, pa.Table) else native.columns))


def own_names(frame: Any) -> dict[str, Any]:
    """The names of a frame's columns as it has them, by what a table of it calls them: text, and
    not empty.

    Args:
        frame: of any library.
    """
    own = {str(name): name for name in nw.from_native(frame, eager_only=True).columns}
    return {name or (FIRST if FIRST not in own else name): known for name, known in own.items()}


def named_as(made: Any, frame: Any) -> Any:
    """A data frame whose columns are called as those of another that a table calls the same: by
    numbers, dates or several names too.

    Args:
        made: of the same library.
        frame: whose names it gets.
    """
    own = own_names(frame)
    return _called(made, [own.get(str(name), name) for name in _names(made)])


def _called(frame: Any, names: list[Any]) -> Any:
    """A data frame with other names of its columns."""
    known = nw.from_native(frame, eager_only=True)
    if known.columns == names:
        return frame
    if known.implementation.is_pandas_like():
        return frame.set_axis(names, axis=1)
    return known.rename(dict(zip(known.columns, names, strict=True))).to_native()


def split(frame: Any, roles: ColumnRoles) -> tuple[Any, dict[str, Array]]:
    """The columns of x as the same kind of frame, and those that are given."""
    table, known = table_of(frame, "X"), nw.from_native(frame, eager_only=True)
    roles = roles.among(list(table.columns))
    rest = known.drop([name for name in known.columns if roles.holds(str(name))])
    return rest.to_native(), {name: cells(table.typed(name)) for name in roles.columns}


def like(frame: Any, columns: dict[str, Array]) -> Any:
    """A frame of the same kind, with the same index where there is one for as many rows.

    Args:
        frame: whose kind it is; names of its own that are no text stay so.
        columns: by name, in order.
    """
    known = nw.from_native(frame, eager_only=True)
    own = own_names(frame)
    made = nw.from_dict(
        {own.get(name, name): np.ascontiguousarray(values) for name, values in columns.items()},
        backend=known.implementation,
    )
    return _with_index(made.to_native(), known)


def _with_index(made: Any, known: nw.DataFrame[Any]) -> Any:
    """A frame with the index of another, if that has one for as many rows."""
    index = nw.maybe_get_index(known)
    fits = index is not None and len(index) == len(made)
    return made.set_axis(index, axis=0) if fits else made


def like_given(
    data: Any, values: Array, columns: Callable[[Array], dict[str, Array]] | None = None
) -> Any:
    """Rows in a container like that of ``data``: a data frame, a tensor, else an array.

    Args:
        data: whose kind it is.
        values: (N, *row).
        columns: makes columns with names of rows, (N, D); None where they have no names.
    """
    if isinstance(data, Tensor):
        return torch.from_numpy(np.ascontiguousarray(values)).to(data.device)
    tabular = columns is not None and values.ndim == 2 and is_frame(data)
    return like(data, columns(values)) if columns and tabular else values


def like_frame(data: Any, table: pa.Table) -> Any:
    """A table as the same kind of frame as ``data``, if that is one, with its index if that has one
    for as many rows; else the table."""
    return as_kind(table, kind_of(data), data) if is_frame(data) else table


def filled_frame(frame: Any, table: pa.Table) -> Any:
    """A data frame with other cells in some columns: all others are its own, as they are.

    Args:
        frame: of any library.
        table: its columns in their order, then more.
    """
    known = nw.from_native(frame, eager_only=True)
    names = dict(zip(table.column_names, known.columns, strict=False))
    own = {new: column_of(known.get_column(name)) for new, name in names.items()}
    fresh = [n for n in table.column_names if n not in own or not _same(table[n], own[n])]
    if not fresh:
        return frame
    made = nw.from_native(as_kind(table.select(fresh), kind_of(frame), frame), eager_only=True)
    columns = [made.get_column(name) for name in fresh]
    return known.with_columns(
        *(
            _filled(c, known.get_column(names[n]), table[n]).alias(names[n]) if n in names else c
            for n, c in zip(fresh, columns, strict=True)
        )
    ).to_native()


def _filled(made: nw.Series, own: nw.Series, held: pa.ChunkedArray) -> nw.Series:
    """A column without gaps: of text and of objects, what was there is the same text or object.

    Args:
        made: the column.
        own: as it was.
        held: the column as Arrow has it.
    """
    found = _typed(made, own, held, ints=holds_ints(own))
    objects = own.implementation.is_pandas() and own.to_native().dtype == np.dtype(object)
    if not (objects or own.dtype == nw.String == found.dtype):
        return found
    there = zip(_equal(held, column_of(own)).tolist(), own.to_list(), found.to_list(), strict=True)
    known = {str(cell): cell for cell in own.drop_nulls().to_list()} if objects else {}
    cells = [old if same else known.get(str(new), new) for same, old, new in there]
    if own.implementation.is_pandas():
        native = own.to_native()
        cells = pandas_of(own).Series(cells, index=native.index, dtype=native.dtype)
        return nw.from_native(cells, series_only=True)
    return nw.new_series(own.name, cells, own.dtype, backend=own.implementation)


def _equal(made: pa.ChunkedArray, own: pa.ChunkedArray) -> Array:
    """Which cells say what others do, (rows,)."""
    made, own = plain(made), typed(own) if is_number(made.type) else plain(own)
    try:
        same = pc.equal(made.cast(own.type, safe=False), own)
    except pa.ArrowException:
        return np.zeros(len(own), bool)
    return pc.fill_null(same, fill_value=False).to_numpy()


def _same(made: pa.ChunkedArray, own: pa.ChunkedArray) -> bool:
    """Whether a column holds what another does, of whatever type."""
    made, own = plain(made), plain(own)
    try:
        return bool(made.cast(own.type, safe=False).equals(own))
    except pa.ArrowException:
        return False


def kind_of(frame: Any) -> str:
    """The library of a data frame, as :func:`as_kind` takes it."""
    return str(nw.from_native(frame, eager_only=True).implementation).rpartition(".")[2].lower()


def as_kind(table: pa.Table, kind: str, frame: Any = None) -> Any:
    """A table as a data frame.

    Args:
        table: of pyarrow.
        kind: of library: "pandas", "polars", "pyarrow" ...
        frame: whose index its rows get, if they are as many and that has one.
    """
    backend: Any = nw.Implementation.from_backend(cast(Any, kind))
    made = nw.from_arrow(table, backend=backend).to_native()
    return made if frame is None else _with_index(made, nw.from_native(frame, eager_only=True))


def typed_as(made: Any, frame: Any) -> Any:
    """A data frame with the types of another, where these are the library's own: those of pandas
    that hold gaps or any objects, and enumerations of polars.

    Args:
        made: of the same library, of columns of the same names.
        frame: whose types it gets.
    """
    frame = _called(frame, [*own_names(frame)])
    known, found = (nw.from_native(each, eager_only=True) for each in (frame, made))
    both = [name for name in found.columns if name in known.columns]
    ints = getattr(frame, "attrs", {}).get(INTS, ())
    typed = (
        _typed(found.get_column(n), known.get_column(n), ints=n in ints).alias(n) for n in both
    )
    return found.with_columns(*typed).to_native() if both else made


def _typed(
    made: nw.Series, own: nw.Series, held: pa.ChunkedArray | None = None, *, ints: bool = False
) -> nw.Series:
    """A column with the type of another, if that is the library's own.

    Args:
        made: the column.
        own: the other.
        held: the column as Arrow has it, with categories that no row has, if it is of such.
        ints: whether the other holds whole numbers of Python's own.
    """
    if ints:
        return _with_ints(made)
    if own.implementation.is_pandas():
        kind, extension = own.to_native().dtype, pandas_of(own).api.extensions.ExtensionDtype
        plain_numbers = kind != np.dtype(object) and not isinstance(kind, extension)
        if plain_numbers or made.to_native().dtype == kind:
            return made
        if back := BACK.get(str(kind).partition("[")[0]):
            return back(made, kind)
        if isinstance(kind, pandas_of(own).CategoricalDtype):
            made = _back(made, levels_in(own))
            kind = pandas_of(own).CategoricalDtype(
                _categories(made, own, held), ordered=kind.ordered
            )
        return nw.from_native(made.to_native().astype(kind), series_only=True)
    if own.implementation.is_polars() and own.dtype == nw.Enum:
        return made.cast(nw.Enum(_categories(made, own, held)))
    return made


def _with_ints(made: nw.Series) -> nw.Series:
    """Numbers, or texts of them, as whole numbers of Python's own."""
    native = made.to_native()
    cells = [None if cell is None or cell != cell else int(cell) for cell in made.to_list()]
    series = pandas_of(made).Series(cells, index=native.index, name=native.name, dtype=object)
    return nw.from_native(series, series_only=True)


def _back(made: nw.Series, own: list[Any]) -> nw.Series:
    """Texts of categories that are no text themselves, as these."""
    known = {str(value): value for value in own}
    there = {*made.drop_nulls().unique().to_list()}
    if there <= {*own} or not there <= known.keys():
        return made
    return nw.from_native(made.to_native().astype(object).map(known), series_only=True)


def _categories(made: nw.Series, own: nw.Series, held: pa.ChunkedArray | None) -> list[Any]:
    """The categories of a column, and those of another's that it needs, in that one's order where
    that knows them all."""
    known, needed = levels_in(own), made.drop_nulls().unique().to_list()
    more = [value for value in needed if value not in known]
    if not more:
        return known
    theirs, wanted = levels_in(made) if held is None else dictionary_of(held), {*known, *more}
    return [c for c in theirs if c in wanted] if wanted <= {*theirs} else [*known, *more]


def types_of(frame: Any, names: Collection[str]) -> str:
    """The types of a data frame, and its own names, as text that :func:`without_rows` reads; of
    types of which Arrow knows nothing, text.

    Args:
        frame: of any library.
        names: of the columns that are kept, as a table calls them.
    """
    known = nw.from_native(frame, eager_only=True).head(0)
    kept = _some(known, [name in names for name in own_names(frame)])
    odd = [name for name in kept.columns if not _is_arrow(kept.get_column(name))]
    kept = kept.with_columns(_as_read(kept.get_column(name)).alias(name) for name in odd)
    held = nw.maybe_reset_index(kept).to_arrow()
    whole = nw.from_native(frame, eager_only=True)
    ints = [n for n, own in own_names(frame).items() if holds_ints(whole.get_column(own))]
    if ints:
        held = held.replace_schema_metadata(
            {**(held.schema.metadata or {}), INTS.encode(): json.dumps(ints)}
        )
    cells = [column.combine_chunks() for column in held.columns]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, held.schema) as stream:
        stream.write_batch(pa.RecordBatch.from_arrays(cells, schema=held.schema))
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def _as_read(series: nw.Series) -> nw.Series:
    """A column as a table of its frame has it."""
    backend: Any = series.implementation
    read = nw.from_arrow(pa.table({"x": column_of(series)}), backend=backend)
    return read.get_column("x")


def _some(known: nw.DataFrame[Any], kept: list[bool]) -> nw.DataFrame[Any]:
    """Some of a frame's columns, whatever they are called."""
    if known.implementation.is_pandas_like():
        return nw.from_native(known.to_native().loc[:, kept], eager_only=True)
    return known.select([n for n, wanted in zip(known.columns, kept, strict=True) if wanted])


def _is_arrow(series: nw.Series) -> bool:
    """Whether Arrow knows its type, and that of its categories."""
    try:
        found = series.to_arrow().type
    except UNLIKE:
        return False
    return not is_odd(found)


def without_rows(types: str, kind: str) -> Any:
    """A data frame without rows, of the types that :func:`types_of` wrote.

    Args:
        types: as written.
        kind: of library.

    Raises:
        BadInput: for a text that is something else.
    """
    try:
        return _without_rows(types, kind)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise BadInput(
            "the types of the data frame that was fitted cannot be read: the file of the "
            "estimator was changed or is damaged"
        ) from error


def _without_rows(types: str, kind: str) -> Any:
    with pa.ipc.open_stream(base64.b64decode(types, validate=True)) as stream:
        held = stream.read_all()
    if kind != "pandas":
        return _called(as_kind(held, kind), held.column_names)
    said = json.loads(held.schema.metadata[b"pandas"])
    own = [one for one in said["columns"] if one["numpy_type"].endswith("[pyarrow]")]
    for one in own:
        one["numpy_type"] = "object"  # not all names of Arrow's types are read back
    made = as_kind(held.replace_schema_metadata({"pandas": json.dumps(said)}), kind)
    pandas: Any = nw.Implementation.PANDAS.to_native_namespace()
    arrow = {one["name"]: held.schema.field(one["name"]).type for one in own}
    made = made.assign(
        **{n: pandas.Series([], dtype=pandas.ArrowDtype(k)) for n, k in arrow.items()}
    )
    made.attrs[INTS] = json.loads(held.schema.metadata.get(INTS.encode(), b"[]"))
    return made
