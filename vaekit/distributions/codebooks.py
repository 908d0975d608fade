"""Codes from a list: every place of a code has one of its entries."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch import distributions as D
from torch.distributions import constraints
from torch.nn import functional as F

from vaekit.distributions.distances import distances
from vaekit.distributions.divergences import exact_kl
from vaekit.distributions.draws import Noise, from_noise

TINY = 1e-12
MOST = 10.0  # times that a gradient is stretched


class ListedVectors(constraints.Constraint):
    """Vectors whose parts are entries of a list."""

    is_discrete, event_dim = True, 1


Carrier = Callable[[Tensor, Tensor], Tensor]


def straight(encoded: Tensor, code: Tensor) -> Tensor:
    """Gradients go to what the encoder gave, as if it had not been moved: straight through."""
    return encoded


def rotated(encoded: Tensor, code: Tensor) -> Tensor:
    r"""Gradients are turned and stretched as what the encoder gave was, on its way to the code: the
    rotation trick (Fifty et al. 2025).

    .. math:: \tilde z = \frac{\lVert c \rVert}{\lVert e \rVert} R e, \qquad
        R = I - 2 r r^\top + 2 \hat c \hat e^\top, \quad r \propto \hat e + \hat c

    with the length's ratio and R held as they are: entries that lie near each other in angle stay
    so. What is stretched more than tenfold, as e near 0 is, which stages before have told all but
    whole, has a gradient of ten times.

    Args:
        encoded: e, (..., size).
        code: c, likewise.
    """
    with torch.no_grad():
        far, near = (v.norm(dim=-1, keepdim=True).clamp_min(TINY) for v in (code, encoded))
        c, e = code / far, encoded / near
        r = (c + e) / (c + e).norm(dim=-1, keepdim=True).clamp_min(TINY)
    across = encoded - 2 * (encoded * r).sum(-1, keepdim=True) * r
    return (far / near).clamp_max(MOST) * (across + 2 * (encoded * e).sum(-1, keepdim=True) * c)


class NearestEntries(D.Distribution):
    """All probability on one code: at each place the entry of the list that is nearest to what the
    encoder gave. ``log_prob`` is the log of a probability, 0 at that code and -inf elsewhere.

    Draws are the code itself; their gradients go to what the encoder gave.

    Args:
        encoded: (*batch, places, size).
        book: the list, (entries, size).
        carrier: from what the encoder gave and the code to what has a draw's gradient.
        stages: so many places after one another stand for a sum: each has a share of the gradient.
        chosen: the numbers of the entries, (*batch, places), where they are known.
    """

    arg_constraints: dict[str, Any] = {}
    support = ListedVectors()
    has_rsample = True

    def __init__(
        self,
        encoded: Tensor,
        book: Tensor,
        carrier: Carrier = straight,
        stages: int = 1,
        chosen: Tensor | None = None,
    ) -> None:
        self.encoded, self.book = encoded, book
        self.carrier, self.stages = carrier, stages
        self.chosen = distances(encoded, book).argmin(-1) if chosen is None else chosen
        batch, event = encoded.shape[:-2], encoded.shape[-2:].numel()
        super().__init__(batch, torch.Size([event]), validate_args=False)

    @property
    def entries(self) -> Tensor:
        """The code, place by place, (*batch, places, size)."""
        return self.book[self.chosen].detach()

    @property
    def mean(self) -> Tensor:
        """The code."""
        return self.entries.flatten(-2)

    @property
    def unlisted(self) -> Tensor:
        """The code, where what the encoder gave takes the place of the last of the stages."""
        parts = self.entries.unflatten(-2, (-1, self.stages))
        given = self.encoded.unflatten(-2, (-1, self.stages))
        return torch.cat([parts[..., :-1, :], given[..., -1:, :]], -2).flatten(-3)

    @property
    def variance(self) -> Tensor:
        """Zero."""
        return torch.zeros_like(self.mean)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The code, as often as asked for."""
        carried = self.carrier(self.encoded, self.entries) / self.stages
        through = (carried - carried.detach()).flatten(-2)
        return (self.mean + through).expand(*sample_shape, *self.mean.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """0 at the code, -inf elsewhere, one per row, in nats."""
        hit = (value == self.mean).all(-1)
        return torch.where(hit, 0.0, -torch.inf)


class SummedEntries(NearestEntries):
    """Entries at the places of several scales, the nearest to what the scales before left, where
    their sum is what stands for what the encoder gave: a draw's gradients go there.

    Args:
        parts: the scales, coarse to fine, each (*batch, places, size); the last has all places.
        whole: what the encoder gave, (*batch, all places, size).
        told: the sum, likewise.
        carrier: from both to what has a draw's gradient.
    """

    def __init__(
        self, parts: Sequence[NearestEntries], whole: Tensor, told: Tensor, carrier: Carrier
    ) -> None:
        encoded = torch.cat([part.encoded for part in parts], -2)
        chosen = torch.cat([part.chosen for part in parts], -1)
        super().__init__(encoded, parts[0].book, carrier, chosen=chosen)
        self.whole, self.told = whole, told

    @property
    def coarser(self) -> int:
        """Places of all scales but the last."""
        return self.encoded.shape[-2] - self.whole.shape[-2]

    @property
    def unlisted(self) -> Tensor:
        """The code, where the last scale has what the others left of what the encoder gave."""
        kept, left = self.entries[..., : self.coarser, :], self.encoded[..., self.coarser :, :]
        return torch.cat([kept, left], -2).flatten(-2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """The code, as often as asked for; the gradient is that of its last scale."""
        carried = self.carrier(self.whole, self.told)
        through = F.pad(carried - carried.detach(), (0, 0, self.coarser, 0)).flatten(-2)
        return (self.mean + through).expand(*sample_shape, *self.mean.shape)


class EvenEntries(D.Distribution):
    """Every entry of a list is as likely at every place of a code, - places log(entries) nats.

    Args:
        book: the list, (entries, size).
        places: how many.
    """

    arg_constraints: dict[str, Any] = {}
    support = ListedVectors()

    def __init__(self, book: Tensor, places: int) -> None:
        self.book, self.places = book, places
        super().__init__(event_shape=torch.Size([places * book.shape[1]]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean of the list, at every place."""
        return self.book.detach().mean(0).repeat(self.places)

    @property
    def variance(self) -> Tensor:
        """The variance of the list, likewise."""
        return self.book.detach().var(0, correction=0).repeat(self.places)

    @property
    def nats(self) -> float:
        """What every code costs."""
        return self.places * math.log(len(self.book))

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        shape = (*sample_shape, self.places)
        index = torch.randint(len(self.book), shape, device=self.book.device)
        return self.book[index].flatten(-2)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p of codes from the list, in nats, one per row; nothing else is asked about."""
        return value.new_full(value.shape[:-1], -self.nats)


class Next(Protocol):
    """What says which entry comes next: it looks at the places before each alone."""

    def __call__(self, sequence: Tensor) -> Tensor:
        """Logits of the entry at each place.

        Args:
            sequence: numbers of entries, (rows, places).

        Returns:
            (rows, places, entries).
        """

    def at(self, sequence: Tensor, place: int) -> Tensor:
        """Those at one place, (rows, entries).

        Args:
            sequence: numbers of entries, (rows, places), of which those before the place count.
            place: by its number.
        """


class SequentialEntries(EvenEntries):
    r"""Entries place by place, each given those before it.

    .. math:: p(z) = \prod_i p(z_i \mid z_1, \dots, z_{i-1})

    Args:
        book: the list, (entries, size).
        places: how many.
        net: gives logits of the entry at each place.
    """

    def __init__(self, book: Tensor, places: int, net: Next) -> None:
        super().__init__(book, places)
        self.net = net

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws, by as many passes as there are places."""
        shape = torch.Size(sample_shape)
        index = torch.zeros(shape.numel(), self.places, dtype=torch.int64, device=self.book.device)
        for place in range(self.places):
            logits = self.net.at(index, place)
            index[:, place] = D.Categorical(logits=logits, validate_args=False).sample()
        return self.book[index].flatten(-2).reshape(*shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p of codes from the list, in nats, one per row; nothing else is asked about."""
        parts = value.detach().reshape(-1, self.places, self.book.shape[1])
        index = distances(parts, self.book.detach()).argmin(-1)
        each = self.net(index).log_softmax(-1).gather(-1, index[..., None])
        return each.sum((-1, -2)).reshape(value.shape[:-1])


@exact_kl.register
def _(q: NearestEntries, p: D.Distribution) -> Tensor | None:
    """What a code that is certain costs: - log p of it."""
    return -p.log_prob(q.mean)


@from_noise.register
def _(q: NearestEntries, noise: Noise) -> Tensor:
    return q.mean + 0 * noise(1)


class Listed(NamedTuple):
    """What is known of codes from a list.

    Args:
        encoded: what the encoder gave, (rows, places, size).
        chosen: the entry at each place, (rows, places).
        book: the list, (entries, size).
        unlisted: the code that there would be without the list, (rows, places * size).
        certain: whether no other entry was possible.
        chances: of each entry at each place, (rows, places, entries), where others were possible.
    """

    encoded: Tensor
    chosen: Tensor
    book: Tensor
    unlisted: Tensor
    certain: bool = True
    chances: Tensor | None = None


@singledispatch
def listed(q: D.Distribution) -> Listed | None:
    """The codes of a posterior by their entries; None for one whose codes are from no list."""
    return None


@listed.register
def _(q: NearestEntries) -> Listed:
    return Listed(q.encoded, q.chosen, q.book, q.unlisted)
