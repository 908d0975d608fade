"""Batches in an order that is a function of the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from vaekit.data.on_disk import OnDisk, Values
from vaekit.data.representation import Representation
from vaekit.data.source import Source
from vaekit.rows import Batch
from vaekit.system.devices import CPU, has_room
from vaekit.system.seeding import generator_for

CHUNK = 500


@dataclass(frozen=True)
class Batches:
    """Rows of one split, shuffled anew in every epoch, gathered by index.

    Batch number n is the same whatever came before it, so training can resume anywhere. The
    last batch of an epoch may be smaller; no row is dropped.

    Args:
        size: rows of a batch.
        parts: of a batch, each with noise of its own. mine: numbers of the parts wanted here.
        device: where batches are wanted. Rows in memory are kept there if it has room.
    """

    source: Source
    representation: Representation
    size: int = 128
    seed: int = 0
    split: str = "train"
    parts: int = 1
    mine: Sequence[int] = (0,)
    device: torch.device = CPU

    @property
    def rows(self) -> int:
        return len(self.indices)

    @cached_property
    def indices(self) -> Tensor:
        """Which rows are drawn from."""
        return self.source.indices(self.split)

    @cached_property
    def values(self) -> Values:
        """The stored rows, on the device if they are in memory and there is room."""
        values = self.source.values
        if isinstance(values, OnDisk) or not has_room(self.device, values.nbytes):
            return values
        return values.to(self.device)

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        return -(-self.rows // self.size)

    def order(self, epoch: int) -> Tensor:
        """Indices of this split's rows, in the order of ``epoch``.

        Rows in memory are shuffled freely; those on disk freely within windows that suit how they
        are read.
        """
        noise = generator_for(self.seed, "order", epoch)
        if isinstance(self.values, Tensor):
            order = self.indices[torch.randperm(self.rows, generator=noise)]
            return order.to(self.values.device)
        windows = self.values.windows(self.indices, noise)
        return torch.cat([w[torch.randperm(len(w), generator=noise)] for w in windows])

    def from_step(self, step: int = 0) -> Iterator[Batch]:
        """Batch number ``step`` and all that follow, without end."""
        epoch, first = divmod(step, self.per_epoch)
        while True:
            chunks = self.order(epoch).split(self.size)
            for number in range(first, len(chunks)):
                yield self._batch(chunks[number], epoch * self.per_epoch + number)
            epoch, first = epoch + 1, 0

    def _batch(self, indices: Tensor, step: int) -> Batch:
        chosen = {number: indices[number :: self.parts] for number in self.mine}
        x = [self._part(part if len(part) else indices[:1], step, n) for n, part in chosen.items()]
        parts = tuple((number, len(part)) for number, part in chosen.items())
        return Batch(x[0] if len(x) == 1 else torch.cat(x), (), parts, len(indices))

    def _part(self, indices: Tensor, step: int, number: int) -> Tensor:
        noise = generator_for(self.seed, "binarize", step, *([number] if number else []))
        values = self.values  # whole rows are copied faster than picked number by number
        rows = values[indices] if isinstance(values, OnDisk) else values.index_select(0, indices)
        return self.representation.encode(rows, noise)


@dataclass(frozen=True)
class Encoded:
    """x of rows in their order, made when it is asked for.

    What is drawn (dynamic binarization) is drawn once for each block of rows, so a row is the
    same however it is asked for.

    Args:
        name: of the rows; what is drawn depends on it.
    """

    values: Values
    representation: Representation
    name: str
    seed: int = 0

    @property
    def shape(self) -> torch.Size:
        return torch.Size(self.values.shape)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def block(self) -> Callable[[int], Tensor]:
        """Rows ``number`` * CHUNK and following, by number; the last block asked for is kept."""
        return lru_cache(1)(self._made)

    def _made(self, number: int) -> Tensor:
        values = self.values[number * CHUNK : (number + 1) * CHUNK]
        noise = generator_for(self.seed, "binarize", self.name, number)
        return self.representation.encode(values, noise)

    def __getitem__(self, window: slice) -> Tensor:
        start, stop, _ = window.indices(len(self))
        first, last = start // CHUNK, max(stop - 1, start) // CHUNK
        x = torch.cat([self.block(number) for number in range(first, last + 1)])
        return x[start - first * CHUNK : stop - first * CHUNK]

    def split(self, rows: int = CHUNK) -> Chunks:
        """All rows, so many at a time."""
        return Chunks(self, rows)


@dataclass(frozen=True)
class Chunks:
    """Rows of x in numbered chunks."""

    x: Encoded
    rows: int

    def __len__(self) -> int:
        return -(-len(self.x) // self.rows)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Tensor:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self.x[number * self.rows : (number + 1) * self.rows]
