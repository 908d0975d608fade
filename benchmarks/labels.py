"""The error of m2_vae with few labels, on rows that were not trained on.

    python benchmarks/labels.py mnist --each 10 --rows 10000 --epochs 40

writes benchmarks/results/labels_mnist.json. As many labels of each class are known, of training rows chosen
at random; the same classifier without the rows that have none is beside it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

import vaekit
from vaekit.data import Source, open_source
from vaekit.runs.labels import prediction

sys.path.insert(0, str(Path(__file__).parent / "published"))

from processor import processor

OUT = Path(__file__).parent / "results"


def one(source: Source, name: str, asked: argparse.Namespace, seed: int) -> dict[str, float]:
    """The share of test rows that get a wrong label, and the seconds of processor time to train."""
    label, rng = source.labels.numpy(), np.random.default_rng(seed)
    train = rng.permutation(source.indices("train").numpy())[: asked.rows]
    shown = np.concatenate([train[label[train] == k][: asked.each] for k in np.unique(label)])
    classes = tuple(map(str, np.unique(label)))
    few = np.full(len(label), len(classes))
    few[shown] = label[shown]
    alone = name != "m2_vae"
    rows, epochs = (shown, 10 * asked.epochs) if alone else (train, asked.epochs)
    part = replace(source, labels=torch.from_numpy(few), label_names=(*classes, ""))
    options = {**asked.options, **({"strength": 1e4, "agreement": 0.0} if alone else {})}
    began = time.process_time()
    model = vaekit.fit(
        part.take(torch.from_numpy(rows)), "m2_vae", given="label", epochs=epochs, seed=seed, quiet=True,
        **options,
    )  # fmt: skip
    test = source.indices("test")
    said = prediction(model, source.values[test].numpy(), "label")["label"].to_pylist()
    wrong = float((np.array(said).astype(int) != label[test.numpy()]).mean())
    return {"error": wrong, "cpu_seconds": round(time.process_time() - began, 1)}


def main() -> None:
    """Train, predict, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--options", type=json.loads, default={})
    asked = parser.parse_args()
    source = open_source(asked.data)
    found: dict[str, Any] = {**vars(asked), "machine": processor()}
    for seed in range(asked.seeds):
        for name in ("m2_vae", "labels alone"):
            found.setdefault(name, []).append(one(source, name, asked, seed))
            print(f"seed {seed}, {name}: {found[name][-1]}", flush=True)
    (OUT / f"labels_{asked.data}.json").write_text(json.dumps(found, indent=2) + "\n")


main()
