"""Batches in an order that is a function of the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.batch import Batch
from vaekit.data.representation import Representation
from vaekit.data.source import Source
from vaekit.seeding import generator_for

CHUNK = 500


@dataclass(frozen=True)
class Batches:
    """Rows of one split, shuffled anew in every epoch, gathered by index.

    Batch number n is the same whatever came before it, so training can resume anywhere. The
    last batch of an epoch may be smaller; no row is dropped.

    Args:
        size: rows of a batch.
        parts: of a batch, each with noise of its own. mine: numbers of the parts wanted here.
    """

    source: Source
    representation: Representation
    size: int = 128
    seed: int = 0
    split: str = "train"
    parts: int = 1
    mine: Sequence[int] = (0,)

    @property
    def rows(self) -> int:
        return (
            len(self.source.values) if self.split == "all" else len(self.source.splits[self.split])
        )

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        return -(-self.rows // self.size)

    def order(self, epoch: int) -> Tensor:
        """Indices of this split's rows, in the order of ``epoch``."""
        indices = torch.arange(self.rows) if self.split == "all" else self.source.splits[self.split]
        return indices[
            torch.randperm(self.rows, generator=generator_for(self.seed, "order", epoch))
        ]

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
        return self.representation.encode(self.source.values[indices], noise)


@dataclass(frozen=True)
class Chunks:
    """x of one split's rows in their order, a chunk at a time; what is drawn is drawn once."""

    source: Source
    representation: Representation
    split: str
    seed: int = 0

    def __len__(self) -> int:
        return -(-len(self.source.splits[self.split]) // CHUNK)

    def __getitem__(self, number: int) -> Tensor:
        if not 0 <= number < len(self):
            raise IndexError(number)
        indices = self.source.splits[self.split][number * CHUNK : (number + 1) * CHUNK]
        noise = generator_for(self.seed, "binarize", self.split, number)
        return self.representation.encode(self.source.values[indices], noise)
