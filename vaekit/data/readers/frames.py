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
from torch import Tensor

from vaekit.data.readers.columns import Place
from vaekit.data.readers.dialect import LOOK, Dialect
from vaekit.data.readers.roles import ColumnRoles, check_once
from vaekit.data.readers.tables import Table, cells
from vaekit.system.checks import BadInput
from vaekit.system.types import Array

UNLIKE = (pa.ArrowException, TypeError, ValueError, OverflowError)


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
    columns = {str(column): _column(known.get_column(column)) for column in known.columns}
    return Table(Place(name), columns, dialect, by_value=False)


def _names(frame: Any) -> list[str]:
    """The names of a frame's columns, which need not be known to be different."""
    native = nw.to_native(frame, pass_through=True)
    return list(map(str, native.column_names if isinstance(native, pa.Table) else native.columns))


def _column(series: nw.Series) -> pa.ChunkedArray:
    """A column of Arrow's; what has no type of its own there becomes text."""
    try:
        found = series.to_arrow()
    except UNLIKE:
        objects = np.asarray(series.to_native()).tolist()
        found = pa.array([None if cell is None or cell != cell else str(cell) for cell in objects])
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


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
    own = {str(name): name for name in known.columns}
    made = nw.from_dict(
        {own.get(name, name): np.ascontiguousarray(values) for name, values in columns.items()},
        backend=known.implementation,
    )
    index, native = nw.maybe_get_index(known), made.to_native()
    fits = index is not None and len(index) == len(native)
    return native.set_axis(index, axis=0) if fits else native


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
    """A table as the same kind of frame as ``data``, if that is one; else the table."""
    if not is_frame(data):
        return table
    backend = nw.from_native(data, eager_only=True).implementation
    return nw.from_arrow(table, backend=backend).to_native()


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
    index = None if frame is None else nw.maybe_get_index(nw.from_native(frame, eager_only=True))
    return made if index is None else made.set_axis(index, axis=0)


def typed_as(made: Any, frame: Any) -> Any:
    """A data frame with the types of another, where these are the library's own: those of pandas
    that hold gaps, and enumerations of polars.

    Args:
        made: of the same library, of columns of the same names.
        frame: whose types it gets.
    """
    known, native = nw.from_native(frame, eager_only=True), nw.to_native(frame, pass_through=True)
    if known.implementation.is_pandas():
        own_type = nw.get_native_namespace(known).api.extensions.ExtensionDtype
        own = {n: k for n, k in native.dtypes.items() if isinstance(k, own_type)}
        return made.astype({n: k for n, k in own.items() if n in made and made[n].dtype != k})
    if known.implementation.is_polars():
        own = {n: k for n, k in native.schema.items() if isinstance(known.schema[n], nw.Enum)}
        return made.cast({n: k for n, k in own.items() if n in made.columns})
    return made


def types_of(frame: Any, names: Collection[str]) -> str:
    """The types of a data frame, as text that :func:`without_rows` reads; those of which Arrow
    knows nothing are left out.

    Args:
        frame: of any library.
        names: of the columns that are kept.
    """
    known = nw.from_native(frame, eager_only=True).head(0)
    kept = [name for name in known.columns if name in names and _is_arrow(known.get_column(name))]
    held = nw.maybe_reset_index(known.select(kept)).to_arrow()
    cells = [column.combine_chunks() for column in held.columns]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, held.schema) as stream:
        stream.write_batch(pa.RecordBatch.from_arrays(cells, schema=held.schema))
    return base64.b64encode(sink.getvalue().to_pybytes()).decode()


def _is_arrow(series: nw.Series) -> bool:
    """Whether Arrow knows its type."""
    try:
        series.to_arrow()
    except UNLIKE:
        return False
    return True


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
        return as_kind(held, kind)
    said = json.loads(held.schema.metadata[b"pandas"])
    own = [one for one in said["columns"] if one["numpy_type"].endswith("[pyarrow]")]
    for one in own:
        one["numpy_type"] = "object"  # not all names of Arrow's types are read back
    made = as_kind(held.replace_schema_metadata({"pandas": json.dumps(said)}), kind)
    pandas: Any = nw.Implementation.PANDAS.to_native_namespace()
    arrow = {one["name"]: held.schema.field(one["name"]).type for one in own}
    return made.assign(
        **{n: pandas.Series([], dtype=pandas.ArrowDtype(k)) for n, k in arrow.items()}
    )
