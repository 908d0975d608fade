"""Layers of vaekit.networks.fast beside torch's: one pass forward and one back.

    python benchmarks/speed/layers.py [--threads 2]

Rounds are interleaved; the ratio is the median of the rounds' paired ratios.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import parsed, write

from vaekit.networks.fast import ConvTranspose2d, Linear

PASSES = 20
CONV = {"kernel_size": 3, "stride": 2, "padding": 1, "output_padding": 1}
LAYERS = {
    "Linear(784, 400), 128 rows": (Linear, nn.Linear, (784, 400), {}, (128, 784)),
    "Linear(400, 784), 128 rows": (Linear, nn.Linear, (400, 784), {}, (128, 400)),
    "Linear(512, 512), 512 rows": (Linear, nn.Linear, (512, 512), {}, (512, 512)),
    "ConvTranspose2d(64, 64), 7 x 7": (
        ConvTranspose2d, nn.ConvTranspose2d, (64, 64), CONV, (128, 64, 7, 7),
    ),
    "ConvTranspose2d(64, 32), 14 x 14": (
        ConvTranspose2d, nn.ConvTranspose2d, (64, 32), CONV, (128, 64, 14, 14),
    ),
}  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rounds", type=int, default=11)
    given = parsed(options)
    found = {}
    for name, (ours, theirs, sizes, more, shape) in LAYERS.items():
        layers = [
            kind(*sizes, **more).to(memory_format=torch.channels_last) for kind in (ours, theirs)
        ]
        for dtype in (torch.float32, torch.bfloat16):
            found[f"{name}, {str(dtype).removeprefix('torch.')}"] = compared(
                layers, torch.randn(shape), dtype, given.rounds
            )
    for name, values in found.items():
        print(name, values)
    write("speed_layers", {
        "setting": f"{torch.get_num_threads()} threads, {given.rounds} interleaved rounds of {PASSES} passes",
        "layers": found,
    })  # fmt: skip


def compared(layers: list[nn.Module], x: torch.Tensor, dtype: torch.dtype, rounds: int) -> dict:
    if x.dim() == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    for layer in layers:
        seconds(layer, x, dtype)
    pairs = [[seconds(layer, x, dtype) for layer in layers] for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "ours, ms": round(1e3 * ours, 3),
        "torch's, ms": round(1e3 * theirs, 3),
        "ours is faster by": round(statistics.median(b / a for a, b in pairs), 2),
    }


def seconds(layer: nn.Module, x: torch.Tensor, dtype: torch.dtype) -> float:
    """Of one pass forward and back, on average."""
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        weight = torch.ones_like(layer(x))
    began = time.perf_counter()
    for _ in range(PASSES):
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            y = layer(x)
        torch.autograd.grad(y, (x, *layer.parameters()), weight)
    return (time.perf_counter() - began) / PASSES


if __name__ == "__main__":
    main()
