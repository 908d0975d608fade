"""The objective on rows that are not trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaekit.batch import Batch
from vaekit.objectives import Objective
from vaekit.seeding import seeded

ROWS = 500


@torch.no_grad()
def validate(
    model: nn.Module, objective: Objective, x: Tensor, step: int, seed: int
) -> dict[str, float]:
    """Mean loss and terms over all rows of x, in nats per row, by the same noise at every call;
    nothing if there are no rows.

    Args:
        step: at which the penalties' weights are taken (the last, to compare epochs fairly).
    """
    if len(x) == 0:
        return {}
    model.eval()
    sums: dict[str, float] = {}
    with seeded(seed, "validation"):
        for part in x.split(ROWS):
            loss = objective(model, Batch(part), step)
            for name, value in {"loss": loss.total, **loss.terms}.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(part)
    return {name: total / len(x) for name, total in sums.items()}
