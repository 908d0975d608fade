"""Names of types that the whole package uses."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
Shape = tuple[int, ...]
