"""Lossless rates and speeds: vaekit's codec beside general and image coders, on test images.

    VAEKIT_DATA=... python benchmarks/compression/rates.py train NAME   # of MODELS
    VAEKIT_DATA=... python benchmarks/compression/rates.py measure [NAME ...]   # all trained ones

Models are trained on the 60,000 training images alone, coded are the 10,000 test images. General
coders get all of them as one file (binary images packed to bits), image coders one file an image,
headers counted; JPEG XL, a process each, codes the first 1,000. Published: BB-ANS (Townsend et al. 2019) 0.19 for binary and 1.41 for grey MNIST,
Bit-Swap (Kingma et al. 2019) 1.29 and 3.28 for Fashion-MNIST.
"""

import bz2
import gzip
import io
import json
import lzma
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import RESULTS, joined, open_source, write

import vaekit
from vaekit.data import Representation
from vaekit.evaluation.scores import elbo_terms
from vaekit.runs.archive import Archive
from vaekit.runs.compression import compress

RUNS = Path("runs/compression")
SETTING = "10,000 test images, one thread, models trained on 60,000"
FEW = 1000  # images for the coder that takes a process each
DENSE = {"network": "dense", "width": 512, "depth": 2, "latent": 40}
LADDER = {"recipe": "ladder_vae", "width": 16, "planes": 1, "lr": 2e-3}
WIDE = {**LADDER, "width": 32, "planes": 2, "lr": 1.5e-3}
MODELS = {
    "binary": ("mnist", {**DENSE, "binarize": "dynamic", "epochs": 120}),
    "grey": ("mnist", {**DENSE, "likelihood": "beta_binomial", "lr": 2e-3, "epochs": 30}),
    "binary, ladder": ("mnist", {**LADDER, "binarize": "dynamic", "epochs": 10}),
    "grey, ladder": ("mnist", {**LADDER, "likelihood": "beta_binomial", "epochs": 10}),
    "grey, ladder of 32 channels": (
        "mnist",
        {**WIDE, "likelihood": "beta_binomial", "epochs": 22},
    ),
    "fashion, ladder": (
        "fashion_mnist",
        {**LADDER, "likelihood": "logistic_mixture", "epochs": 12},
    ),
    "fashion, ladder of 32 channels": (
        "fashion_mnist",
        {**WIDE, "likelihood": "logistic_mixture", "components": 5, "batch": 64, "epochs": 15},
    ),
}
PUBLISHED = {
    "binary": {"BB-ANS": 0.19},
    "grey": {"BB-ANS": 1.41, "Bit-Swap": 1.29},
    "fashion": {"Bit-Swap": 3.28},
}


def main() -> None:
    torch.set_num_threads(1)
    if sys.argv[1] == "train":
        name = sys.argv[2]
        data, options = MODELS[name]
        source = joined(open_source(data), ("train", "validation"), ("test",))
        vaekit.fit(source, out=RUNS / name, **options)
        return
    kept = RESULTS / "compression.json"
    before = json.loads(kept.read_text()) if kept.exists() else {}
    found = {name: result for name, result in before.items() if name in MODELS}
    for name in sys.argv[2:] or MODELS:
        if (RUNS / name / "model.safetensors").exists():
            found[name] = measured(name)
            write("compression", {**found, "setting": SETTING})


def measured(name: str) -> dict:
    data, options = MODELS[name]
    model = vaekit.load(RUNS / name)
    rows = open_source(data).rows("test")
    kind = name.split(",")[0]
    if kind == "binary":
        drawn = Representation((1, 28, 28), "uint8", 255.0, "dynamic")
        rows = drawn.encode(rows, torch.Generator().manual_seed(0)).to(torch.uint8)
    values = rows.numpy()
    terms = elbo_terms(model.model, rows.float())
    bound = -(terms[0] - terms[1]).mean().item() / np.log(2) / values[0].size
    with tempfile.TemporaryDirectory() as folder:
        path, times = Path(folder) / "rows.vk", []
        for _ in range(1 if "ladder" in name else 3):
            began = time.perf_counter()
            summary = compress(model, values, path, verify=False)
            middle = time.perf_counter()
            back = Archive(path, model).read()
            times.append((middle - began, time.perf_counter() - middle))
            assert (back == values).all()
        weights = (RUNS / name / "model.safetensors").stat().st_size
    pack, unpack = (sorted(t)[len(t) // 2] for t in zip(*times, strict=True))
    return {
        "options": {k: str(v) for k, v in options.items()},
        "epochs trained": epochs_of(RUNS / name),
        "-ELBO, bits/dim": round(bound, 4),
        "vaekit, bits/dim": round(summary.bits_per_dimension, 4),
        "blocks that a plain coder made shorter": f"{summary.plain} of {summary.blocks}",
        "over -ELBO, %": round(100 * (summary.bits_per_dimension / bound - 1), 2),
        "with the model's 32-bit weights, bits/dim": round(
            summary.bits_per_dimension + 8 * weights / values.size, 3
        ),
        "compress, images/s": round(len(values) / pack),
        "decompress, images/s": round(len(values) / unpack),
        "published, bits/dim": PUBLISHED[kind],
        "others, bits/dim": others(values, kind == "binary"),
    }


def epochs_of(run: Path) -> int:
    """How many epochs a run has finished: it may have been stopped before its end."""
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return json.loads(lines[-1])["epoch"]


def others(values: np.ndarray, binary: bool) -> dict:
    raw = np.packbits(values).tobytes() if binary else values.tobytes()
    sizes = {
        "gzip -9": len(gzip.compress(raw, 9)),
        "bzip2 -9": len(bz2.compress(raw, 9)),
        "xz -9e": len(lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)),
        "PNG, optimised": sum(saved(i, "png", binary=binary, optimize=True) for i in values),
        "WebP, lossless": sum(saved(i, "webp", lossless=True, quality=100) for i in values * (255 if binary else 1)),
    }  # fmt: skip
    if shutil.which("zstd"):
        done = subprocess.run(
            ["zstd", "--ultra", "-22", "-c"], input=raw, capture_output=True, check=True
        )
        sizes["zstd -22"] = len(done.stdout)
    found = {name: round(8 * size / values.size, 3) for name, size in sizes.items()}
    if shutil.which("cjxl"):
        some = values[:FEW] * (255 if binary else 1)
        found[f"JPEG XL, effort 9, first {FEW:,}"] = round(
            8 * sum(jpeg_xl(image) for image in some) / some.size, 3
        )
    return found


def saved(pixels: np.ndarray, kind: str, *, binary: bool = False, **options) -> int:
    image = Image.fromarray(pixels[0].astype(bool) if binary else pixels[0])
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return len(buffer.getvalue())


def jpeg_xl(pixels: np.ndarray) -> int:
    """Bytes of one image, (channels, rows, columns), coded without loss by libjxl's cjxl."""
    with tempfile.TemporaryDirectory() as folder:
        there, coded = Path(folder, "image.png"), Path(folder, "image.jxl")
        image = np.moveaxis(pixels, 0, -1)
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(there)
        command = ["cjxl", there, coded, "--distance=0", "--effort=9", "--num_threads=0", "--quiet"]
        subprocess.run(command, check=True, capture_output=True)
        return coded.stat().st_size


if __name__ == "__main__":
    main()
