"""Compressing and decompressing as two rules by which a model draws its latents.

Bits back (Hinton & van Camp 1993; Townsend et al. 2019): the latents of the next rows are *taken
off* the stack by q(z|x), so that bits already there choose them; then the rows are pushed by
p(x|z) and the latents by p(z). The net cost is the row's -ELBO. Undoing it runs the other way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vaekit.codec.ans import Stack
from vaekit.codec.fixed_point import ONE
from vaekit.codec.layers import hold
from vaekit.codec.posteriors import BinnedNormal, CorrelatedNormal
from vaekit.codec.priors import Bins, BinSymbols, middles
from vaekit.rows import Rows
from vaekit.system.types import Array

Given = Mapping[str, Array]
Choose = Callable[[str, Any, Any], Array]
DROPPED = 6  # of a bin's bits


class BinRule:
    """A drawing rule that chooses bins of latents and remembers them.

    Args:
        rows: in the batch.
        choose: bins from (name, prior, posterior).
        back: whether bits come back; where none do, bins are coarser, so that they cost less.
    """

    def __init__(self, rows: int, choose: Choose, *, back: bool) -> None:
        self.rows, self.choose, self.dropped = rows, choose, 0 if back else DROPPED
        self.bins: dict[str, Array] = {}
        self.priors: dict[str, BinSymbols] = {}
        self.posteriors: dict[str, Any] = {}

    def tile(self, rows: Tensor) -> Tensor:
        """One particle: rows as they are."""
        return rows

    def __call__(self, name: str, prior: Bins, posterior: Any) -> Tensor:
        """Values of a latent, from the bins that are chosen for it."""
        self.priors[name] = prior.symbols(self.rows, self.dropped)
        self.posteriors[name] = None if posterior is None else prior.over(posterior)
        self.bins[name] = self.choose(name, self.priors[name], self.posteriors[name])
        return prior.values(middles(self.bins[name], self.dropped))


@torch.inference_mode()
def compress_rows(
    model: nn.Module,
    stack: Stack,
    x: Array,
    given: Given | None = None,
    *,
    back: bool,
    wide: bool = False,
    lanes: int = 0,
) -> None:
    """Push a batch of whole-numbered rows.

    Args:
        model: a fixed-point copy.
        stack: to push onto.
        x: (rows, *shape).
        given: what the model is given beside x, by name, (rows, width) real numbers each.
        back: take the latents off the stack; else use the likeliest ones.
        wide: counts are large, see :attr:`vaekit.codec.symbols.Symbols.wide`.
        lanes: how many there are to be at least.

    Raises:
        Empty: where the stack has too few bits; it is then as it was.
    """

    def chosen(name: str, prior: BinSymbols, posterior: BinnedNormal | CorrelatedNormal) -> Array:
        return posterior.pop(stack) if back else posterior.likeliest() >> DROPPED

    kept = stack.mark()
    rule = BinRule(len(x), chosen, back=back)
    try:
        stack.widen(lanes)
        likelihood: Any = model(rule, fixed_point_rows(x, given))
    except Exception:
        stack.reset(kept)
        raise
    (likelihood.wide if wide else likelihood).push(stack, x.reshape(-1))
    for name in reversed(rule.bins):
        rule.priors[name].push(stack, rule.bins[name])


@torch.inference_mode()
def decompress_rows(
    model: nn.Module,
    stack: Stack,
    rows: int,
    shape: tuple[int, ...],
    given: Given | None = None,
    *,
    back: bool,
    lanes: int,
    wide: bool = False,
) -> Array:
    """Pop a batch that :func:`compress_rows` pushed: (rows, *shape).

    Args:
        model: a fixed-point copy.
        stack: to pop from.
        rows: in the batch.
        shape: of each.
        given: as it was when the rows were pushed.
        back: likewise.
        lanes: how many there were before.
        wide: as for :func:`compress_rows`.
    """
    rule = BinRule(rows, lambda name, prior, posterior: prior.pop(stack), back=back)
    likelihood: Any = model(rule, fixed_point_rows(None, given))
    x = (likelihood.wide if wide else likelihood).pop(stack).reshape(rows, *shape)
    if back:
        again = BinRule(rows, lambda name, prior, posterior: rule.bins[name], back=True)
        model(again, fixed_point_rows(x, given))
        for name in reversed(again.bins):
            again.posteriors[name].push(stack, again.bins[name])
    stack.narrow(lanes)
    return x


def fixed_point_rows(x: Array | None, given: Given | None = None) -> Rows:
    """Whole-numbered rows, and the real numbers given beside them, as fixed-point numbers.

    Whole numbers (one-hot vectors, say) are exact; others are rounded, the same way everywhere.
    """
    fixed = {name: hold(_scaled(values)) for name, values in (given or {}).items()}
    return Rows(None if x is None else _scaled(x), fixed)


def _scaled(values: Array) -> Tensor:
    return torch.from_numpy(values.astype(np.float64) * ONE)
