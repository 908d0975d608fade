"""Cells and their genes as AnnData holds them, in memory or in a .h5ad file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vaekit.data.readers.arrays import label_numbers, rows_of
from vaekit.data.readers.loading import import_extra
from vaekit.data.readers.roles import NO_ROLES, ColumnRoles, check_once
from vaekit.data.source import Source, source
from vaekit.system.checks import BadInput, require
from vaekit.system.types import Array

ENDING, EXTRA = ".h5ad", "anndata"


def is_anndata(data: Any) -> bool:
    """Whether this is an AnnData (no library is imported to find out)."""
    return type(data).__name__ == "AnnData" and type(data).__module__.split(".")[0] == "anndata"


def read_anndata(path: Path) -> Any:
    """The AnnData in a file.

    Raises:
        BadInput: for a file of anything else, and without the extra vaekit[anndata].
    """
    library = import_extra("anndata", EXTRA)
    try:
        return library.read_h5ad(path)
    except Exception as error:  # what h5py and anndata raise is of many kinds
        reason = str(error).split("\n")[0]
        raise BadInput(f"cannot read {path} as AnnData: {reason}") from error


def read_h5ad(path: Path, roles: ColumnRoles = NO_ROLES, *_: Any) -> Source:
    """The cells of a file, see :func:`from_anndata`.

    Args:
        path: of the file.
        roles: what is not x.
    """
    return from_anndata(read_anndata(path), str(path), roles)


def from_anndata(data: Any, name: str = "data", roles: ColumnRoles = NO_ROLES) -> Source:
    """Cells as rows: x is ``X``, its columns are ``var_names``, and labels and what is given are
    columns of ``obs``.

    Args:
        data: an AnnData.
        name: what people call it.
        roles: columns of ``obs`` that are labels or given; of ``var``, those of x.

    Raises:
        BadInput: for columns that are not there, or an AnnData without X.
    """
    require(data.X is not None, f"{name} holds no X")
    genes = tuple(map(str, data.var_names))
    check_once(genes, f"{name}: ")
    known = roles.among([*map(str, data.obs.columns)], "column of obs")
    numbers, words = label_numbers(None if known.label is None else _cells(data, known.label))
    found = source(
        name,
        rows_of(data.X, name).values,
        labels=numbers,
        label_names=words,
        columns=genes,
        names=tuple(map(str, data.obs_names)),
        beside={column: _cells(data, column) for column in known.columns},
    )
    return found.with_columns(roles.x)


def writable(data: Any) -> Any:
    """The same AnnData with texts in a form that can be written: pandas has one of its own, which
    anndata does not write."""
    for frame in (data.obs, data.var):
        frame.index = frame.index.astype(object)
        for name in frame.columns:
            if str(frame[name].dtype) in ("str", "string"):
                frame[name] = frame[name].astype(object)
            elif str(frame[name].dtype) == "category":
                texts = frame[name].cat.categories.astype(object)
                frame[name] = frame[name].cat.rename_categories(texts)
    return data


def _cells(data: Any, column: str) -> Array:
    """A column of ``obs``; of categories their values, where one is missing NaN."""
    found = data.obs[column]
    return np.asarray(found.astype(object) if str(found.dtype) == "category" else found)
