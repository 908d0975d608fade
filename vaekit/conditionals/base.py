"""What every prior answers."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.distributions import quantiles


class Prior(nn.Module, ABC):
    """p(z) over ``dim`` numbers, whatever is given.

    ``forward`` returns a distribution without a batch, its event the whole vector, so that
    ``log_prob`` is one number per row, in nats, and ``sample`` draws rows.

    Attributes:
        called: the name that an option gives it; empty where none does.
        discrete: whether it is of codes from a list, which have probabilities and no density.
        stays: why no density over all vectors can take its place, in words; empty where one can.
        exact: whether log p(z) is known; else it is bounded from below, on average.
    """

    called = ""
    discrete = False
    stays = ""
    exact = True

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.event_shape = (dim,)

    @abstractmethod
    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""

    @property
    def components(self) -> int:
        """Of how many parts it is a mixture; 0 for what is none."""
        return 0

    def misfit(self, z: Tensor) -> Tensor:
        """What is lowered where it is fitted to codes, (rows, dim), one number per row: by default
        - log p(z), in nats."""
        return -self().log_prob(z)

    @torch.no_grad()
    def begin(self, x: Tensor, codes: Tensor) -> None:
        """Get ready to be fitted to codes, (rows, dim), of these rows of x; the rows are the same
        or others. By default there is nothing to do."""
        return

    @torch.no_grad()
    def settle(self, codes: Tensor) -> None:
        """Become as likely as can be for codes, (rows, dim), draws of q(z|x) for many rows, at one
        go, where there is a way. By default there is none."""
        return

    @torch.no_grad()
    def quantiles(self, shares: Tensor) -> Tensor | None:
        """The values below which a share of each dimension's mass lies, (shares, dim); None
        where they are not known."""
        return quantiles(self(), shares)

    @torch.no_grad()
    def path(self, start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
        """Codes on the way from one to another, (pairs, shares, dim): here a straight line."""
        return straight(start, end, shares)

    @torch.no_grad()
    def fitting(self, codes: Tensor, held: list[int]) -> Tensor:
        """Codes that somebody made up, (..., dim), brought to where there are codes; the numbers
        ``held`` stay as they are where they can. Here codes may lie anywhere."""
        return codes


def evenly(rows: int, number: int) -> Tensor:
    """The numbers of rows spread evenly over all; they repeat where there are too few."""
    return torch.linspace(0, rows - 1, number).long()


def straight(start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
    """The straight line from each row of one to that of another, (rows, shares, dim)."""
    return start[:, None] + (end - start)[:, None] * shares[None, :, None]
