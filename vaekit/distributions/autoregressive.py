"""Rows whose numbers are drawn one after the other, each given those before it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.divergences import log_prob_per_element

Pick = Callable[[D.Distribution], Tensor]
Self = TypeVar("Self", bound="Autoregressive")


class Autoregressive(D.Distribution):
    r"""Rows whose numbers are drawn one after the other, or some at a time:

    .. math:: \log p(x) = \sum_i \log p(x_i \mid x_j, j < i)

    in nats, one per row, by one pass of a network; drawing takes a pass for each.

    Args:
        features: what is known of a row beforehand, (*batch, *its shape).
        axes: of that shape.
        event: shape of a row.
    """

    arg_constraints: dict[str, Any] = {}

    def __init__(self, features: Tensor, axes: int, event: torch.Size) -> None:
        self.features, self.axes = features, axes
        super().__init__(features.shape[:-axes], event, validate_args=False)

    @abstractmethod
    def given(self, value: Tensor) -> Any:
        """The distribution of independent numbers, each given those of the rows before it."""

    @abstractmethod
    def of(self: Self, features: Tensor) -> Self:
        """The same distribution of other features."""

    @abstractmethod
    def filled(self, pick: Pick) -> Tensor:
        """Rows of numbers that are picked one after the other, (rows, *event)."""

    @property
    def support(self) -> Any:
        """As of independent numbers."""
        one = self.of(self.features[:1])
        return one.given(one.blank()).support

    def blank(self) -> Tensor:
        """Rows of zeros."""
        return self.features.new_zeros(*self.batch_shape, *self.event_shape)

    def expand(self: Self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution for more rows."""
        return self.of(self.features.expand(*batch_shape, *self.features.shape[-self.axes :]))

    def log_prob(self, value: Tensor) -> Tensor:
        """Of rows, in nats, (rows,)."""
        found: Tensor = self.given(value).log_prob(value)
        return found

    def each(self, value: Tensor) -> Tensor:
        """log p of each number given those before it, (rows, *event), in nats."""
        found: Tensor = self.given(value).base_dist.log_prob(value)
        return found

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, (*sample_shape, rows, *event)."""
        whole = self.expand([*sample_shape, *self.batch_shape]) if sample_shape else self
        flat = self.of(whole.features.flatten(0, -self.axes - 1))
        return flat.filled(lambda p: p.sample()).unflatten(0, whole.batch_shape)

    @property
    @torch.no_grad()
    def mean(self) -> Tensor:
        """Each number's mean given the means of those before it (the mean of the whole has no
        closed form)."""
        return self.filled(lambda p: p.mean)


@log_prob_per_element.register
def _(q: Autoregressive, value: Tensor) -> Tensor:
    return q.each(value)
