"""Series drawn time by time, each given those before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.autoregressive import Autoregressive, Pick
from vaekit.distributions.known import SomeKnown, some_known

Family = Callable[[Tensor], Any]


class Predictor(Protocol):
    """What says what comes next in a series."""

    times: int

    def predicted(self, x: Tensor, features: Tensor, kept: Tensor | None) -> Tensor:
        """Raw numbers of rows, of each time from those before it and from features.

        Args:
            x: the rows.
            features: (rows, F).
            kept: (rows, times), 0 where a time is not to be seen by those after it.
        """

    def next(
        self, x: Tensor, time: int, features: Tensor, raw: Tensor | None, state: Any
    ) -> tuple[Tensor, Any]:
        """Raw numbers of rows whose numbers before a time are known, right up to it.

        Args:
            x: the rows.
            time: up to which they are filled.
            features: (rows, F).
            raw: what this gave for the time before; None at the first.
            state: likewise.
        """

    def at(self, time: int) -> Tensor:
        """The places of a time in a row, flattened."""

    def likeliest(self, p: D.Distribution) -> Tensor:
        """What stands for all values of independent numbers: their means, or the likeliest ones."""


class StepByStep(Autoregressive):
    r"""Series whose times are drawn one after the other:

    .. math:: \log p(x) = \sum_t \log p(x_t \mid x_s, s < t)

    in nats, one per row; what is measured at one time is independent given the times before it.

    Args:
        features: (rows, F), what is known of a row beforehand.
        predictor: gives raw numbers of a time from those before it.
        family: from raw numbers to the distribution of independent numbers of a row.
        event: shape of a row.
        kept: (rows, times), 0 where a time is not to be seen by those after it, in training.
    """

    def __init__(
        self,
        features: Tensor,
        predictor: Predictor,
        family: Family,
        event: torch.Size,
        kept: Tensor | None = None,
    ) -> None:
        self.predictor, self.family, self.kept = predictor, family, kept
        super().__init__(features, 1, event)

    def given(self, value: Tensor) -> Any:
        """The distribution of numbers, each given the times before it."""
        return self.family(self.predictor.predicted(value, self.features, self.kept))

    def of(self, features: Tensor) -> StepByStep:
        """The same distribution of other features, where all times are seen."""
        return StepByStep(features, self.predictor, self.family, self.event_shape)

    def filled(self, pick: Pick) -> Tensor:
        """Series of times that are picked one after the other."""
        x, raw, state = self.blank(), None, None
        flat = x.flatten(1)
        for time in range(self.predictor.times):
            raw, state = self.predictor.next(x, time, self.features, raw, state)
            places = self.predictor.at(time)
            flat[:, places] = pick(self.family(raw)).flatten(1)[:, places]
        return x

    @property
    @torch.no_grad()
    def mean(self) -> Tensor:
        """What stands for each time given what stands for those before it: means of numbers, the
        likeliest of symbols (the mean of the whole has no closed form)."""
        return self.filled(self.predictor.likeliest)


@some_known.register
def _(p: StepByStep, known: Tensor, value: Tensor) -> StepByStep:
    def family(raw: Tensor) -> D.Independent:
        each = SomeKnown(p.family(raw).base_dist, known, value)
        return D.Independent(each, len(p.event_shape), validate_args=False)

    return StepByStep(p.features, p.predictor, family, p.event_shape, p.kept)
