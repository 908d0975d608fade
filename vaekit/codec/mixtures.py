"""A mixture of normals as a prior in fixed point.

Bins have equal mass under the normal that has the mixture's means and standard deviations, number
by number, so that they lie where codes do. The numbers of a code are coded one after the other:
each is a mixture of normals whose shares depend on the bins of those before it. All of it is single
operations on float64, which round alike everywhere, and sums in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vaekit.codec import fixed_point
from vaekit.codec.ans import PARTS
from vaekit.codec.fixed_point import (
    BINS_LOG2,
    LIMIT,
    ONE,
    STEP,
    in_order,
    look_up,
    rounded,
    through,
)
from vaekit.codec.posteriors import BinnedNormal, CorrelatedNormal, InTurn, mass_below
from vaekit.codec.priors import BinSymbols, fixed_point_prior, middles
from vaekit.codec.symbols import Cumulative
from vaekit.conditionals import Mixture, Scaled
from vaekit.conditionals.priors import FLOOR
from vaekit.families.base import Positive
from vaekit.system.types import Array

NARROWEST = 1e-6


class MixtureBins:
    """Bins that lie where a mixture of normals has its mass.

    Args:
        shares: of the components, (K,); they sum to 1.
        means: (K, dim).
        deviations: likewise.
    """

    def __init__(self, shares: Array, means: Array, deviations: Array) -> None:
        own = shares[:, None]
        self.shift = in_order(own * means)
        square = in_order(own * (deviations * deviations + means * means))
        self.scale = np.sqrt(np.maximum(square - self.shift * self.shift, NARROWEST**2))
        self.shares, self.dim = shares, means.shape[1]
        self.means = (means - self.shift) / self.scale
        self.deviations = deviations / self.scale

    def symbols(self, rows: int, dropped: int) -> BinSymbols:
        """The symbols of so many rows, whose bins are coarser by the bits ``dropped``."""
        return MixtureSymbols(self, rows, dropped)

    def over(self, posterior: BinnedNormal | CorrelatedNormal) -> Any:
        """The same posterior in the units of these bins."""
        return posterior.moved(self.shift, self.scale)

    def values(self, bins: Array) -> Tensor:
        """The bins' medians."""
        found = fixed_point.centres()[bins].reshape(-1, self.dim) * self.scale + self.shift * ONE
        return torch.from_numpy(np.clip(rounded(found), -LIMIT, LIMIT))


class MixtureSymbols(InTurn["MixtureOfBins"]):
    """Bins of rows, one number after the other.

    Args:
        bins: of the mixture.
        rows: how many.
        dropped: of a bin's bits.
    """

    def __init__(self, bins: MixtureBins, rows: int, dropped: int) -> None:
        self.bins, self.rows, self.dropped = bins, rows, dropped

    def _walk(
        self, choose: Callable[[int, MixtureOfBins], Array]
    ) -> Iterator[tuple[MixtureOfBins, Array]]:
        shares = np.repeat(self.bins.shares[:, None], self.rows, 1)
        for i, (mean, deviation) in enumerate(
            zip(self.bins.means.T[..., None], self.bins.deviations.T[..., None], strict=True)
        ):
            given = MixtureOfBins(shares, mean, deviation, self.dropped)
            chosen = choose(i, given)
            yield given, chosen
            centre = fixed_point.centres()[middles(chosen, self.dropped)] / ONE
            away = (centre - mean) / deviation
            drop = rounded(np.minimum(away * away, 2 * fixed_point.REACH) * (STEP / 2))
            near = np.maximum(look_up(fixed_point.exponential(), drop), 1) / deviation
            shares = shares * near
            shares = shares / in_order(shares)


class MixtureOfBins(Cumulative):
    """Mixtures of normals over bins of one number, each with its own shares.

    Args:
        shares: (K, rows); they sum to 1 for each row.
        mean: (K, 1).
        deviation: likewise.
        dropped: of a bin's bits.
    """

    def __init__(self, shares: Array, mean: Array, deviation: Array, dropped: int) -> None:
        super().__init__(shares.shape[1], 1 << (BINS_LOG2 - dropped), self._mass_below)
        self.shares, self.mean, self.dropped = shares, mean, dropped
        self.narrow = fixed_point.NORMAL_STEP / deviation

    def _mass_below(self, part: slice, k: Array) -> Array:
        edges = fixed_point.bounds().take(k.astype(np.int64) << self.dropped, mode="clip")
        mass = mass_below((edges - self.mean) * self.narrow) * self.shares[:, part]
        return in_order(mass) * ((PARTS - self.levels) / fixed_point.NORMAL_UNIT)


class FixedPointMixture(nn.Module):
    """A mixture of normals over bins.

    Args:
        prior: as it was trained.
    """

    def __init__(self, prior: Mixture) -> None:
        super().__init__()
        self.event_shape = prior.event_shape
        logits, means, raw = (
            p.detach().double().cpu().numpy() for p in (prior.logits, prior.means, prior.raw_scales)
        )
        mass = look_up(fixed_point.exponential(), rounded((logits.max() - logits) * STEP))
        self.shares, self.means = mass / mass.sum(), means
        self.deviations = through(Positive(FLOOR), rounded(raw * ONE))

    def moved(self, shift: Array, scale: Array) -> FixedPointMixture:
        """Stretched and moved: of a + b u."""
        self.means, self.deviations = shift + self.means * scale, self.deviations * scale
        return self

    def forward(self, *given: Tensor) -> MixtureBins:
        """The bins, whatever is given."""
        return MixtureBins(self.shares, self.means, self.deviations)


fixed_point_prior.register(Mixture, FixedPointMixture)


@fixed_point_prior.register
def _scaled(prior: Scaled) -> nn.Module:
    shift, scale = (p.detach().double().cpu().numpy() for p in (prior.shift, prior.scale))
    moved: nn.Module = fixed_point_prior(prior.prior).moved(shift, scale)
    return moved
