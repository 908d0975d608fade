"""Priors of codes from a list."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.conditionals.base import Prior, straight
from vaekit.distributions.codebooks import EvenEntries, NearestEntries, SequentialEntries
from vaekit.families.codebooks import DrawnCodes, Nearest
from vaekit.networks.masked import NextOnMap
from vaekit.networks.sequences import NextSymbol
from vaekit.system.checks import require
from vaekit.system.types import Shape


class Even(Prior):
    """Every entry of the list is as likely at every place of a code.

    Args:
        family: of the posterior, whose list and places it shares.
    """

    discrete = True
    stays = (
        "codes of this model are from a list and have probabilities: no density can take the place "
        "of their prior"
    )

    def __init__(self, family: Nearest | DrawnCodes) -> None:
        super().__init__(*family.event_shape)
        self.family = family

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        return EvenEntries(self.family.book, self.family.places)

    @torch.no_grad()
    def quantiles(self, shares: Tensor) -> Tensor | None:
        """Not asked for: values have no mass between them."""
        return None

    @torch.no_grad()
    def path(self, start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
        """Along the straight line, the entries that are nearest to it."""
        way = straight(start, end, shares).unflatten(-1, (self.family.places, -1))
        return NearestEntries(way, self.family.book).mean


class Autoregressive(Even):
    """Every entry is as likely as the ones at the places before it make it, which is learned with
    the model (van den Oord et al. 2017 learn it afterwards). Nothing of it moves the codes.

    Args:
        family: of the posterior, whose list and places it shares.
        width: of the network, a recurrent one.
        net: another network that gives logits of the entry at each place.
    """

    def __init__(self, family: Nearest, width: int = 128, net: nn.Module | None = None) -> None:
        super().__init__(family)
        self.net: Any = net or NextSymbol(len(family.book), family.places, width)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        return SequentialEntries(self.family.book, self.family.places, self.net)


class PixelCNN(Autoregressive):
    """Places lie on a map, and every entry is as likely as masked convolutions make it from those
    at the places above and to the left (van den Oord et al. 2016; as a prior: van den Oord et al.
    2017). Where a place has several entries, they come one after the other, as the colours of a
    pixel do there.

    Args:
        family: of the posterior, whose list and places it shares.
        size: of the map, (h, w).
        width: channels of the masked convolutions.
        layers: how many of them, beside the first.
    """

    def __init__(self, family: Nearest, size: Shape, width: int = 64, layers: int = 4) -> None:
        require(len(size) == 2, "a pixelcnn prior is of codes that are maps: take network 'map'")
        each = family.places // math.prod(size)
        net = NextOnMap(len(family.book), size, each, width, layers)
        super().__init__(family, net=net)
