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

import numpy as np
import torch

import vaekit
from vaekit.data import open_source
from vaekit.runs.labels import prediction

sys.path.insert(0, str(Path(__file__).parent / "published"))

from processor import processor

OUT = Path(__file__).parent / "results"


def main() -> None:
    """Train, predict, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--options", type=json.loads, default={})
    asked = parser.parse_args()
    source = open_source(asked.data)
    label, rng = source.labels.numpy(), np.random.default_rng(asked.seed)
    train = rng.permutation(source.indices("train").numpy())[: asked.rows]
    shown = np.concatenate([train[label[train] == k][: asked.each] for k in np.unique(label)])
    known = np.zeros(len(label), dtype=bool)
    known[shown] = True
    found = {"data": asked.data, "labels": len(shown), **vars(asked), "machine": processor()}
    for name, rows in (("m2_vae", train), ("labels alone", shown)):
        began = time.process_time()
        epochs = asked.epochs * (1 if name == "m2_vae" else 10)
        classes = tuple(map(str, np.unique(label)))
        few = torch.from_numpy(np.where(known, label, len(classes)))
        part = replace(source, labels=few, label_names=(*classes, "")).take(torch.from_numpy(rows))
        alone = {} if name == "m2_vae" else {"strength": 1e4, "agreement": 0.0}
        model = vaekit.fit(
            part, "m2_vae", given="label", epochs=epochs, seed=asked.seed, quiet=True,
            **{**asked.options, **alone},
        )  # fmt: skip
        test = source.indices("test")
        said = prediction(model, source.values[test].numpy(), "label")["label"].to_pylist()
        wrong = float((np.array(said).astype(int) != label[test.numpy()]).mean())
        found[name] = {"error": wrong, "cpu_seconds": round(time.process_time() - began, 1)}
        print(name, found[name], flush=True)
    (OUT / f"labels_{asked.data}.json").write_text(json.dumps(found, indent=2) + "\n")


main()
