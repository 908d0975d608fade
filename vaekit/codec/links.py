"""The links that keep parameters positive, by table."""

from __future__ import annotations

from typing import Any

import numpy as np

from vaekit.checks import BadInput
from vaekit.codec import tables
from vaekit.codec.tables import ONE, STEP, look_up, rounded
from vaekit.families.base import Positive, half_exp

Array = np.ndarray


def through(link: Any, raw: Array) -> Array:
    """A link that keeps parameters positive, as a real number."""
    if isinstance(link, Positive):
        table, reach = tables.activation("Softplus"), tables.SPAN * ONE
        soft = np.where(raw > reach, raw, look_up(table, np.maximum(raw, -reach) + reach))
        return soft / ONE + link.floor
    if link is half_exp:
        index = rounded(raw * (STEP / ONE / 2)) + 10 * STEP
        return look_up(tables.deviation(), index) / 2.0**24
    raise BadInput("this posterior's link has no exact form: use softplus or exp")
