"""What training says of one update."""

from __future__ import annotations

from dataclasses import dataclass

from vaekit.objectives import Loss


class Diverged(ArithmeticError):
    """A loss or gradient is no longer finite. The weights are those before this step."""

    def __init__(self, step: int, term: str, value: float) -> None:
        super().__init__(f"{term} became {value} at step {step}")
        self.step, self.term, self.value = step, term, value


@dataclass(frozen=True)
class Step:
    """One update: its number from 1, the rows it saw, the loss in nats per row, the rate used."""

    number: int
    rows: int
    loss: Loss
    rate: float
