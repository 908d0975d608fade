"""Rows whose numbers have nothing to do with each other: the least that a model should beat."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from vaekit.data_init import moments

PRIOR = 0.5  # rows that each level is taken to have been met in beforehand
AT_ONCE = 1 << 24  # comparisons of numbers
LEAST = 1e-3  # chance of a bit that was never met


class Apart(Protocol):
    """log p of rows under a model of each number by itself, from training rows."""

    def __call__(self, likelihood: Any, train: Tensor, rows: Tensor, /) -> Tensor:
        """(rows, *event) of both to nats, (rows,), of what is there."""


def bits(likelihood: Any, train: Tensor, rows: Tensor) -> Tensor:
    """Each number a one as often as among the training rows. Shares of a one count as such."""
    x = rows.flatten(1).double()
    chance = train.flatten(1).double().nanmean(0).nan_to_num(0.5).clamp(LEAST, 1 - LEAST)
    each = x * chance.log() + (1 - x) * (1 - chance).log()
    return each.nansum(1)


def frequencies(levels: Callable[[Any], Tensor]) -> Apart:
    """Each level as often as among the training rows, and half a row more.

    Args:
        levels: how many each number of a row has, (numbers,) or one for all, of a likelihood.
    """

    def apart(likelihood: Any, train: Tensor, rows: Tensor) -> Tensor:
        known, x = train.flatten(1), rows.flatten(1)
        counts = levels(likelihood).to(torch.float64)
        total = (~known.isnan()).sum(0) + PRIOR * counts
        step = max(1, AT_ONCE // max(known.numel(), 1))
        met = torch.cat([_met(part, known) for part in x.split(step)])
        each = torch.where(x.isnan(), 0.0, ((met + PRIOR) / total).log())
        return each.sum(1)

    return apart


def normal(likelihood: Any, train: Tensor, rows: Tensor) -> Tensor:
    """Each number normal, with the mean and spread that it has among the training rows."""
    mean, deviation = (part.flatten().double() for part in moments(train))
    each = ((rows.flatten(1).double() - mean) / deviation).square() / -2 - deviation.log()
    return (each - math.log(2 * math.pi) / 2).nansum(1)


def _met(x: Tensor, known: Tensor) -> Tensor:
    """In how many of some rows each number of others is met, (rows, numbers)."""
    return (x[:, None] == known[None]).sum(1)
