"""Rows that stay where they are until they are asked for: in arrays, tables, or pictures.

They look like a tensor of rows as far as a :class:`~vaekit.data.source.Source` needs one: a shape,
a type, and rows by index.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from math import prod
from os import cpu_count
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vaekit.system.progress import tracked
from vaekit.system.types import Array

CHUNK = 10_000
LARGEST_IN_MEMORY = 2**28
FINGERPRINT_ROWS, FED = 1000, 1024
OPEN_FILES = 64
RUN, RUNS = 64, 256
FEWEST_PER_WINDOW = 2


class OnDisk(ABC):
    """N rows on disk; :meth:`gather` reads some of them.

    Args:
        shape: (N, *row).
        dtype: of a row as it is handed out.
        free: whether any rows are read as fast as neighbours: then they are drawn in the order
            that rows in memory are, and all are hashed as these are.
    """

    def __init__(self, shape: Sequence[int], dtype: torch.dtype, *, free: bool = False) -> None:
        self.shape, self.dtype, self.free = torch.Size(shape), dtype, free

    @abstractmethod
    def gather(self, indices: Array) -> Tensor:
        """These rows, in this order."""

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Tensor | Array | slice | int) -> Tensor:
        if isinstance(index, slice):
            return self.gather(np.arange(*index.indices(len(self))))
        wanted = np.asarray(index)
        if wanted.ndim == 0:
            return self.gather(np.array([range(len(self))[int(wanted)]]))[0]
        if wanted.dtype == bool:
            wanted = wanted.nonzero()[0]
        return self.gather(np.where(wanted < 0, wanted + len(self), wanted).astype(np.int64))

    def dim(self) -> int:
        """Number of axes, that of the rows included."""
        return len(self.shape)

    def is_floating_point(self) -> bool:
        """Whether rows hold fractions."""
        return self.dtype.is_floating_point

    def split(self, rows: int) -> Iterator[Tensor]:
        """All rows in order, so many at a time."""
        for start in range(0, len(self), rows):
            yield self[start : start + rows]

    def windows(self, indices: Tensor, noise: torch.Generator) -> Sequence[Tensor]:
        """Rows that are shuffled together: runs of neighbouring rows, the runs in a random order,
        so that the disk is read sequentially; all rows where these are free.

        Args:
            indices: of the rows to divide up, rising.
            noise: of the order of the runs.
        """
        if self.free:
            return [indices]
        runs = indices.split(RUN)
        mixed = torch.cat([runs[i] for i in torch.randperm(len(runs), generator=noise)])
        return mixed.split(RUN * RUNS)

    def feed(self, digest: Any) -> None:
        """Update a hash with that of a thousand rows spread evenly over all, since reading them all
        could take hours; with all rows where these are free.

        Args:
            digest: of hashlib.
        """
        if self.free:
            for part in self.split(FED):
                digest.update(part.contiguous().numpy().data)
            return
        some = np.linspace(0, len(self) - 1, min(FINGERPRINT_ROWS, len(self))).astype(np.int64)
        digest.update(hashlib.sha256(self.gather(some).contiguous().numpy().data).digest())


Values = Tensor | OnDisk


class Shards(OnDisk):
    """Arrays, memory-mapped, one after the other; a few are open at a time.

    Args:
        arrays: functions that open arrays of rows of one shape.
        lengths: their numbers of rows.
        convert: turns rows of an array into the tensor that is handed out.
        open_arrays: how many are open at a time; 0 for 64.
    """

    def __init__(
        self,
        arrays: Sequence[Callable[[], Array]],
        lengths: Sequence[int],
        convert: Callable[[Array], Tensor],
        open_arrays: int = 0,
    ) -> None:
        self.arrays, self.lengths, self.convert = arrays, lengths, convert
        self.ends = np.cumsum(lengths)
        self.opened = lru_cache(open_arrays or OPEN_FILES)(lambda number: self.arrays[number]())
        first = convert(self.opened(0)[:1])
        super().__init__((int(self.ends[-1]), *first.shape[1:]), first.dtype)

    def gather(self, indices: Array) -> Tensor:
        """Read in the order of the disk, return in the order asked for."""
        order = np.argsort(indices, kind="stable")
        wanted = indices[order]
        owner = np.searchsorted(self.ends, wanted, side="right")
        parts = []
        for number in np.unique(owner):
            start = self.ends[number] - self.lengths[number]
            parts.append(np.asarray(self.opened(int(number))[wanted[owner == number] - start]))
        rows = self.convert(np.concatenate(parts) if parts else self.opened(0)[:0])
        result = torch.empty_like(rows)
        result[torch.from_numpy(order)] = rows
        return result


class Mapped(Shards):
    """One array that is mapped, whose rows are drawn as freely as those in memory, and in the same
    order.

    Args:
        array: (N, *row).
        dtype: in which rows are handed out.
    """

    def __init__(self, array: Array, dtype: torch.dtype) -> None:
        super().__init__([lambda: array], [len(array)], lambda x: torch.from_numpy(x).to(dtype))
        self.array, self.free = array, True

    def split(self, rows: int) -> Iterator[Tensor]:
        """All rows in order, so many at a time."""
        for start in range(0, len(self), rows):
            yield self.convert(np.array(self.array[start : start + rows]))


class Decoded(Shards):
    """Arrays that can only be read whole, one after the other: compressed files, groups of rows of
    a table.

    Arrays come in a random order; the rows of ``arrays_per_window`` of them are shuffled as one
    window. The arrays of two windows are cached, so that an epoch reads each array
    once; they take at most 256 MiB, or four arrays where these are larger.

    Args:
        arrays: functions that open arrays of rows of one shape.
        lengths: their numbers of rows.
        convert: turns rows of an array into the tensor that is handed out.
        row: bytes of a row of an array.
    """

    def __init__(
        self,
        arrays: Sequence[Callable[[], Array]],
        lengths: Sequence[int],
        convert: Callable[[Array], Tensor],
        row: int,
    ) -> None:
        half = LARGEST_IN_MEMORY // 2
        self.arrays_per_window = max(half // max(max(lengths) * row, 1), FEWEST_PER_WINDOW)
        super().__init__(arrays, lengths, convert, 2 * self.arrays_per_window)

    def windows(self, indices: Tensor, noise: torch.Generator) -> Sequence[Tensor]:
        """Rows of some arrays at a time, the arrays in a random order."""
        sizes = np.bincount(np.searchsorted(self.ends, indices.numpy(), side="right")).tolist()
        runs = [run for run in indices.split(sizes) if len(run)]
        order = torch.randperm(len(runs), generator=noise).split(self.arrays_per_window)
        return [torch.cat([runs[i] for i in some]) for some in order]


class Selection(OnDisk):
    """Some rows of others, in an order of their own."""

    def __init__(self, base: OnDisk, indices: Tensor) -> None:
        super().__init__((len(indices), *base.shape[1:]), base.dtype, free=base.free)
        self.base, self.indices = base, indices.numpy()

    def gather(self, indices: Array) -> Tensor:
        """These of the selected rows, in this order."""
        return self.base.gather(self.indices[indices])


class Reordered(OnDisk):
    """Vectors with some of their numbers, in an order of their own."""

    def __init__(self, base: OnDisk, order: Sequence[int]) -> None:
        super().__init__((len(base), len(order)), base.dtype, free=base.free)
        self.base, self.order = base, list(order)

    def gather(self, indices: Array) -> Tensor:
        """These rows, in this order."""
        return self.base.gather(indices)[:, self.order]


class Pictures(OnDisk):
    """Pictures that are read, decoded and resized when they are asked for, by several threads.

    Args:
        readers: one function for each picture, which gives (C, H, W).
        shape: of every picture.
        dtype: of its numbers.
    """

    def __init__(
        self,
        readers: Sequence[Callable[[], Array]],
        shape: Sequence[int],
        dtype: torch.dtype = torch.uint8,
    ) -> None:
        super().__init__((len(readers), *shape), dtype)
        self.readers = readers

    def gather(self, indices: Array) -> Tensor:
        """Read, decode and resize these pictures, in this order."""
        if not len(indices):
            return torch.empty(0, *self.shape[1:], dtype=self.dtype)
        with ThreadPoolExecutor(cpu_count()) as pool:
            return torch.from_numpy(np.stack(list(pool.map(lambda i: self.readers[i](), indices))))


def in_memory(values: Values) -> Tensor:
    """All rows as a tensor."""
    return values if isinstance(values, Tensor) else values[:]


def is_large(rows: int, row: Sequence[int], size: int = 1) -> bool:
    """Whether rows of so many numbers of so many bytes are better left on disk (256 MiB)."""
    return rows * prod(row) * size > LARGEST_IN_MEMORY


def chunks_of(values: Values, title: str) -> Iterator[Tensor]:
    """All rows in chunks; with a progress bar where they have to be read from disk."""
    if isinstance(values, Tensor):
        return iter(values.split(CHUNK))
    rows = max(LARGEST_IN_MEMORY // 16 // (prod(values.shape[1:]) * values.dtype.itemsize), 1)
    return tracked(values.split(rows), title, -(-len(values) // rows))
