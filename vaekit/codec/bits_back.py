"""Compressing and decompressing as two rules by which a model draws its latents.

Bits back (Hinton & van Camp 1993; Townsend et al. 2019): the latents of the next rows are *taken
off* the stack by q(z|x), so that bits already there choose them; then the rows are pushed by
p(x|z) and the latents by p(z). The net cost is the row's -ELBO. Undoing it runs the other way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vaekit.codec.ans import Stack
from vaekit.codec.priors import values_of
from vaekit.codec.fixed_point import BINS_LOG2, ONE
from vaekit.codec.posteriors import CorrelatedNormal, BinnedNormal
from vaekit.codec.symbols import Symbols, Uniform

Array = np.ndarray
Choose = Callable[[str, Any, Any], Array]
DROPPED = 6  # of a bin's bits


class BinRule:
    """A drawing rule that chooses bins of latents and remembers them.

    Args:
        rows: in the batch. choose: bins from (name, prior, posterior). back: whether bits come
            back; where none do, bins are coarser, so that they cost less.
    """

    def __init__(self, rows: int, choose: Choose, *, back: bool) -> None:
        self.rows, self.choose, self.dropped = rows, choose, 0 if back else DROPPED
        self.bins: dict[str, Array] = {}
        self.priors: dict[str, Symbols] = {}
        self.posteriors: dict[str, Symbols] = {}

    def tile(self, rows: Tensor) -> Tensor:
        return rows

    def __call__(self, name: str, prior: Uniform, posterior: Any) -> Tensor:
        self.priors[name] = Uniform(self.rows * prior.count, BINS_LOG2 - self.dropped)
        self.posteriors[name] = posterior
        self.bins[name] = self.choose(name, self.priors[name], posterior)
        middle = (1 << self.dropped) // 2
        return values_of((self.bins[name] << self.dropped) + middle, prior.count)


@torch.inference_mode()
def compress_rows(model: nn.Module, stack: Stack, x: Array, *, back: bool, lanes: int = 0) -> None:
    """Push a batch of whole-numbered rows.

    Args:
        model: an exact twin. back: take the latents off the stack; else use the likeliest ones.
        lanes: how many there are to be at least.

    Raises:
        Empty: where the stack has too few bits; it is then as it was.
    """

    def popped(name: str, prior: Symbols, posterior: BinnedNormal | CorrelatedNormal) -> Array:
        return posterior.pop(stack) if back else posterior.likeliest() >> DROPPED

    kept = stack.mark()
    rule = BinRule(len(x), popped, back=back)
    try:
        stack.widen(lanes)
        likelihood: Any = model(rule, _fixed(x))
    except Exception:
        stack.reset(kept)
        raise
    likelihood.push(stack, x.reshape(-1))
    for name in reversed(rule.bins):
        rule.priors[name].push(stack, rule.bins[name])


@torch.inference_mode()
def decompress_rows(
    model: nn.Module, stack: Stack, rows: int, shape: tuple[int, ...], *, back: bool, lanes: int
) -> Array:
    """Pop a batch that :func:`compress_rows` pushed: (rows, *shape).

    Args:
        lanes: how many there were before.
    """
    rule = BinRule(rows, lambda name, prior, posterior: prior.pop(stack), back=back)
    likelihood: Any = model(rule)
    x = likelihood.pop(stack).reshape(rows, *shape)
    if back:
        again = BinRule(rows, lambda name, prior, posterior: rule.bins[name], back=True)
        model(again, _fixed(x))
        for name in reversed(again.bins):
            again.posteriors[name].push(stack, again.bins[name])
    stack.narrow(lanes)
    return x


def _fixed(x: Array) -> Tensor:
    return torch.from_numpy(x.astype(np.float64) * ONE)
