"""What reading any kind of file needs: optional libraries, and NumPy's files without pickles."""

from __future__ import annotations

import importlib
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from vaekit.data.readers.signatures import instead
from vaekit.system.checks import BadInput, require

UNREADABLE = (
    ValueError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
    struct.error, LookupError, TypeError, ArithmeticError, MemoryError,
    SyntaxError, TokenError,  # NumPy reads the head of an array as a piece of Python
)  # fmt: skip


def import_extra(module: str, extra: str) -> Any:
    """Import a module of an optional extra, or say how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.split(".")[0]
        raise BadInput(f"this needs {name}: pip install 'vaekit[{extra}]'") from error


def load(path: Path, *, mapped: bool = False) -> Any:
    """An array (``mapped``: left on disk) or an archive of arrays; never a pickle."""
    try:
        found = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except UNREADABLE as error:
        raise BadInput(f"cannot read {path} as NumPy data: {why_not(path, error)}") from error
    single = isinstance(found, np.ndarray)
    if single:
        check_holds_something(found.shape, found.dtype, str(path))
    require(single or not mapped, f"{path} is an archive of arrays, not one array")
    return found


def check_holds_something(shape: tuple[int, ...], dtype: np.dtype, name: str) -> None:
    """Refuse an array that says that it has any number of rows, and of each nothing."""
    empty = not dtype.itemsize or 0 in shape[1:]
    require(not empty, f"{name} holds rows of nothing: its shape is {shape}, its type {dtype}")


def member(arrays: Any, key: str, path: Path) -> np.ndarray:
    """One array of an open archive."""
    try:
        return arrays[key]
    except UNREADABLE as error:
        raise BadInput(f"cannot read array {key!r} of {path}: {first_line(error)}") from error


def why_not(path: object, error: BaseException) -> str:
    """Why a file cannot be read: what it is instead of what its name says, or what the error says
    (of pickles NumPy says how to open them, which nobody should)."""
    said = first_line(error)
    objects = any(word in said for word in ("pickle", "Python objects", "Object arrays"))
    return instead(path, "it holds Python objects, not numbers" if objects else said)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or what kind it is of."""
    return str(error).split("\n")[0] or type(error).__name__
