"""Passes of a model over many rows, a chunk at a time, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.models.drawing import Recorder, Rule, at_mean, decoding
from vaekit.system.progress import tracked

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


def encode(model: Any, x: Rows) -> Tensor:
    """The posterior means of all latents, side by side: (rows, dim), each given the means of those
    before it. The same rows always give the same codes."""
    return gathered(codes(model, x), len(x))


def codes(model: Any, x: Rows) -> Iterator[Tensor]:
    """The posterior means of all latents, some rows at a time."""
    model.eval()
    for part in chunks(x, title="encoding"):
        with torch.inference_mode():
            means = [q.mean for _, q in known_of(model, part, at_mean)]
            yield torch.cat(means, 1)


def decode(model: Any, z: Tensor) -> Tensor:
    """The means of p(x|z), (rows, *shape), for codes as :func:`encode` gives them."""
    return model(decoding(model, z)).mean


class Known(NamedTuple):
    """What a model says of a latent before it has a value."""

    prior: D.Distribution
    posterior: D.Distribution


def known_of(model: Any, x: Tensor, rule: Rule) -> list[Known]:
    """The distributions of each latent, those before it drawn by ``rule``. The model goes no
    further than to its last latent: what would be decoded is not computed."""
    watcher = Watcher(len(x), rule, len(model.latents))
    with suppress(Complete):
        model(watcher, x)
    return watcher.known


class Complete(Exception):
    """All latents have been reached."""


class Watcher(Recorder):
    """Draws one particle a row and keeps the distributions of so many latents; the last of them
    needs no value."""

    def __init__(self, rows: int, rule: Rule, latents: int) -> None:
        super().__init__(rows, 1, rule)
        self.wanted, self.known = latents, list[Known]()

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None
    ) -> Tensor:
        if posterior is not None:
            self.known.append(Known(prior, posterior))
        if len(self.known) == self.wanted:
            raise Complete
        return super().__call__(name, prior, posterior)
