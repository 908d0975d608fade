"""What two columns of whole numbers tell of each other."""

from __future__ import annotations

import numpy as np

from vaekit.system.types import Array


def normalised_information(a: Array, b: Array) -> float:
    """Twice the mutual information over the sum of the entropies; 0 where both are constant.

    Args:
        a: whole numbers from 0, one for each row.
        b: likewise.
    """
    wide = int(b.max()) + 1
    of_a, of_b, both = (_entropy(np.bincount(codes)) for codes in (a, b, a * wide + b))
    return 2 * max(of_a + of_b - both, 0.0) / (of_a + of_b) if of_a + of_b else 0.0


def _entropy(counts: Array) -> float:
    """Of frequencies, in nats."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log(p)).sum())
