"""The objective on rows that are not trained on."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from vaekit.objectives import Objective
from vaekit.rows import Rows
from vaekit.system.estimates import cheap_estimates
from vaekit.system.seeding import seeded
from vaekit.training.distributed import World


class Chunks(Protocol):
    """Rows in numbered chunks."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Rows: ...


@torch.no_grad()
def validate(
    model: nn.Module,
    objective: Objective,
    chunks: Chunks,
    step: int,
    seed: int,
    world: World = World(),  # noqa: B008 (it cannot change)
) -> dict[str, float]:
    """Mean loss and terms over all rows, in nats per row, by the same noise at every call;
    nothing if there are no rows. What critics minimise for themselves is left out, and so is what
    they say of the model, which means another thing in each epoch. What training
    estimates is estimated here as well: the two are compared.

    Args:
        model: the model.
        objective: whose loss it is.
        chunks: of rows; several processes share them out, each as many (the last ones may not
            count), for sharded weights are gathered by all at once.
        step: at which the weights are taken (the last, to compare epochs fairly).
        seed: of the noise.
        world: the processes that share the chunks out.
    """
    if not len(chunks):
        return {}
    model.eval()
    device = next(model.parameters()).device
    sums: dict[str, Tensor] = {}
    for number in world.shard_of(-(-len(chunks) // world.size) * world.size):
        rows = chunks[min(number, len(chunks) - 1)].to(device)
        with seeded(seed, "validation", number), cheap_estimates():
            loss = objective(model, rows, step)
        count = len(rows) * (number < len(chunks))
        watched = loss.total - loss.theirs
        for name, value in {"loss": watched, **loss.terms, "rows": torch.ones(())}.items():
            sums[name] = sums.get(name, torch.zeros(())) + value.double().cpu() * count
    total = world.all_reduce(torch.stack(list(sums.values())))
    *means, _ = (total / total[-1]).tolist()
    return dict(zip(sums, means, strict=False))
