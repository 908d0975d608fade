"""Numbers out of whatever holds them: tensors, sparse matrices, masked arrays, lists."""

from __future__ import annotations

import sys
from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.data.on_disk import OnDisk, is_large
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

NUMBER = 4  # bytes of a number as rows are kept
NUMPY_FLOATS = (torch.float16, torch.float32, torch.float64)


def is_sparse(data: Any) -> bool:
    """Whether this is a sparse matrix, of SciPy (which is not imported to find out) or torch."""
    if isinstance(data, Tensor):
        return data.layout is not torch.strided
    scipy = sys.modules.get("scipy.sparse")
    return scipy is not None and bool(scipy.issparse(data))


def sparse_rows(data: Any, name: str) -> Array | OnDisk:
    """A sparse matrix as a dense array, or, where that is large, as rows that are made dense when
    they are asked for.

    Raises:
        BadInput: for what is no matrix of numbers.
    """
    require(len(data.shape) == 2, f"{name} is sparse with shape {tuple(data.shape)}: give a matrix")
    starts, columns, values = _compressed(data)
    rows = SparseRows(starts, columns, checked_type(values, name), data.shape[1])
    small = not is_large(len(rows), rows.shape[1:], NUMBER)
    return rows.dense(np.arange(len(rows))) if small else rows


def _compressed(data: Any) -> tuple[Array, Array, Array]:
    """Of each row where its entries begin, their columns, and the entries."""
    if isinstance(data, Tensor):
        found = data.detach().cpu()
        found = (found.coalesce() if found.layout is torch.sparse_coo else found).to_sparse_csr()
        parts = found.crow_indices(), found.col_indices(), _strided(found.values())
        return parts[0].numpy(), parts[1].numpy(), parts[2]
    found = data.tocsr(copy=True)
    found.sum_duplicates()
    return found.indptr, found.indices, found.data


class SparseRows(OnDisk):
    """Rows of a sparse matrix, made dense when they are asked for.

    Args:
        starts: (N + 1,) where the entries of each row begin.
        columns: of the entries.
        values: the entries.
        width: numbers of a row.
    """

    def __init__(self, starts: Array, columns: Array, values: Array, width: int) -> None:
        dtype = torch.float32 if values.dtype.kind == "f" else torch.int32
        super().__init__((len(starts) - 1, width), dtype)
        self.starts, self.columns, self.values = starts, columns, values

    def dense(self, indices: Array) -> Array:
        """These rows in the matrix's own type, (rows, width)."""
        found = np.zeros((len(indices), self.shape[1]), self.values.dtype)
        for place, row in enumerate(indices):
            entries = slice(self.starts[row], self.starts[row + 1])
            found[place, self.columns[entries]] = self.values[entries]
        return found

    def gather(self, indices: Array) -> Tensor:
        """These rows, in this order."""
        return torch.from_numpy(self.dense(indices)).to(self.dtype)


def dense_tensor(data: Tensor, name: str) -> Array:
    """A tensor's numbers, wherever it is; types that NumPy has not as float32."""
    return checked_type(_strided(data.detach().cpu()), name)


def _strided(data: Tensor) -> Array:
    odd = data.is_floating_point() and data.dtype not in NUMPY_FLOATS
    return (data.float() if odd else data.resolve_conj().resolve_neg()).numpy()


def unmasked(data: Any, name: str) -> Array:
    """The numbers of a masked array of which none is masked.

    Raises:
        BadInput: naming the first masked value.
    """
    places = np.argwhere(np.ma.getmaskarray(data))
    if len(places):
        row, *place = places[0].tolist()
        raise BadInput(
            f"{name}: {len(places):,} values are masked, which is to say missing, the first in "
            f"row {row}, position {tuple(place)}; fill them in or drop those rows"
        )
    return checked_type(data.data, name)


def any_array(data: Any, name: str) -> Array:
    """What NumPy makes of it."""
    try:
        if isinstance(data, list | tuple) and any(isinstance(row, Tensor) for row in data):
            data = [np.asarray(dense_tensor(row, name)) for row in map(torch.as_tensor, data)]
        return checked_type(np.asarray(data), name)
    except BadInput:
        raise
    except (ValueError, TypeError, RuntimeError) as error:
        raise BadInput(f"{name} is not an array of numbers: {_first_line(error)}") from error


def checked_type(array: Array, name: str) -> Array:
    """The same numbers in a type that can be used.

    Raises:
        BadInput: for complex numbers, and for what holds none.
    """
    if array.dtype.name == "bfloat16":  # of jax, or of ml_dtypes
        array = array.astype(np.float32)
    if array.dtype == object:
        array = _numbers_of_objects(array)
    check_numbers(array.dtype, name)
    return array


_OTHERS = {"U": "text", "S": "bytes", "O": "objects", "M": "dates", "m": "spans of time"}


def check_numbers(dtype: np.dtype[Any], name: str) -> None:
    """Raise ``BadInput``, which says what they are, for a type whose values are no real numbers."""
    require(
        dtype.kind != "c",
        f"{name} holds complex numbers: give their real and imaginary parts, as numbers side by "
        "side or as channels",
    )
    other = _OTHERS.get(dtype.kind, "records")
    require(dtype.kind in "buif", f"{name} holds {other}; only numbers can be used")


def _numbers_of_objects(array: Array) -> Array:
    """An array of Python's numbers as one of numbers; others as they are."""
    cells = array.ravel().tolist()
    if not cells or not all(isinstance(cell, Real) for cell in cells):
        return array
    whole = all(isinstance(cell, int) for cell in cells)
    try:
        return array.astype(np.int64 if whole else np.float64)
    except OverflowError:
        return array.astype(np.float64)


def _first_line(error: BaseException) -> str:
    return str(error).split("\n")[0]


CONTAINERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, str], Any]], ...] = (
    (is_sparse, sparse_rows),
    (lambda data: isinstance(data, Tensor), dense_tensor),
    (np.ma.isMaskedArray, unmasked),
    (lambda data: True, any_array),
)
