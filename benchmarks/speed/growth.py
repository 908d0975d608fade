"""How cost grows with rows, pixels, latents, samples and batch: processor seconds, one thread.

Each quantity is doubled from its base while the others stay; the exponent is the slope of log time
against log size over the last three doublings. 1 is linear, less is better than linear.

    python benchmarks/speed/growth.py
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import least, parsed, prepare, write

from vaekit.data.readers.arrays import from_memory
from vaekit.evaluation import encode, log_likelihood
from vaekit.training import train

REPEATS = 5


def main() -> None:
    parsed(argparse.ArgumentParser())
    torch.set_num_threads(1)
    found = {}
    for name, (sizes, cost, why) in CASES.items():
        seconds = [cost(size) for size in sizes]
        found[name] = {
            "sizes": sizes,
            "milliseconds": [round(1000 * s, 2) for s in seconds],
            "exponent": exponent(sizes, seconds),
            "why": why,
        }
        print(name, found[name], flush=True)
    write(
        "growth", {"setting": f"one thread, processor time, best of {REPEATS}, fp32", "cost": found}
    )


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """The slope of a straight line through the last four points, both axes in logarithms."""
    return round(float(np.polyfit(np.log(sizes[-4:]), np.log(seconds[-4:]), 1)[0]), 2)


def best(do) -> float:
    """The least processor time of several calls."""
    do()
    return least(do, REPEATS, time.process_time)


def data(rows: int, side: int):
    return from_memory(np.random.default_rng(0).integers(0, 2, (rows, side, side)).astype(np.uint8))


def update(rows: int = 2048, side: int = 28, **options) -> float:
    """One update."""
    job = prepare(data(rows, side), precision="fp32", epochs=1000, **DENSE | options)
    run = job.run()
    steps = train(run.state, run.batches.from_step())
    return best(lambda: [next(steps) for _ in range(4)]) / 4


def epoch(rows: int) -> float:
    """One epoch of a small network."""
    job = prepare(data(rows, 8), precision="fp32", epochs=1000, **DENSE)
    run = job.run()
    steps = train(run.state, run.batches.from_step())
    return best(lambda: [next(steps) for _ in range(job.batches.per_epoch)])


def encoding(rows: int) -> float:
    """The codes of all rows."""
    job = prepare(data(rows, 28), epochs=1, **DENSE)
    x = job.source.values.float()
    return best(lambda: encode(job.built.model, x))


def scoring(samples: int) -> float:
    """log p(x) of 16 rows."""
    job = prepare(data(64, 28), epochs=1, **DENSE)
    x = job.source.values.float()[:16]
    return best(lambda: log_likelihood(job.built.model, x, samples=samples))


DENSE = {"network": "dense", "width": 256, "depth": 1, "latent": 16}
CONV = {"network": "conv", "width": 16, "latent": 16}
CASES = {
    "rows, an epoch": ([2048, 4096, 8192, 16384, 32768], epoch, ""),
    "rows, encoding": ([2048, 4096, 8192, 16384, 32768], encoding, ""),
    "batch, an update": ([32, 64, 128, 256, 512, 1024], lambda n: update(batch=n), ""),
    "side of the image, an update, dense": (
        [16, 32, 64, 128], lambda n: update(rows=256, side=n),
        "pixels grow with the square of the side, and so do the first and last layer",
    ),
    "side of the image, an update, convolutional": (
        [32, 64, 128, 256], lambda n: update(rows=256, side=n, batch=16, **CONV),
        "pixels grow with the square of the side; every halving adds a stage of twice the channels",
    ),
    "latents, an update": ([16, 32, 64, 128, 256, 512], lambda n: update(latent=n), ""),
    "width of the layers, an update": (
        [128, 256, 512, 1024, 2048], lambda n: update(width=n, depth=2),
        "a layer between two hidden ones has width squared weights",
    ),
    "samples K, an update": ([1, 2, 4, 8, 16, 32], lambda n: update(recipe="iwae", samples=n), ""),
    "samples, log p(x)": ([250, 500, 1000, 2000, 4000, 8000], scoring, ""),
}  # fmt: skip

if __name__ == "__main__":
    main()
