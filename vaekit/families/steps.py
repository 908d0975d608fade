"""Series whose times are drawn one after the other."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.steps import StepByStep
from vaekit.families.base import Kind, Likelihood, Shape
from vaekit.families.wrapped import Wrapped
from vaekit.networks.inputs import Hats
from vaekit.networks.noise import drawn
from vaekit.networks.sequences import NextTime
from vaekit.networks.series import SeriesShape


class Steps(Wrapped):
    """p(x | z) of series, time by time given those before it and features that z makes of the row
    (Bowman et al. 2016).

    Args:
        base: of independent numbers.
        series: how a series lies in a row.
        features: numbers of a row that z makes.
        width: of the recurrent layer.
        unseen: share of the times that those after them do not see, in training.
        symbols: whether levels are symbols, which are alike or different and no more.
    """

    def __init__(
        self,
        base: Likelihood,
        series: SeriesShape,
        features: int,
        width: int,
        unseen: float = 0.0,
        *,
        symbols: bool = False,
    ) -> None:
        super().__init__(base)
        self.series, self.features, self.unseen, self.symbols = series, features, unseen, symbols
        self.times = series.times
        self.first = self.kind.input(self)
        said = prod(base.raw_shape) // series.times
        self.net = NextTime(self.blocks * series.features, features, said, width)

    @property
    def blocks(self) -> int:
        """Numbers that the input layer makes of each of a row."""
        return int(self.range.high) + 1 if self.symbols else 1

    @property
    def raw_shape(self) -> Shape:
        """Shape of the features of a row."""
        return (self.features,)

    @cached_property
    def kind(self) -> Kind:
        """As the base; networks see symbols as one-hot vectors."""
        if not self.symbols:
            return self.base.kind
        return replace(self.base.kind, input=lambda family: Hats(self.blocks))

    def forward(self, raw: Tensor) -> StepByStep:
        """The distribution of features, (rows, F)."""
        kept = None
        if self.training and self.unseen:
            like = raw.new_empty(len(raw), self.times)
            kept = (drawn(self, lambda: torch.rand_like(like)) >= self.unseen).to(raw.dtype)
        return StepByStep(raw, self, self.base, torch.Size(self.event_shape), kept)

    def predicted(self, x: Tensor, features: Tensor, kept: Tensor | None = None) -> Tensor:
        """Raw numbers of each time, from those before it and from features."""
        seen = self._seen(x) if kept is None else self._seen(x) * kept[..., None]
        start = self.net.start.expand(len(x), 1, -1)
        said, _ = self.net(torch.cat([start, seen[:, :-1]], 1), features)
        return self._laid(said.transpose(1, 2))

    def next(
        self, x: Tensor, time: int, features: Tensor, raw: Tensor | None, state: Any
    ) -> tuple[Tensor, Any]:
        """Raw numbers of rows whose numbers before a time are known, right up to it."""
        start = self.net.start.expand(len(x), 1, -1)
        before = self._seen(x)[:, time - 1 : time] if time else start
        said, state = self.net(before, features, state)
        known = x.new_zeros(len(x), prod(self.base.raw_shape)) if raw is None else raw.flatten(1)
        series = self.series.channels(known).clone()
        series[:, :, time] = said[:, 0]
        return self._laid(series), state

    def at(self, time: int) -> Tensor:
        """The places of a time in a row, flattened."""
        return self.series.at(time)

    def likeliest(self, p: D.Distribution) -> Tensor:
        """Means; of symbols, which have none, the likeliest."""
        return p.mode if self.symbols else p.mean

    def _seen(self, x: Tensor) -> Tensor:
        """Times as the network sees them, (rows, times, inputs)."""
        return self.series.channels(self.first(x).flatten(1)).transpose(1, 2)

    def _laid(self, series: Tensor) -> Tensor:
        """(rows, outputs, times) as the base takes raw numbers."""
        return self.series.rows(series).unflatten(1, self.base.raw_shape)
