"""The objective on rows that are not trained on."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from vaekit.objectives import Objective
from vaekit.rows import Batch
from vaekit.system.seeding import seeded
from vaekit.training.distributed import World


class Chunked(Protocol):
    """Rows of x in numbered chunks."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Tensor: ...


@torch.no_grad()
def validate(
    model: nn.Module,
    objective: Objective,
    chunks: Chunked,
    step: int,
    seed: int,
    at: World = World(),  # noqa: B008 (it cannot change)
) -> dict[str, float]:
    """Mean loss and terms over all rows, in nats per row, by the same noise at every call;
    nothing if there are no rows.

    Args:
        chunks: of rows of x; several processes share them out, each as many (the last ones may
            not count), for split weights are gathered by all at once.
        step: at which the penalties' weights are taken (the last, to compare epochs fairly).
    """
    if not len(chunks):
        return {}
    model.eval()
    device = next(model.parameters()).device
    sums: dict[str, Tensor] = {}
    for number in at.mine(-(-len(chunks) // at.size) * at.size):
        x = chunks[min(number, len(chunks) - 1)].to(device)
        with seeded(seed, "validation", number):
            loss = objective(model, Batch(x), step)
        rows = len(x) * (number < len(chunks))
        for name, value in {"loss": loss.total, **loss.terms, "rows": torch.ones(())}.items():
            sums[name] = sums.get(name, torch.zeros(())) + value.double().cpu() * rows
    total = at.total(torch.stack(list(sums.values())))
    *means, _ = (total / total[-1]).tolist()
    return dict(zip(sums, means, strict=False))
