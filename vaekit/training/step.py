"""What training says of one update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from vaekit.objectives import Loss

ADVICE = "try a lower learning rate (--lr, in Python lr=) or clipped gradients (--clip, clip=)"


class Diverged(ArithmeticError):
    """A loss or gradient is no longer finite. The weights are those before this step.

    Args:
        step: the update at which it happened, from 1.
        term: what is not finite: a term of the loss, "loss", "gradient" or "validation loss".
        value: nan, inf or -inf.
        more: said after this and before what to do.
        advice: what to do.
    """

    def __init__(
        self, step: int, term: str, value: float, more: str = "", advice: str = ADVICE
    ) -> None:
        super().__init__(f"{term} became {value} at step {step}{more}; {advice}")
        self.step, self.term, self.value, self.more = step, term, value, more
        self.advice = advice

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.step, self.term, self.value, self.more, self.advice)


def diverged(step: int, values: Mapping[str, Tensor], advice: str = "") -> Diverged:
    """The error that names the first value that is not finite.

    Args:
        step: the update at which it happened, from 1.
        values: terms, the loss and the gradient's norm, by name.
        advice: what may help beside what helps any training.
    """
    name = next(name for name, value in values.items() if not torch.isfinite(value))
    told = f"{advice}, or {ADVICE}" if advice else ADVICE
    return Diverged(step, name, float(values[name]), advice=told)


@dataclass(frozen=True)
class Step:
    """One update: its number from 1, the rows it saw, the loss in nats per row, the rate used."""

    number: int
    rows: int
    loss: Loss
    rate: float
