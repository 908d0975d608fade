"""The penalty on rows of several modalities."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vaekit.models.trace import Trace, trace
from vaekit.objectives.penalties import Penalty
from vaekit.rows import Rows


def single_modalities(places: Sequence[Sequence[int]]) -> Penalty:
    """Minus the ELBO of each modality by itself, all of them together: what each costs where
    no other is there (Wu & Goodman 2018). It runs the model again, once for each.

    Args:
        places: of the numbers of each, in the flattened row.
    """

    def single_modalities(t: Trace) -> Tensor:
        x, total = t.rows.data, torch.zeros((), device=t.rows.data.device)
        for own in places:
            index = torch.tensor(own, device=x.device)
            alone = torch.full_like(x, torch.nan).flatten(1)
            alone = alone.index_copy(1, index, x.flatten(1)[:, index]).reshape(x.shape)
            again = trace(t.model, Rows(alone, t.rows.given))
            total = total - (again.log_px - t.kl_weight * again.kl).mean()
        return total

    return single_modalities
