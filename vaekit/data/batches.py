"""Rows from stored values: in batches whose order depends on the seed and the epoch alone, or in
their own order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import torch
from torch import Tensor

from vaekit.data.on_disk import OnDisk, Values
from vaekit.data.representation import Representation
from vaekit.data.source import Source
from vaekit.rows import Batch, Part, Rows
from vaekit.system.devices import CPU, has_room
from vaekit.system.seeding import generator_for

CHUNK = 500
Given = Mapping[str, Tensor]


@dataclass(frozen=True)
class Encoder:
    """Turns stored values into :class:`Rows`; nothing else does. Random numbers on the way
    (dynamic binarization) depend on the seed and a key alone.

    Args:
        representation: how stored values become x.
        seed: of what is drawn.
    """

    representation: Representation
    seed: int = 0

    def rows(self, values: Tensor, given: Given, *key: int | str) -> Rows:
        """Rows of stored values, (B, *row), and what is given of them, (B, width) each."""
        return Rows(self.representation.encode(values, self._noise(*key)), dict(given))

    def rows_with_common_noise(self, values: Tensor, given: Given) -> Rows:
        """The same with the same random numbers for every row: a row's x depends on that row and
        the seed alone."""
        each = values.split(1) if self.representation.is_drawn else [values]
        x = [self.representation.encode(row, self._noise()) for row in each]
        return Rows(torch.cat(x), dict(given))

    def _noise(self, *key: int | str) -> torch.Generator:
        return generator_for(self.seed, "binarize", *key)


@dataclass(frozen=True)
class Batches:
    """Rows of one split, shuffled anew in every epoch, gathered by index.

    Batch number n is the same whatever came before it, so training can resume anywhere. The
    last batch of an epoch may be smaller; no row is dropped.

    Args:
        source: the data.
        representation: how stored values become x.
        size: rows of a batch.
        seed: of order and noise.
        split: which rows.
        parts: of a batch, each with noise of its own.
        mine: numbers of the parts that this process computes.
        device: where batches are wanted. Rows in memory are kept there if it has room.
        given: what the model is given of every row of the source, (N, width) each.
    """

    source: Source
    representation: Representation
    size: int = 128
    seed: int = 0
    split: str = "train"
    parts: int = 1
    mine: Sequence[int] = (0,)
    device: torch.device = CPU
    given: Given = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many there are."""
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
        """Batch number ``step`` and all that follow, endlessly."""
        epoch, first = divmod(step, self.per_epoch)
        while True:
            chunks = self.order(epoch).split(self.size)
            for number in range(first, len(chunks)):
                yield self._batch(chunks[number], epoch * self.per_epoch + number)
            epoch, first = epoch + 1, 0

    def _batch(self, indices: Tensor, step: int) -> Batch:
        parts = [self._part(indices, step, number) for number in self.mine]
        return Batch(tuple(parts), len(indices))

    def _part(self, batch: Tensor, step: int, number: int) -> Part:
        own = batch[number :: self.parts]
        indices = own if len(own) else batch[:1]
        values = self.values  # whole rows are copied faster than picked number by number
        rows = values[indices] if isinstance(values, OnDisk) else values.index_select(0, indices)
        given = {name: v.index_select(0, indices.to(v.device)) for name, v in self.given.items()}
        maker = Encoder(self.representation, self.seed)
        made = maker.rows(rows, given, step, *([number] if number else []))
        return Part(number, made, len(own) / len(batch))


@dataclass(frozen=True)
class Encoded:
    """Rows in their order, made when they are asked for.

    What is drawn (dynamic binarization) is drawn once for each block of rows, so a row is the
    same however it is asked for, in memory and on disk.

    Args:
        values: as stored.
        representation: how they become x.
        name: of the rows; what is drawn depends on it.
        seed: of what is drawn.
        given: what the model is given of each row.
        device: where rows are wanted.
    """

    values: Values
    representation: Representation
    name: str
    seed: int = 0
    given: Given = field(default_factory=dict)
    device: torch.device = CPU

    @property
    def shape(self) -> torch.Size:
        """(rows, *row)."""
        return torch.Size(self.values.shape)

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def block(self) -> Callable[[int], Rows]:
        """Rows ``number`` * CHUNK and following, by number; the last block asked for is kept."""
        return lru_cache(1)(self._made)

    def _made(self, number: int) -> Rows:
        window = slice(number * CHUNK, (number + 1) * CHUNK)
        given = {name: values[window] for name, values in self.given.items()}
        maker = Encoder(self.representation, self.seed)
        return maker.rows(self.values[window], given, self.name, number).to(self.device)

    def __getitem__(self, index: slice | Tensor) -> Rows:
        if isinstance(index, Tensor):
            return self._picked(index)
        start, stop, _ = index.indices(len(self))
        first, last = start // CHUNK, max(stop - 1, start) // CHUNK
        rows = concatenated([self.block(number) for number in range(first, last + 1)])
        return rows[start - first * CHUNK : stop - first * CHUNK]

    def _picked(self, indices: Tensor) -> Rows:
        """These rows, in this order; whole blocks are made only where something is drawn."""
        if not self.representation.is_drawn:
            given = {name: values[indices] for name, values in self.given.items()}
            made = Encoder(self.representation, self.seed).rows(self.values[indices], given)
            return made.to(self.device)
        order = indices.argsort(stable=True)
        numbers, counts = (indices[order] // CHUNK).unique_consecutive(return_counts=True)
        wanted = (indices[order] % CHUNK).split(counts.tolist())
        blocks = zip(numbers.tolist(), wanted, strict=True)
        return concatenated([self.block(n)[places] for n, places in blocks])[order.argsort()]

    def split(self, rows: int = CHUNK) -> Chunks:
        """All rows, so many at a time."""
        return Chunks(self, rows)


@dataclass(frozen=True)
class Chunks:
    """Rows in numbered chunks."""

    rows: Encoded
    size: int

    def __len__(self) -> int:
        return -(-len(self.rows) // self.size)

    def __iter__(self) -> Iterator[Rows]:
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> Rows:
        if not 0 <= number < len(self):
            raise IndexError(number)
        return self.rows[number * self.size : (number + 1) * self.size]


def concatenated(parts: list[Rows]) -> Rows:
    """Rows one after the other."""
    if len(parts) == 1:
        return parts[0]
    given = {name: torch.cat([part.given[name] for part in parts]) for name in parts[0].given}
    return Rows(torch.cat([part.data for part in parts]), given)
