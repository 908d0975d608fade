"""How well the clusters of vade agree with labels that it does not see, beside k-means on the rows.

    python benchmarks/clusters.py digits --epochs 60 --options '{"likelihood": "gaussian", "latent": 5}'

writes benchmarks/results/clusters.json: the share of rows whose cluster is that of their label, each
label matched with one cluster (unsupervised clustering accuracy), of all rows, for each seed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from sklearn.cluster import KMeans

import vaekit
from vaekit.data import open_source
from vaekit.evaluation.classes import best_match

OUT = Path(__file__).parent / "results" / "clusters.json"


def main() -> None:
    """Train, match, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--options", type=json.loads, default={})
    asked = parser.parse_args()
    source = open_source(asked.data)
    flat = source.values.flatten(1).numpy()
    found = {**vars(asked), "vade": [], "kmeans": []}
    for seed in range(asked.seeds):
        began = time.process_time()
        model = vaekit.fit(
            asked.data, "vade", epochs=asked.epochs, seed=seed, quiet=True, **asked.options
        )
        scores = model.evaluate(split="all", samples=2)
        seconds = round(time.process_time() - began, 1)
        right = 1 - scores.classes.wrong
        found["vade"] += [{"accuracy": right, "elbo": scores.elbo, "cpu_seconds": seconds}]
        plain = torch.tensor(KMeans(10, n_init=10, random_state=seed).fit_predict(flat))
        found["kmeans"] += [best_match(plain.long(), source.labels) / len(flat)]
        print(seed, found["vade"][-1], found["kmeans"][-1], flush=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n")


main()
