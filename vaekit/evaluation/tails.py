"""Sums of importance weights, and what their largest say of those that were not drawn."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

BEYOND = 30  # a tail is followed to weights as rare as one in so many times the samples
FEWEST = 5  # weights that show a tail
SMALL = 0.5  # relative error, of which the logarithm's is the same


class Sums(NamedTuple):
    """Of some importance weights of each row, in float64.

    Args:
        total: log of their sum, (rows,).
        squares: log of the sum of their squares, (rows,).
        largest: logs of the largest, rising, (rows, number).
    """

    total: Tensor
    squares: Tensor
    largest: Tensor

    @classmethod
    def of(cls, log_weights: Tensor, keep: int) -> Sums:
        """Of (samples, rows) weights; ``keep`` of the largest at most."""
        total, squares = (torch.logsumexp(k * log_weights, 0) for k in (1, 2))
        largest = log_weights.T.topk(min(keep, len(log_weights))).values
        return cls(total, squares, largest.flip(1))

    def joined(self, other: Sums, keep: int) -> Sums:
        """Of the weights of both."""
        both = torch.cat([self.largest, other.largest], 1)
        return Sums(
            torch.logaddexp(self.total, other.total),
            torch.logaddexp(self.squares, other.squares),
            both.topk(min(keep, both.shape[1])).values.flip(1),
        )


class Spread(NamedTuple):
    """How an estimate by importance weights spreads, each (rows,).

    Args:
        error: standard error of the log of the mean weight; NaN for one sample.
        effective: effective sample size.
        tail: shape of the generalised Pareto distribution that the largest weights follow: from
            1/2 their variance is infinite, from about 0.7 an estimate is not to be trusted
            (Vehtari et al. 2024); NaN for too few weights.
    """

    error: Tensor
    effective: Tensor
    tail: Tensor


def tail_length(samples: int) -> int:
    """How many of the largest weights count as the tail."""
    return math.ceil(min(0.2 * samples, 3 * math.sqrt(samples)))


def spread(found: Sums, samples: int) -> Spread:
    """What the weights say of the estimate's error: by their spread, and by that of the weights
    that the tail's shape lets one expect, whichever is larger."""
    effective = (2 * found.total - found.squares).exp()
    share = samples / effective  # E[w^2] / E[w]^2
    tail = torch.full_like(share, torch.nan)
    if tail_length(samples) >= FEWEST:
        expected, tail = _expected(found, samples)
        share = torch.maximum(share, expected.nan_to_num(1.0, 1.0))
    relative = ((share - 1).clamp_min(0) / (samples - 1 or math.nan)).sqrt()
    return Spread(_of_logarithm(relative), effective, tail)


def _of_logarithm(relative: Tensor) -> Tensor:
    """The error of a number's logarithm, from its relative error: the same where that is small;
    where it is large, by how much the logarithm would move."""
    return torch.where(relative <= SMALL, relative, SMALL + ((1 + relative) / (1 + SMALL)).log())


def _expected(found: Sums, samples: int) -> tuple[Tensor, Tensor]:
    """E[w^2] / E[w]^2 with the largest weights replaced by the distribution that they follow, as
    far as a sample ``BEYOND`` times as large would see it; and the shape of that."""
    number = tail_length(samples)
    unit = found.largest[:, -1:]
    weights = (found.largest[:, -number - 1 :] - unit).exp()
    start, above = weights[:, :1], weights[:, 1:]
    shape, scale = pareto(above - start)
    body = (found.squares - 2 * unit[:, 0]).exp() - above.square().sum(1)
    second = body.clamp_min(0) + number * _square(start[:, 0], shape, scale, 1 / (number * BEYOND))
    mean = (found.total - unit[:, 0]).exp() / samples
    return second / samples / mean.square(), shape


def _square(start: Tensor, shape: Tensor, scale: Tensor, rarest: float) -> Tensor:
    """The mean square of start + Pareto(shape, scale), but for the rarest values: the integral of
    (a + b v^-shape)^2 over v from ``rarest`` to 1."""
    shape = torch.where(shape.abs() < 1e-3, 1e-3, shape)
    a, b = start - scale / shape, scale / shape

    def integral(power: Tensor) -> Tensor:
        rest = torch.where((1 - power).abs() < 1e-3, 1e-3, 1 - power)
        return (1 - rarest**rest) / rest

    return (
        a.square() * (1 - rarest) + 2 * a * b * integral(shape) + b.square() * integral(2 * shape)
    )


def pareto(excess: Tensor) -> tuple[Tensor, Tensor]:
    """Shape and scale, (rows,), of the generalised Pareto distribution of each row's numbers,
    (rows, number), rising from above 0: the quick estimate of Zhang & Stephens (2009), its shape
    drawn a little towards 1/2 (Vehtari et al. 2024)."""
    number = excess.shape[1]
    excess = excess.clamp_min(1e-300)
    trials = 30 + int(number**0.5)
    quarter = excess[:, int(number / 4 + 0.5) - 1, None]
    order = torch.arange(1, trials + 1, dtype=excess.dtype, device=excess.device) - 0.5
    rates = (1 - (trials / order).sqrt()) / (3 * quarter) + 1 / excess[:, -1:]
    shapes = torch.stack([_shape(excess, rate) for rate in rates.unbind(1)], 1)
    fit = number * ((-rates / shapes).log() - shapes - 1)
    rate = (torch.softmax(fit, 1) * rates).sum(1)
    shape = _shape(excess, rate)
    return (number * shape + 10 * 0.5) / (number + 10), -shape / rate


def _shape(excess: Tensor, rate: Tensor) -> Tensor:
    return torch.log1p(-rate[:, None] * excess).mean(1)
