"""Normal posteriors over bins, independent or with a covariance: then dimensions are coded one
after the other, each given those before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import numpy as np
from torch import Tensor

from vaekit.codec import fixed_point
from vaekit.codec.ans import PARTS, Stack
from vaekit.codec.fixed_point import BINS, ONE, through
from vaekit.codec.symbols import Cumulative, Symbols
from vaekit.families.gaussians import FullNormal, LowRankNormal
from vaekit.system.types import Array


def mass_below(at: Array) -> Array:
    """The standard normal's distribution function in units of 2**-30; ``at`` is in steps of its
    table."""
    table = fixed_point.normal()
    top = float(len(table) - 1)
    at = at + top / 2
    at = np.minimum(np.maximum(at, 0, out=at), top - 1e-6, out=at)
    index = at.astype(np.int64)
    between = np.floor((at - index) * 1024) / 1024  # few bits: exact, so it never falls
    return table[index] + between * (table[index + 1] - table[index])


class BinnedNormal(Cumulative):
    """Normals over the 4096 bins of a latent.

    Args:
        mean: fixed-point.
        deviation: real, above 0.
    """

    shifted = True

    def __init__(self, mean: Array, deviation: Array) -> None:
        super().__init__(len(mean), BINS, self._mass_below)
        self.mean, self.narrow = mean / ONE, fixed_point.NORMAL_STEP / deviation

    def _mass_below(self, part: slice, k: Array) -> Array:
        at = fixed_point.bounds().take(k.astype(np.int64), mode="clip") - self.mean[part]
        mass = mass_below(at * self.narrow[part])
        mass *= (PARTS - BINS) / fixed_point.NORMAL_UNIT
        return mass

    def moved(self, shift: Array, scale: Array) -> BinnedNormal:
        """The same normals for (z - a) / b, z being rows of as many numbers as a and b have."""
        mean, narrow = (a.reshape(-1, len(shift)) for a in (self.mean, self.narrow))
        deviation = fixed_point.NORMAL_STEP / narrow / scale
        return BinnedNormal(((mean - shift) / scale * ONE).reshape(-1), deviation.reshape(-1))

    def likeliest(self) -> Array:
        """The bin in which each mean lies."""
        return np.searchsorted(fixed_point.bounds()[1:-1], self.mean)


FAR = 4096.0  # noise and means are held within, so that nothing overflows


S = TypeVar("S", bound=Symbols)


class InTurn(ABC, Generic[S]):
    """Bins of rows, one number of a code after the other, each given those before it."""

    rows: int

    def push(self, stack: Stack, bins: Array) -> None:
        """Push the bins of all rows, (rows * dim,); number 0 ends on top."""
        columns = bins.reshape(self.rows, -1).T
        steps = [*self._walk(lambda i, given: columns[i])]
        for given, chosen in reversed(steps):
            given.push(stack, chosen)

    def pop(self, stack: Stack) -> Array:
        """Take the bins of all rows off the stack."""
        return self._bins(lambda i, given: given.pop(stack))

    def _bins(self, choose: Callable[[int, S], Array]) -> Array:
        return np.stack([chosen for _, chosen in self._walk(choose)], 1).reshape(-1)

    @abstractmethod
    def _walk(self, choose: Callable[[int, S], Array]) -> Iterator[tuple[S, Array]]:
        """Of each number its symbols, and what is chosen of them."""


class CorrelatedNormal(InTurn[BinnedNormal]):
    """N(mean, L L^T) over bins: dimension i has mean m_i + sum_j<i L_ij e_j and deviation L_ii,
    where e_j = (z_j - mean of j) / L_jj. Sums are taken in order, so they repeat everywhere.

    Args:
        mean: (rows, dim), real.
        lower: (rows, dim, dim), its diagonal above 0.
    """

    def __init__(self, mean: Array, lower: Array) -> None:
        self.mean, self.lower, self.rows = mean, lower, len(mean)

    def moved(self, shift: Array, scale: Array) -> CorrelatedNormal:
        """The same for (z - a) / b."""
        return CorrelatedNormal((self.mean - shift) / scale, self.lower / scale[:, None])

    def likeliest(self) -> Array:
        """Each dimension's mean, given the likeliest of those before."""
        return self._bins(lambda i, given: given.likeliest())

    def _walk(
        self, choose: Callable[[int, BinnedNormal], Array]
    ) -> Iterator[tuple[BinnedNormal, Array]]:
        noise: list[Array] = []
        for i in range(self.mean.shape[1]):
            mean = self.mean[:, i]
            for j, e in enumerate(noise):
                mean = np.clip(mean + self.lower[:, i, j] * e, -FAR, FAR)
            given = BinnedNormal(mean * ONE, self.lower[:, i, i])
            chosen = choose(i, given)
            e = (fixed_point.centres()[chosen] / ONE - mean) / self.lower[:, i, i]
            noise.append(np.clip(e, -FAR, FAR))
            yield given, chosen


def full(family: FullNormal, raw: Tensor) -> CorrelatedNormal:
    """A full covariance, by its lower triangle."""
    numbers, dim = raw.numpy(), family.dim
    rows, columns = np.tril_indices(dim)
    lower = np.zeros((len(numbers), dim, dim))
    lower[:, rows, columns] = numbers[:, dim:] / ONE
    diagonal = np.arange(dim)
    raw_diagonal = np.ascontiguousarray(lower[:, diagonal, diagonal] * ONE)
    lower *= family.tilt
    lower[:, diagonal, diagonal] = through(family.link, raw_diagonal)
    return CorrelatedNormal(numbers[:, :dim] / ONE, lower)


def low_rank(family: LowRankNormal, raw: Tensor) -> CorrelatedNormal:
    """W W^T + diag(s^2), by its Cholesky factor."""
    numbers, dim = raw.numpy(), family.dim
    scale = through(family.link, np.ascontiguousarray(numbers[:, dim : 2 * dim]))
    factor = numbers[:, 2 * dim :].reshape(-1, dim, family.rank) / ONE * family.tilt
    covariance = np.zeros((len(numbers), dim, dim))
    for k in range(family.rank):
        covariance = covariance + factor[:, :, None, k] * factor[:, None, :, k]
    diagonal = np.arange(dim)
    covariance[:, diagonal, diagonal] += scale * scale
    return CorrelatedNormal(numbers[:, :dim] / ONE, cholesky(covariance, scale * 0.5))


def cholesky(covariance: Array, least: Array) -> Array:
    """The lower factor of (rows, dim, dim), column by column, each sum in order; its diagonal is
    at least ``least``, (rows, dim), whatever rounding does."""
    lower = np.zeros_like(covariance)
    for j in range(covariance.shape[1]):
        column = covariance[:, j:, j]
        for k in range(j):
            column = column - lower[:, j:, k] * lower[:, j, k, None]
        pivot = np.sqrt(np.maximum(column[:, 0], least[:, j] ** 2))
        lower[:, j:, j] = column / pivot[:, None]
        lower[:, j, j] = pivot
    return lower
