"""What training says of one update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.objectives import Loss


class Diverged(ArithmeticError):
    """A loss or gradient is no longer finite. The weights are those before this step."""

    def __init__(self, step: int, term: str, value: float) -> None:
        super().__init__(f"{term} became {value} at step {step}")
        self.step, self.term, self.value = step, term, value


def diverged(step: int, values: Mapping[str, Tensor]) -> Diverged:
    """The error that names the first value that is not finite."""
    name = next(name for name, value in values.items() if not torch.isfinite(value))
    return Diverged(step, name, float(values[name]))


@dataclass(frozen=True)
class Step:
    """One update: its number from 1, the rows it saw, the loss in nats per row, the rate used."""

    number: int
    rows: int
    loss: Loss
    rate: float
