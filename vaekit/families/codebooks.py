"""Families of codes from a list: a learned codebook, or values at even distances."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit.distributions.codebooks import Carrier, NearestEntries, SummedEntries, straight
from vaekit.distributions.drawn_entries import DrawnEntries
from vaekit.families.base import Shape
from vaekit.networks import Scales
from vaekit.running_means import RunningMeans
from vaekit.system.checks import require

TINY = 1e-12


class Codebook(nn.Module):
    """A list of vectors that is learned.

    Args:
        entries: how many.
        size: numbers of each.
    """

    def __init__(self, entries: int, size: int) -> None:
        super().__init__()
        self.book = nn.Parameter(torch.randn(entries, size) / entries ** (1 / size))


class RunningCodebook(RunningMeans):
    r"""A list whose entries are running means of what the encoder gave where they were chosen
    (van den Oord et al. 2017, appendix): :math:`e_k = s_k / n_k`.

    Args:
        entries: how many.
        size: numbers of each.
        memory: gamma, the share of means that is kept at each update.

    Attributes:
        counts: n, the share of places at which each entry is chosen, (entries,).
        sums: s, the sum of what the encoder gave there, over the number of places, (entries, size).
    """

    def __init__(self, entries: int, size: int, memory: float = 0.99) -> None:
        super().__init__(memory)
        start = torch.randn(entries, size) / entries ** (1 / size)
        self.counts = nn.Parameter(torch.full((entries,), 1 / entries))
        self.sums = nn.Parameter(start / entries)

    @property
    def book(self) -> Tensor:
        """The list, (entries, size); no gradient moves it."""
        return (self.sums / self.counts.clamp_min(TINY)[:, None]).detach()


class MappedCodebook(nn.Module):
    """A list of random vectors that stay, all moved by one linear map that is learned: entries that
    no row has move with the others (SimVQ: Zhu et al. 2024).

    Args:
        entries: how many.
        size: numbers of each.
    """

    fixed: Tensor

    def __init__(self, entries: int, size: int) -> None:
        super().__init__()
        self.register_buffer("fixed", torch.randn(entries, size))
        self.map = nn.Parameter(torch.eye(size) / entries ** (1 / size))

    @property
    def book(self) -> Tensor:
        """The list, (entries, size)."""
        return self.fixed @ self.map


class EvenValues(nn.Module):
    """Values at even distances from -1 to 1.

    Args:
        values: how many.
    """

    book: Tensor

    def __init__(self, values: int) -> None:
        super().__init__()
        require(values >= 2, f"values must be at least 2, not {values}")
        self.register_buffer("book", torch.linspace(-1, 1, values)[:, None], persistent=False)


class Nearest(nn.Module):
    """The entries of a list that are nearest to raw numbers, place by place
    (van den Oord et al. 2017).

    With several stages the numbers of a place are told by a sum of entries: each stage takes the
    entry nearest to what those before it left. A value then has the entries of all stages side by
    side, as if each were a place.

    Args:
        codebook: has the list, ``book``.
        places: of a code.
        stages: entries for each.
        carrier: see :class:`vaekit.distributions.codebooks.NearestEntries`.
    """

    has_density = True

    def __init__(
        self, codebook: nn.Module, places: int, stages: int = 1, carrier: Carrier = straight
    ) -> None:
        super().__init__()
        self.codebook, self.stages, self.carrier = codebook, stages, carrier
        self.places = places * stages

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.places // self.stages * self.book.shape[1],)

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return (self.places * self.book.shape[1],)

    @property
    def book(self) -> Tensor:
        """The list, (entries, size)."""
        codebook: Any = self.codebook
        return codebook.book

    def forward(self, raw: Tensor) -> D.Distribution:
        """The codes nearest to raw numbers, (rows, *raw_shape)."""
        book = self.book
        left = [raw.unflatten(-1, (self.places // self.stages, -1))]
        for _ in range(self.stages - 1):
            left.append(left[-1] - NearestEntries(left[-1], book).entries)
        return NearestEntries(
            torch.stack(left, -2).flatten(-3, -2), book, self.carrier, self.stages
        )


class NearestByScale(Nearest):
    r"""Numbers of all places told by a sum of entries at several scales, coarse to fine: at each
    scale those nearest to averages of what the scales before left (Tian et al. 2024; one scale:
    van den Oord et al. 2017).

    .. math:: k_s = \operatorname{arg\,min}_k \lVert D_s r_{s-1} - e_k \rVert, \qquad
        r_s = r_{s-1} - U_s e_{k_s}, \qquad r_0 = f(x)

    with averages :math:`D_s` and interpolation :math:`U_s`, place by place. A value has the entries
    of all scales one after the other; :class:`vaekit.networks.SummedScales` gives their sum.

    Args:
        codebook: has the list, ``book``, that all scales share.
        scales: coarse to fine.
        carrier: see :class:`vaekit.distributions.codebooks.NearestEntries`.
    """

    def __init__(self, codebook: nn.Module, scales: Scales, carrier: Carrier = straight) -> None:
        super().__init__(codebook, scales.places, carrier=carrier)
        self.scales = scales

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.scales.each[-1] * self.book.shape[1],)

    def forward(self, raw: Tensor) -> D.Distribution:
        """The codes nearest to raw numbers, (rows, *raw_shape)."""
        whole, book, parts = raw.unflatten(-1, (self.scales.each[-1], -1)), self.book, []
        left, told = whole, torch.zeros_like(whole)
        for scale in self.scales:
            parts.append(NearestEntries(scale.averaged(left), book))
            spread = scale.spread(parts[-1].entries)
            left, told = left - spread, told + spread
        return SummedEntries(parts, whole, told, self.carrier)


class NearestValues(Nearest):
    r"""The nearest of some values at even distances from -1 to 1: finite scalar quantisation
    (Mentzer et al. 2024). Raw numbers are held between these by r / (1 + \|r\|) where the paper has
    tanh, whose slope dies: then codes that all rows push to one end at first never come back.

    Args:
        values: how many, from -1 to 1.
        places: numbers of a code.
    """

    def __init__(self, values: int, places: int) -> None:
        super().__init__(EvenValues(values), places)

    def forward(self, raw: Tensor) -> D.Distribution:
        """The codes nearest to raw numbers, (rows, *raw_shape), held between -1 and 1."""
        return super().forward(F.softsign(raw))


class DrawnCodes(nn.Module):
    """Entries of a list that are drawn, place by place: raw numbers are logits of each.

    Args:
        codebook: has the list, ``book``.
        places: of a code.
        temperature: of gradients, see :class:`vaekit.distributions.drawn_entries.DrawnEntries`.
    """

    has_density = True

    def __init__(self, codebook: Codebook, places: int, temperature: float) -> None:
        super().__init__()
        self.codebook, self.places, self.temperature = codebook, places, temperature

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (self.places * len(self.book),)

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return (self.places * self.book.shape[1],)

    @property
    def book(self) -> Tensor:
        """The list, (entries, size)."""
        return self.codebook.book

    def forward(self, raw: Tensor) -> D.Distribution:
        """Entries drawn by the softmax of raw numbers, (rows, *raw_shape)."""
        return DrawnEntries(raw.unflatten(-1, (self.places, -1)), self.book, self.temperature)
