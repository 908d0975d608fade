"""Normals over the bins of a latent."""

from __future__ import annotations

import numpy as np

from vaekit.codec import tables
from vaekit.codec.ans import PARTS
from vaekit.codec.symbols import Cumulative
from vaekit.codec.tables import BINS, ONE

Array = np.ndarray


class Latents(Cumulative):
    """Normals over the 4096 bins of a latent.

    Args:
        mean: fixed-point. deviation: real, above 0.
    """

    turned = True

    def __init__(self, mean: Array, deviation: Array) -> None:
        super().__init__(len(mean), BINS, self._mass_below)
        self.mean, self.narrow = mean / ONE, tables.NORMAL_STEP / deviation

    def _mass_below(self, part: slice, k: Array) -> Array:
        table = tables.normal()
        top = float(len(table) - 1)
        at = tables.bounds().take(k.astype(np.int64), mode="clip") - self.mean[part]
        at = at * self.narrow[part] + top / 2
        at = np.minimum(np.maximum(at, 0, out=at), top - 1e-6, out=at)
        index = at.astype(np.int64)
        between = np.floor((at - index) * 1024) / 1024  # few bits: exact, so it never falls
        mass = table[index] + between * (table[index + 1] - table[index])
        mass *= (PARTS - BINS) / tables.NORMAL_UNIT
        return mass

    def likeliest(self) -> Array:
        """The bin in which each mean lies."""
        return np.searchsorted(tables.bounds()[1:-1], self.mean)
