"""Whether torch.compile makes training faster: each network compiled, beside the same as it is.

    VAEKIT_DATA=... python benchmarks/speed/compiled.py [--threads 2]

Rounds are interleaved; the ratio is the median of the rounds' paired ratios. The seconds until the
first updates are those of compiling, shorter where torch's cache on disk holds the network already.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import open_source, parsed, prepare, write

from vaekit.conditionals import Conditional
from vaekit.training import train

RECIPES = ("keras_mnist", "dense_vae")
UPDATES = 30


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=7)
    given = parsed(options)
    source, found = open_source("mnist"), {}
    for recipe in RECIPES:
        for precision in ("bf16", "fp32"):
            found[f"{recipe}, {precision}"] = compared(source, recipe, precision, given.rounds)
            print(recipe, precision, found[f"{recipe}, {precision}"], flush=True)
    write("speed_compiled", {
        "setting": f"MNIST, batch 128, {torch.get_num_threads()} threads, {given.rounds} interleaved rounds of "
        f"{UPDATES} updates",
        "networks": found,
    })  # fmt: skip


def compared(source, recipe: str, precision: str, rounds: int) -> dict:
    jobs = [prepare(source, recipe, epochs=1000, precision=precision) for _ in range(2)]
    compile_networks(jobs[1].built.model)
    runs = [job.run() for job in jobs]
    plain, compiled = (train(run.state, run.batches.from_step()) for run in runs)
    seconds(plain, 5)
    first = seconds(compiled, 5)
    pairs = [(seconds(plain), seconds(compiled)) for _ in range(rounds)]
    return {
        "as it is, rows a second": round(128 * UPDATES / statistics.median(a for a, _ in pairs)),
        "compiled": round(128 * UPDATES / statistics.median(b for _, b in pairs)),
        "compiled is faster by": round(statistics.median(a / b for a, b in pairs), 2),
        "seconds to the first updates": round(first, 1),
    }


def compile_networks(model: nn.Module) -> None:
    """Compile what the conditionals' networks compute."""
    for part in model.modules():
        if isinstance(part, Conditional):
            part.net = torch.compile(part.net)


def seconds(steps, updates: int = UPDATES) -> float:
    began = time.perf_counter()
    for _ in range(updates):
        next(steps)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
