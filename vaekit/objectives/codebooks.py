"""Penalties on codes from a list (van den Oord et al. 2017): they bring the list and the encoder
together, since choosing the nearest entry has no gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from vaekit.distributions.codebooks import Listed, listed
from vaekit.families.codebooks import TINY, RunningCodebook
from vaekit.models.trace import Trace
from vaekit.objectives.objective import Learning
from vaekit.system.checks import Unsuited


def _listed(t: Trace) -> list[Listed]:
    """The codes of all latents by their entries."""
    found = [listed(latent.posterior) for latent in t.latents.values()]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        raise Unsuited("codes of this posterior are from no list")
    return known


def codebook(t: Trace) -> Tensor:
    """The squared distance of entries from what the encoder gave, which moves the entries.

    Raises:
        Unsuited: if codes are from no list.
    """
    far = [(c.book[c.chosen] - c.encoded.detach()).square().sum((1, 2)) for c in _listed(t)]
    return torch.stack(far).sum(0).mean()


def commitment(t: Trace) -> Tensor:
    """The squared distance of what the encoder gave from its entries, which moves the encoder.

    Raises:
        Unsuited: if codes are from no list.
    """
    far = [(c.encoded - c.book[c.chosen].detach()).square().sum((1, 2)) for c in _listed(t)]
    return torch.stack(far).sum(0).mean()


def revival(t: Trace) -> Tensor:
    """The squared distance of each entry that no row of the batch has from what the encoder gave
    some row at some place, taken at random: entries that nobody uses move to where codes are.

    Raises:
        Unsuited: if codes are from no list.
    """
    far = []
    for c in _listed(t):
        given = c.encoded.detach().flatten(0, 1)
        unused = given.new_ones(len(c.book)).index_fill(0, c.chosen.flatten(), 0.0)
        target = given[torch.randint(len(given), (len(c.book),), device=given.device)]
        far.append(((c.book - target).square().sum(1) * unused).sum() / len(c.book))
    return torch.stack(far).sum()


def unsure(t: Trace) -> Tensor:
    r"""How unsure the choice of an entry is, less how evenly the batch chooses (Yu et al. 2024), in
    nats, summed over places:

    .. math:: E_x[H(p(\cdot \mid x))] - H(E_x[p(\cdot \mid x)]), \qquad
        p(k \mid x) \propto e^{-\lVert f(x) - e_k \rVert^2}

    which is minus what a place would tell of its row, if entries were drawn so.

    Raises:
        Unsuited: if codes are from no list.
    """
    found = []
    for c in _listed(t):
        far = (c.encoded[..., None, :] - c.book).square().sum(-1)
        p = (-far).softmax(-1)
        told = torch.special.entr(p).sum(-1).mean(0) - torch.special.entr(p.mean(0)).sum(-1)
        found.append(told.sum())
    return torch.stack(found).sum()


def learning(commitment_weight: float, revival_weight: float) -> Learning:
    """What brings the list and the encoder together: :func:`codebook`, :func:`commitment` and
    :func:`revival`, weighed. It grows as codes spread, good or bad, so that it is a loss of its
    own, which epochs are not compared by; the value beside it is the distance alone.

    Args:
        commitment_weight: of what moves the encoder.
        revival_weight: of what moves entries that are not used.

    Raises:
        Unsuited: if codes are from no list.
    """

    def learning(t: Trace) -> tuple[Tensor, Tensor]:
        far = codebook(t)
        own = far + commitment_weight * commitment(t) + revival_weight * revival(t)
        return far.detach(), own

    return learning


def behind(book: RunningCodebook, c: Listed, revival: float) -> Tensor:
    r"""Half the squared distance of running means from what a batch says:

    .. math:: \tfrac{1}{2} \sum_k (n_k - \hat n_k)^2 + \lVert s_k - \hat s_k \rVert^2

    with the shares of places at which each entry was chosen and the sums of what the encoder gave
    there; an entry that was not chosen keeps its mean, however little its count comes to. One that
    is chosen less than ``revival`` times as often as if all were chosen alike begins anew, at once:
    at what the encoder gave some row at some place, taken at random, and with an even share.

    Args:
        book: the list.
        c: codes of the batch.
        revival: from 0, where none begins anew.
    """
    given, even = c.encoded.detach().flatten(0, 1).to(book.sums.dtype), 1 / len(book.counts)
    chosen, share = c.chosen.flatten(), 1 / len(given)
    counts = torch.zeros_like(book.counts).index_add(0, chosen, given.new_full(chosen.shape, share))
    sums = torch.zeros_like(book.sums).index_add(0, chosen, given * share)
    idle = counts == 0
    counts = torch.where(idle, TINY, counts)
    sums = torch.where(idle[:, None], TINY * book.book, sums)
    anew = book.counts.detach() < revival * even
    start = given[torch.randint(len(given), counts.shape, device=given.device)] * even
    counts, sums = torch.where(anew, even, counts), torch.where(anew[:, None], start, sums)
    far = (book.counts - counts).square() + (book.sums - sums).square().sum(1)
    return (torch.where(anew, 1 / (1 - book.memory), 1.0) * far).sum() / 2


def following(book: RunningCodebook, commitment_weight: float, revival: float) -> Learning:
    """What lets the list follow the encoder (:func:`behind`) and keeps the encoder near it
    (:func:`commitment`): a loss of its own; the value beside it is the distance alone.

    Args:
        book: the list.
        commitment_weight: of what moves the encoder.
        revival: an entry that is chosen so many times less often than an even share begins anew.

    Raises:
        Unsuited: if codes are from no list.
    """

    def learning(t: Trace) -> tuple[Tensor, Tensor]:
        far = [behind(book, c, revival) for c in _listed(t)]
        own = torch.stack(far).sum() + commitment_weight * commitment(t)
        return codebook(t).detach(), own

    return learning
