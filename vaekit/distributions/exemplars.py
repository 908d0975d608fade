"""Mixtures of normals around codes of rows, which may leave a row out that asks for itself."""

from __future__ import annotations

from functools import singledispatch

import torch
from torch import Tensor
from torch import distributions as D

ODD = 0x9E3779B97F4A7C15 - 2**64  # of a multiplier whose powers spread over all of 64 bits


class Exemplars(D.MixtureSameFamily):
    r"""An even mixture of normals of one deviation around the codes m_k of K rows,
    (1 / K) sum_k N(z; m_k, s^2 I).

    Args:
        means: m, (K, dim), or (B, K, dim) for B rows that each have weights of their own.
        scale: s.
        keys: of the rows that the codes are of, (K,): see :func:`keys_of`.
        left_out: (B, K) codes that do not count for each of B rows.
    """

    def __init__(
        self, means: Tensor, scale: Tensor, keys: Tensor, left_out: Tensor | None = None
    ) -> None:
        self.means, self.scale, self.keys = means, scale, keys
        logits = means.new_zeros(means.shape[:-1])
        if left_out is not None:
            logits = logits.masked_fill(left_out, -torch.inf)
        parts = D.Independent(D.Normal(means, scale, validate_args=False), 1, validate_args=False)
        weights = D.Categorical(logits=logits, validate_args=False)
        super().__init__(weights, parts, validate_args=False)


@singledispatch
def without(p: D.Distribution, x: Tensor) -> D.Distribution:
    """p(z) as rows x see it in training: without what they lend to it themselves. Most priors take
    nothing from a row."""
    return p


@without.register
def _(p: Exemplars, x: Tensor) -> D.Distribution:
    own = keys_of(x)[:, None] == p.keys
    own = own & ~own.all(1, keepdim=True)  # where all rows are the same one, it stays
    return Exemplars(p.means.expand(len(x), *p.means.shape), p.scale, p.keys, own)


@torch.no_grad()
def keys_of(x: Tensor) -> Tensor:
    """Of each row a whole number of 64 bits that equal rows have in common, and others as good as
    never: the sum of its bits, four bytes at a time, times odd numbers, (rows,)."""
    bits = (x.flatten(1).float() + 0.0).contiguous().view(torch.int32).long()
    odd = torch.arange(1, 2 * bits.shape[1], 2, device=x.device) * ODD
    return ((bits ^ (bits << 29)) * (odd ^ (odd >> 31) | 1)).sum(1)
