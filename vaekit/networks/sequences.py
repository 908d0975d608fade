"""Networks over sequences: what comes next, given what was before."""

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

    def at(self, sequence: Tensor, place: int) -> Tensor:
        """The logits at one place, (rows, symbols)."""
        found: Tensor = self(sequence)[:, place]
        return found


class NextTime(nn.Module):
    """Numbers of each time of a series, given the times before it and features of the row.

    Args:
        inputs: numbers of a time, as they are seen.
        features: of a row.
        outputs: numbers that are said of a time.
        width: of the recurrent layer.
    """

    def __init__(self, inputs: int, features: int, outputs: int, width: int) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(inputs))
        self.begin = nn.Linear(features, width)
        self.memory = nn.GRU(inputs + features, width, batch_first=True)
        self.out = nn.Linear(width, outputs)

    def forward(
        self, before: Tensor, features: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(rows, times, outputs) of some times in a row, and the state after them.

        Args:
            before: (rows, times, inputs), of each of them what was there at the time before.
            features: (rows, features).
            state: after the times before these; None where these are the first.
        """
        beside = features[:, None].expand(-1, before.shape[1], -1)
        state = torch.tanh(self.begin(features))[None] if state is None else state
        seen, state = self.memory(torch.cat([before, beside], -1), state)
        return self.out(seen), state
