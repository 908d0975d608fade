"""Noise of layers in training, which a second pass over the same rows repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor, nn


class Noise:
    """What layers drew in one pass, in the order in which they drew it."""

    def __init__(self) -> None:
        self._of: dict[nn.Module, list[Tensor]] = {}

    def keep(self, layer: nn.Module, values: Tensor) -> Tensor:
        """Remember what a layer drew."""
        self._of.setdefault(layer, []).append(values)
        return values

    def again(self) -> Callable[[nn.Module], Tensor]:
        """Gives of each layer what it drew, one after the other."""
        each = {layer: iter(values) for layer, values in self._of.items()}
        return lambda layer: next(each[layer])


Source = Callable[[nn.Module, Callable[[], Tensor]], Tensor]
_SOURCE: ContextVar[Source | None] = ContextVar("noise", default=None)


def drawn(layer: nn.Module, draw: Callable[[], Tensor]) -> Tensor:
    """What ``draw`` gives; in a pass that repeats another what the layer drew there.

    Args:
        layer: that draws.
        draw: makes the noise.
    """
    source = _SOURCE.get()
    return draw() if source is None else source(layer, draw)


@contextmanager
def kept() -> Iterator[Noise]:
    """Inside the block what layers draw is kept."""
    noise = Noise()
    with _from(lambda layer, draw: noise.keep(layer, draw())):
        yield noise


@contextmanager
def repeated(noise: Noise) -> Iterator[None]:
    """Inside the block layers draw what they drew when it was kept."""
    again = noise.again()
    with _from(lambda layer, draw: again(layer)):
        yield


@contextmanager
def _from(source: Source) -> Iterator[None]:
    token = _SOURCE.set(source)
    try:
        yield
    finally:
        _SOURCE.reset(token)
