"""Passes of a model over many rows, a chunk at a time, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.drawing import Recorder, at_mean
from vaekit.progress import tracked

ROWS = 256


class Pieces(Protocol):
    """Pieces of rows, counted."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Tensor]: ...


class Lazy(Protocol):
    """Rows of x that are made when they are asked for."""

    @property
    def shape(self) -> torch.Size: ...

    def __len__(self) -> int: ...

    def __getitem__(self, window: slice, /) -> Tensor: ...

    def split(self, rows: int, /) -> Pieces: ...


Rows = Tensor | Lazy


def in_chunks(
    apply: Callable[[Tensor], Tensor], x: Rows, rows: int = ROWS, title: str = ""
) -> Tensor:
    """``apply`` to ``rows`` rows of x at a time; the results, one per row, put together again."""
    with torch.inference_mode():
        return gathered((apply(part) for part in chunks(x, rows, title)), len(x))


def gathered(parts: Iterable[Tensor], rows: int) -> Tensor:
    """Parts of ``rows`` rows in all, put together.

    Each goes to its place at once: small results kept between large passing ones would leave
    holes in memory that nothing else fits into.
    """
    whole, start = torch.empty(0), 0
    for part in parts:
        if start == 0:
            whole = part.new_empty(rows, *part.shape[1:])
        whole[start : start + len(part)] = part
        start += len(part)
    return whole


def chunks(x: Rows, rows: int = ROWS, title: str = "") -> Iterator[Tensor]:
    """x cut into pieces of ``rows`` rows, with a progress bar if there is a title."""
    parts = x.split(rows)
    yield from tracked(parts, title, len(parts)) if title and len(parts) > 1 else parts


def encode(model: nn.Module, x: Rows, name: str = "z") -> Tensor:
    """The posterior means of one latent: (rows, dim). The same rows always give the same codes."""
    return gathered(codes(model, x, name), len(x))


def codes(model: nn.Module, x: Rows, name: str = "z") -> Iterator[Tensor]:
    """The posterior means of one latent, some rows at a time."""
    model.eval()
    for part in chunks(x, title="encoding"):
        with torch.inference_mode():
            means = latent_of(model, part, name).posterior.mean
        yield means


class Known(NamedTuple):
    """What a model says of a latent before it has a value."""

    prior: D.Distribution
    posterior: D.Distribution


def latent_of(model: nn.Module, x: Tensor, name: str = "z") -> Known:
    """The distributions of one latent, those before it being at their means. The model goes no
    further than to this latent: what would be decoded from it is not computed."""
    seeker = Seeker(len(x), name)
    try:
        model(seeker, x)
    except Found as found:
        return found.known
    raise LookupError(f"the model has no latent {name!r}")


class Found(Exception):
    """The latent that was wanted has been reached."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self.known = known


class Seeker(Recorder):
    """Draws latents at their means until it comes to the one that is ``wanted``."""

    def __init__(self, rows: int, wanted: str) -> None:
        super().__init__(rows, 1, at_mean)
        self.wanted = wanted

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None
    ) -> Tensor:
        if name == self.wanted and posterior is not None:
            raise Found(Known(prior, posterior))
        return super().__call__(name, prior, posterior)
