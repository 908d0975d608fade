"""Photographs: a patch model trained on half of the Kodak images, the other half compressed.

    VAEKIT_DATA=... python benchmarks/compression/kodak.py [--epochs 60]

Each photograph is cut into 16 x 16 tiles, one block a photograph. PNG (optimised) and lossless
WebP code the same pixels, one file each.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rates import jpeg_xl, saved, write

import vaekit
from vaekit.compressing import Archive
from vaekit.data.images import to_tiles
from vaekit.tiling import compress_pictures, read_pixels, restore_pictures

TILE = (16, 16)


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, default=60)
    given = options.parse_args()
    torch.set_num_threads(1)
    paths = sorted(Path(os.environ["VAEKIT_DATA"], "kodak").glob("*.png"))
    learn, keep = paths[::2], paths[1::2]
    patches = np.concatenate([to_tiles(read_pixels(p, 3), TILE) for p in learn])
    model = vaekit.fit(
        patches, recipe="ladder_vae", colours="minus_green", likelihood="logistic_mixture", width=32, latent=32,
        planes=3, components=3, lr=2e-3, epochs=given.epochs,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for path in keep:
            shutil.copy(path, folder / "in" / path.name)
        began = time.perf_counter()
        summary = compress_pictures(model, folder / "in", folder / "a.vk", verify=False)
        middle = time.perf_counter()
        restore_pictures(Archive(folder / "a.vk", model), folder / "out")
        ended = time.perf_counter()
        same = all(
            (read_pixels(folder / "out" / p.name, 3) == read_pixels(p, 3)).all() for p in keep
        )
        size = (folder / "a.vk").stat().st_size
    pixels = [np.moveaxis(read_pixels(p, 3), 0, -1)[None] for p in keep]
    numbers = sum(p.size for p in pixels)
    write("kodak", {
        "setting": f"{len(learn)} Kodak photographs to learn from, {len(keep)} others coded in tiles of 16 x 16; a "
        "residual ladder of 32 channels, mixture of 3 logistics, red and blue less green, "
        f"{given.epochs} epochs, one thread",
        "same pixels": same,
        "bits/dim": {
            "vaekit": round(8 * size / numbers, 3),
            "PNG, optimised": round(8 * sum(saved(p, "png", optimize=True) for p in pixels) / numbers, 3),
            "WebP, lossless": round(8 * sum(saved(p, "webp", lossless=True, quality=100) for p in pixels) / numbers, 3),
            "JPEG XL, effort 9": round(8 * sum(jpeg_xl(np.moveaxis(p[0], -1, 0)) for p in pixels) / numbers, 3),
        },
        "plain blocks": summary.plain,
        "MB/s in and out": [round(numbers / (middle - began) / 1e6, 2), round(numbers / (ended - middle) / 1e6, 2)],
    })  # fmt: skip


if __name__ == "__main__":
    main()
