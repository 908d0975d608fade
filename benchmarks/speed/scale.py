"""The arithmetic of a billion images on a thousand GPUs, from stated assumptions; nothing is timed.

python benchmarks/speed/scale.py
"""

import sys
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import prepare, write

from vaekit.data.readers.arrays import from_memory

IMAGES, GPUS, SIDE, LOCAL_BATCH, EPOCHS = 10**9, 1000, 64, 256, 1
PEAK, UTILISATION, LINK, PRICE = 989e12, 0.3, 50e9, 3.0  # flop/s bf16, share, bytes/s, $ an hour


def main() -> None:
    images = torch.randint(0, 256, (64, SIDE, SIDE, 3), dtype=torch.uint8).numpy()
    job = prepare(from_memory(images), "residual_vae", latent=128, epochs=1)
    model, x = job.built.model, job.rows("all")[:8]
    with FlopCounterMode(display=False) as counter:
        job.built.objective(model, x, 0).total.backward()
    flops = counter.get_total_flops() / len(x)
    weights = sum(p.numel() for p in model.parameters())
    step = LOCAL_BATCH * flops / (PEAK * UTILISATION)
    exchange = 2 * 4 * weights / LINK
    steps = IMAGES * EPOCHS / (LOCAL_BATCH * GPUS)
    rate = LOCAL_BATCH / max(step, exchange)
    hours = steps * max(step, exchange) / 3600
    write("scale", {
        "setting": f"{IMAGES:.0e} colour images of {SIDE} x {SIDE}, residual_vae with 128 latents, {GPUS:,} GPUs of "
        f"{PEAK / 1e12:.0f} TFLOP/s at {UTILISATION:.0%}, {LINK / 1e9:.0f} GB/s each between them, {LOCAL_BATCH} "
        f"images a GPU and update, ${PRICE:.2f} a GPU hour",
        "figures": {
            "data, TB": round(IMAGES * SIDE * SIDE * 3 / 1e12, 1),
            "weights, millions": round(weights / 1e6, 2),
            "training, GFLOP an image": round(flops / 1e9, 2),
            "compute, ms an update": round(1000 * step, 2),
            "gradients exchanged, ms an update (ring, no overlap)": round(1000 * exchange, 2),
            "data read, GB/s a GPU": round(rate * SIDE * SIDE * 3 / 1e9, 2),
            "data read, TB/s in all": round(rate * GPUS * SIDE * SIDE * 3 / 1e12, 2),
            "an epoch, minutes": round(60 * hours, 1),
            "an epoch, dollars": round(hours * GPUS * PRICE),
            "order of an epoch, GB in each process": round(IMAGES * 8 / 1e9),
            "a checkpoint with averages and moments, MB": round(4 * 4 * weights / 1e6),
        },
    })  # fmt: skip


if __name__ == "__main__":
    main()
