"""Networks over sequences of symbols."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NextSymbol(nn.Module):
    """Logits of the symbol at each place, given the symbols at the places before it.

    Args:
        symbols: how many different ones there are.
        places: of a sequence.
        width: of the recurrent layer.
    """

    def __init__(self, symbols: int, places: int, width: int) -> None:
        super().__init__()
        self.before = nn.Embedding(symbols + 1, width)
        self.place = nn.Parameter(torch.zeros(places, width))
        self.memory = nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, symbols)

    def forward(self, sequence: Tensor) -> Tensor:
        """(rows, places) of whole numbers to (rows, places, symbols)."""
        start = torch.full_like(sequence[:, :1], self.before.num_embeddings - 1)
        shifted = torch.cat([start, sequence[:, :-1]], 1)
        found: Tensor = self.out(self.memory(self.before(shifted) + self.place)[0])
        return found
