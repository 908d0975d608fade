"""Photographs: a patch model trained on half of the Kodak images, the other half compressed.

    VAEKIT_DATA=... python benchmarks/compression/kodak.py [--epochs 24]

Each photograph is cut into 32 x 32 tiles, one block a photograph; those to learn from are cut in 16
ways, each shifted by some pixels, every other one mirrored. PNG (optimised) and lossless WebP code
the same pixels, one file each.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from rates import epochs_of, jpeg_xl, saved, write

import vaekit
from vaekit.data.readers.images import to_tiles
from vaekit.data.readers.whole_pictures import read_whole
from vaekit.runs.archive import Archive
from vaekit.runs.tiles import compress_pictures, restore_pictures

TILE = (32, 32)
SHIFTS = [(down, right) for down in range(0, 32, 8) for right in range(0, 32, 8)]
RUN = Path("runs/compression/kodak")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--epochs", type=int, default=24)
    given = options.parse_args()
    torch.set_num_threads(1)
    paths = sorted(Path(os.environ["VAEKIT_DATA"], "kodak").glob("*.png"))
    learn, keep = paths[::2], paths[1::2]
    if not (RUN / "model.safetensors").exists():
        patches = np.concatenate([cut(pixels_of(p)) for p in learn])
        vaekit.fit(
            patches, recipe="ladder_vae", out=RUN, colours="minus_green", likelihood="logistic_mixture", width=32,
            latent=32, planes=4, components=3, lr=1.5e-3, batch=32, epochs=given.epochs,
        )  # fmt: skip
    model = vaekit.load(RUN)
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
        same = all((pixels_of(folder / "out" / p.name) == pixels_of(p)).all() for p in keep)
        size = (folder / "a.vk").stat().st_size
    pixels = [np.moveaxis(pixels_of(p), 0, -1)[None] for p in keep]
    numbers = sum(p.size for p in pixels)
    write("kodak", {
        "setting": f"{len(learn)} Kodak photographs to learn from, {len(keep)} others coded in tiles of 32 x 32; a "
        "residual ladder of 32 channels, mixture of 3 logistics, red and blue less green, "
        f"{epochs_of(RUN)} epochs, one thread",
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


def pixels_of(path: Path) -> np.ndarray:
    """The pixels of a photograph, (channels, rows, columns)."""
    (page,) = read_whole(path)
    return page.split(3, str(path))[0]


def cut(pixels: np.ndarray) -> np.ndarray:
    """All whole tiles of a photograph, (channels, rows, columns), shifted in each of the ways."""
    found = []
    for number, (down, right) in enumerate(SHIFTS):
        rows, columns = (
            (n - s) // t * t for n, s, t in zip(pixels.shape[1:], (down, right), TILE, strict=True)
        )
        part = pixels[:, down : down + rows, right : right + columns]
        found.append(to_tiles(part[..., ::-1] if number % 2 else part, TILE))
    return np.concatenate(found)


if __name__ == "__main__":
    main()
