"""Families whose elements are independent: any elementwise torch distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor
from torch import distributions as D

from vaekit.families.base import BINARY, REAL, UNIT_RANGE, Kind, Link, Range, Shape


def independent(base: D.Distribution, event_shape: Shape) -> D.Independent:
    """Declare the last dimensions an event, so that log_prob is one number per row."""
    return D.Independent(base, len(event_shape), validate_args=False)


def widen(event_shape: Shape, times: int) -> Shape:
    """``times`` raw numbers for each element: the first axis (channels, columns) grows."""
    return (times * event_shape[0], *event_shape[1:])


def same(raw: Tensor) -> Tensor:
    """The link that changes nothing: any number is allowed."""
    return raw


@dataclass(frozen=True)
class Elementwise:
    """``make(parameter=link(raw), ...)`` for every element of an event.

    The raw numbers hold one block per parameter along the first event axis.

    Args:
        make: makes a distribution with an empty event from parameters given by name.
        links: for each parameter, the function from raw numbers to its range.
        event_shape: shape of one row of data.
        range: the values that have a probability.
        kind: of data.
    """

    make: Callable[..., D.Distribution]
    links: Mapping[str, Link]
    event_shape: Shape
    range: Range = field(default_factory=Range)
    kind: Kind = REAL
    has_density = True

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, len(self.links))

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        blocks = _blocks(raw, len(self.links), -len(self.event_shape))
        values = {name: link(b) for (name, link), b in zip(self.links.items(), blocks, strict=True)}
        return independent(self.make(**values, validate_args=False), self.event_shape)


@dataclass(frozen=True)
class Bernoulli:
    """Binary elements; raw numbers are logits."""

    event_shape: Shape
    range = UNIT_RANGE
    kind = BINARY
    has_density = True

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return self.event_shape

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        return independent(D.Bernoulli(logits=raw, validate_args=False), self.event_shape)


def _blocks(raw: Tensor, number: int, axis: int) -> Sequence[Tensor]:
    """Raw numbers in equal blocks. One block is left as it is: its gradient need not be copied."""
    return raw.chunk(number, axis) if number > 1 else (raw,)
