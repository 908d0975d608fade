"""Passes of a model over many rows, a chunk at a time, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from vaekit.drawing import at_mean
from vaekit.progress import tracked
from vaekit.trace import trace

ROWS = 512


def in_chunks(
    apply: Callable[[Tensor], Tensor], x: Tensor, rows: int = ROWS, title: str = ""
) -> Tensor:
    """``apply`` to ``rows`` rows of x at a time; the results, one per row, put together again."""
    with torch.inference_mode():
        return torch.cat([apply(part) for part in chunks(x, rows, title)])


def chunks(x: Tensor, rows: int = ROWS, title: str = "") -> Iterator[Tensor]:
    """x cut into pieces of ``rows`` rows, with a progress bar if there is a title."""
    parts = x.split(rows)
    yield from tracked(parts, title, len(parts)) if title and len(parts) > 1 else parts


def encode(model: nn.Module, x: Tensor, name: str = "z") -> Tensor:
    """The posterior means of one latent: (rows, dim). The same rows always give the same codes."""
    model.eval()

    def means(part: Tensor) -> Tensor:
        return trace(model, part, rule=at_mean).latents[name].value[0]

    return in_chunks(means, x, title="encoding")
