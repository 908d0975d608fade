"""How far rows rebuilt from their codes are from what they were."""

from __future__ import annotations

import torch
from torch import Tensor

from vaekit.evaluation.passes import decode, encode, in_chunks
from vaekit.models import Graph
from vaekit.rows import AnyRows, Rows


def reconstruction_error(model: Graph, rows: AnyRows) -> float:
    """Mean squared difference, per number that is there, between x and its reconstruction."""

    def error(part: Rows) -> Tensor:
        rebuilt = decode(model, encode(model, part), part)
        return (rebuilt - part.data).double().square().flatten(1).nanmean(1)

    return in_chunks(error, rows).nanmean().item()


def cells_wrong(model: Graph, rows: AnyRows) -> float:
    """The share of cells, of those that are there, that are not the likeliest given the code."""

    def wrong(part: Rows) -> Tensor:
        rebuilt, there = decode(model, encode(model, part), part), ~part.data.isnan()
        return torch.stack([((rebuilt != part.data) & there).sum(1), there.sum(1)], 1)

    missed, all_cells = in_chunks(wrong, rows).sum(0).tolist()
    return missed / max(all_cells, 1)
