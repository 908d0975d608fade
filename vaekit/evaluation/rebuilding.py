"""How far rows rebuilt from their codes are from what they were."""

from __future__ import annotations

import torch
from torch import Tensor

from vaekit.evaluation.passes import decode, encode, in_chunks
from vaekit.models import Graph
from vaekit.rows import AnyRows, Rows


def reconstruction_error(model: Graph, rows: AnyRows) -> float | None:
    """Mean squared difference, per number that is there, between x and its reconstruction; None
    where no number is there."""

    def error(part: Rows) -> Tensor:
        rebuilt = decode(model, encode(model, part), part)
        each = (rebuilt - part.data).double().square().flatten(1).nanmean(1)
        return torch.stack([each, (~part.data.isnan()).flatten(1).any(1)], 1)

    each, there = in_chunks(error, rows).unbind(1)
    return each.nanmean().item() if there.any() else None


def cells_wrong(model: Graph, rows: AnyRows) -> float | None:
    """The share of cells, of those that are there, that are not the likeliest given the code; None
    where no cell is there."""

    def wrong(part: Rows) -> Tensor:
        rebuilt, there = decode(model, encode(model, part), part), ~part.data.isnan()
        return torch.stack([((rebuilt != part.data) & there).sum(1), there.sum(1)], 1)

    missed, all_cells = in_chunks(wrong, rows).sum(0).tolist()
    return missed / all_cells if all_cells else None
