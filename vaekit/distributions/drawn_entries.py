"""Codes from a list that are drawn, by the chances that an encoder gives them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.codebooks import EvenEntries, Listed, ListedVectors, listed
from vaekit.distributions.distances import distances
from vaekit.distributions.divergences import exact_kl
from vaekit.distributions.draws import Noise, from_noise

TINY = 1e-30


class DrawnEntries(D.Distribution):
    r"""At each place one entry of a list, each by its own chance:

    .. math:: q(z) = \prod_i \operatorname{softmax}(l_i)_{k_i}

    A draw is of entries to the last bit. Its gradients are those of a mean of all entries, weighed
    by softmax((l + g) / temperature) with Gumbel's noise g, of which the largest is drawn
    (Jang et al. 2017; Maddison et al. 2017): biased, and the less so the lower the temperature, at
    the price of noise.

    Args:
        logits: l, (*batch, places, entries).
        book: the list, (entries, size).
        temperature: above 0.
    """

    arg_constraints: dict[str, Any] = {}
    support = ListedVectors()
    has_rsample = True

    def __init__(self, logits: Tensor, book: Tensor, temperature: float) -> None:
        self.log_chances, self.book = logits.log_softmax(-1), book
        self.temperature = temperature
        event = torch.Size([logits.shape[-2] * book.shape[1]])
        super().__init__(logits.shape[:-2], event, validate_args=False)

    @property
    def chosen(self) -> Tensor:
        """The likeliest entry at each place, (*batch, places)."""
        return self.log_chances.argmax(-1)

    @property
    def mean(self) -> Tensor:
        """The likeliest code: the mean of entries is none."""
        return self.book[self.chosen].detach().flatten(-2)

    @property
    def expected(self) -> Tensor:
        """The mean of entries by their chances, (*batch, places, size)."""
        return self.log_chances.exp() @ self.book

    @property
    def variance(self) -> Tensor:
        """Of each number about that of the likeliest code."""
        apart = (self.book - self.book[self.chosen][..., None, :]).square()
        return (self.log_chances.exp()[..., None] * apart).sum(-2).detach().flatten(-2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the logits and to the list."""
        shape = torch.Size(sample_shape)
        chance = torch.rand_like(self.log_chances.expand(*shape, *self.log_chances.shape))
        noisy = self.log_chances - torch.log(-torch.log(chance.clamp_min(TINY)))
        relaxed = (noisy / self.temperature).softmax(-1) @ self.book
        code = self.book[noisy.argmax(-1)].detach()
        return (code + (relaxed - relaxed.detach())).flatten(-2)

    def log_prob(self, value: Tensor) -> Tensor:
        """log q of codes from the list, in nats, one per row; nothing else is asked about."""
        parts = value.detach().unflatten(-1, (-1, self.book.shape[1]))
        index = distances(parts, self.book.detach()).argmin(-1)
        each = self.log_chances.expand(*index.shape, -1).gather(-1, index[..., None])
        return each.sum((-1, -2))


@exact_kl.register
def _(q: DrawnEntries, p: D.Distribution) -> Tensor | None:
    """From even ones: log(entries) less the entropy, summed over places."""
    if type(p) is not EvenEntries:
        return None
    known = (q.log_chances.exp() * q.log_chances).sum((-1, -2))
    return known + q.log_chances.shape[-2] * math.log(len(q.book))


@from_noise.register
def _(q: DrawnEntries, noise: Noise) -> Tensor:
    share = torch.special.ndtr(noise(q.log_chances.shape[-2]))[..., None]
    below = (share > q.log_chances.exp().cumsum(-1)[..., :-1]).sum(-1)
    return q.book[below].detach().flatten(-2)


@listed.register
def _(q: DrawnEntries) -> Listed:
    chances = q.log_chances.exp()
    mean = q.expected
    return Listed(mean, q.chosen, q.book, mean.flatten(-2), certain=False, chances=chances)
