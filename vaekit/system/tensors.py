"""Tensors in safetensors files: what a file says it holds is looked at before any of it is read."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from vaekit.system.checks import BadInput, require
from vaekit.system.records import from_text

LENGTH, LARGEST_HEADER = struct.Struct("<Q"), 2**26
TYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
    torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
Kind = tuple[str, tuple[int, ...]]


class TensorFile:
    """An open file of tensors.

    Args:
        path: of the file.
        file: what safetensors opened.
    """

    def __init__(self, path: Path, file: Any) -> None:
        self.path, self.file = path, file
        self.kinds: dict[str, Kind] = {name: _kind(file.get_slice(name)) for name in file.keys()}  # noqa: SIM118

    @property
    def numbers(self) -> int:
        """How many all tensors hold together."""
        return sum(prod(shape) for _, shape in self.kinds.values())

    @property
    def metadata(self) -> dict[str, str]:
        """Texts that the file holds beside the tensors."""
        return self.file.metadata() or {}

    def misfits(self, wanted: Mapping[str, Kind], others: Collection[str] = ()) -> Iterator[str]:
        """What does not fit, a line for each tensor.

        Args:
            wanted: type and shape of the tensors there are to be, by name.
            others: names of those that may be there as well.
        """
        for name, kind in wanted.items():
            found = self.kinds.get(name)
            if found != kind:
                there = "missing" if found is None else f"{_text(found)}, not {_text(kind)}"
                yield f"{name} is {there}"
        for name in sorted(self.kinds.keys() - wanted.keys() - {*others}):
            yield f"{name} is unexpected"

    def read(self, names: Collection[str]) -> dict[str, Tensor]:
        """Some of the tensors, by name.

        Raises:
            BadInput: for numbers that are not finite.
        """
        found = {name: self.file.get_tensor(name) for name in names}
        for name, tensor in found.items():
            fine = not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
            require(
                fine,
                f"{self.path} is damaged: {name} holds numbers that are not finite: restore a copy",
            )
        return found


@contextmanager
def tensor_file(path: Path) -> Iterator[TensorFile]:
    """A safetensors file, open.

    Raises:
        BadInput: if it is damaged or something else.
    """
    damaged = f"{path} is damaged or no safetensors file"
    try:
        _check_header(path, damaged)
        with safe_open(path, "pt") as file:
            opened = TensorFile(path, file)
            yield opened
    except (SafetensorError, OSError, KeyError) as error:
        raise BadInput(f"{damaged}: {error}") from error


def kinds_of(tensors: Mapping[str, Tensor]) -> dict[str, Kind]:
    """Type and shape of each tensor, as files say them."""
    return {name: (TYPES[t.dtype], tuple(t.shape)) for name, t in tensors.items()}


def digest(tensors: Mapping[str, Tensor]) -> str:
    """A sha256 of names, types, shapes and numbers, whatever their order."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {TYPES[tensor.dtype]} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        found.update(flat.view(torch.uint8).numpy().data)
    return found.hexdigest()


def _check_header(path: Path, damaged: str) -> None:
    """Refuse a header that is longer than the file, or too large or too deep to be one, before
    another library reads it."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(LENGTH.size)
        require(len(start) == LENGTH.size, f"{damaged}: it is {size} bytes long")
        (length,) = LENGTH.unpack(start)
        room = min(size - LENGTH.size, LARGEST_HEADER)
        require(length <= room, f"{damaged}: its header is {length:,} bytes long")
        from_text(file.read(length), str(path))


def _kind(part: Any) -> Kind:
    return part.get_dtype(), tuple(part.get_shape())


def _text(kind: Kind) -> str:
    return f"{kind[0]} {list(kind[1])}"
