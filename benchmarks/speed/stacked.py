"""Several trainings at once by stacking their weights (torch.func), beside one after the other.

    python benchmarks/speed/stacked.py [--models 4] [--updates 40] [--widths 16 64 400]

Small dense models of 64 truths. They share their noise: torch.distributions draws in place, which
vmap refuses to do differently for each. Writes
benchmarks/results/stacked.json: seconds of an update of all models, by one thread, forward and
backward pass and Adam's step; the median of several.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from vaekit.models.trace import trace
from vaekit.objectives.penalties import rate
from vaekit.recipes import recipe
from vaekit.rows import Rows

OUT = Path(__file__).parents[1] / "results" / "stacked.json"
PIXELS, BATCH, WARM = 64, 128, 5


def made(width: int, seed: int) -> torch.nn.Module:
    """One model."""
    torch.manual_seed(seed)
    return recipe("vae")(shape=(PIXELS,), likelihood="bernoulli", width=width).model


def in_turn(models: list[torch.nn.Module], x: Tensor) -> Callable[[], None]:
    """An update of each, one after the other."""
    optimizers = [torch.optim.Adam(m.parameters(), 1e-3, fused=True) for m in models]

    def update() -> None:
        for model, optimizer in zip(models, optimizers, strict=True):
            loss_of(model, x).backward()
            optimizer.step()
            optimizer.zero_grad()

    return update


def loss_of(model: torch.nn.Module, x: Tensor) -> Tensor:
    """- ELBO, nats a row."""
    t = trace(model, Rows(x))
    return rate(t) - t.log_px.mean()


class Loss(torch.nn.Module):
    """A model's loss as a module, for torch.func."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """- ELBO."""
        return loss_of(self.model, x)


def stacked(models: list[torch.nn.Module], x: Tensor) -> Callable[[], None]:
    """An update of all at once."""
    losses = [Loss(m) for m in models]
    weights, buffers = stack_module_state(losses)
    weights = {n: w.detach().requires_grad_() for n, w in weights.items()}
    optimizer = torch.optim.Adam(weights.values(), 1e-3, fused=True)

    def one(own: dict[str, Tensor], kept: dict[str, Tensor]) -> Tensor:
        return functional_call(losses[0], (own, kept), (x,))

    def update() -> None:
        found, _ = vmap(grad_and_value(one), randomness="same")(weights, buffers)
        for name, weight in weights.items():
            weight.grad = found[name]
        optimizer.step()

    return update


def seconds(update: Callable[[], None], updates: int) -> float:
    """Of an update, the median."""
    for _ in range(WARM):
        update()
    each = []
    for _ in range(updates):
        began = time.process_time()
        update()
        each.append(time.process_time() - began)
    return statistics.median(each)


def main() -> None:
    """Measure both for several widths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=4)
    parser.add_argument("--updates", type=int, default=40)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 64, 400])
    asked = parser.parse_args()
    torch.set_num_threads(1)
    x = (torch.rand(BATCH, PIXELS) < 0.5).float()
    found = {**vars(asked), "batch": BATCH, "seconds": {}}
    for width in asked.widths:
        models = [made(width, seed) for seed in range(asked.models)]
        each = {f.__name__: seconds(f(models, x), asked.updates) for f in (in_turn, stacked)}
        found["seconds"][width] = {name: round(value, 6) for name, value in each.items()}
        print(width, found["seconds"][width], flush=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
