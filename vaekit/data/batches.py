"""Batches in an order that is a function of the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.batch import Batch
from vaekit.data.representation import Representation
from vaekit.data.source import Source
from vaekit.seeding import generator_for


@dataclass(frozen=True)
class Batches:
    """Rows of one split, shuffled anew in every epoch, gathered by index from memory.

    Batch number n is the same whatever came before it, so training can resume anywhere. The
    last batch of an epoch may be smaller; no row is dropped.
    """

    source: Source
    representation: Representation
    size: int = 128
    seed: int = 0
    split: str = "train"

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
        noise = generator_for(self.seed, "binarize", step)
        return Batch(self.representation.encode(self.source.values[indices], noise))
