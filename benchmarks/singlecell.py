"""Counts of genes in cells: count_vae beside the plain model and PCA.

4,186 neurons of a worm (Cao et al. 2017) and the 1,000 genes that vary most among training cells.
Held out: log p(x) of test cells, nats per cell. Clustering: k-means of all cells' codes with as
many clusters as there are types; the adjusted Rand index with the types, mean over k-means' seeds.

    python benchmarks/singlecell.py --data DIR --seeds 3    # goes on where it stopped
    python benchmarks/singlecell.py --data DIR --scvi .venv-scvi/bin/python    # scvi-tools, in its environment
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import machine

GENES, CLUSTERINGS, LATENT, SAMPLES = 1000, 5, 10, 50
RESULT = Path(__file__).parent / "results" / "singlecell.json"
MODELS = {
    "vae, negative_binomial": (
        "vae",
        {"likelihood": "negative_binomial", "width": 128, "depth": 1},
    ),
    "count_vae, poisson": ("count_vae", {"likelihood": "poisson"}),
    "count_vae": ("count_vae", {}),
    "count_vae, zero_inflated": ("count_vae", {"likelihood": "zero_inflated"}),
    "count_vae, count_mixture": ("count_vae", {"likelihood": "count_mixture"}),
    "count_vae, spread of rows": ("count_vae", {"spread": "row"}),
    "count_vae, latent total": ("count_vae", {"total": "latent"}),
}
PEERS = {"scvi-tools": "nb", "scvi-tools, zero_inflated": "zinb"}


def cells(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Counts of the genes that vary most, (cells, genes), and types."""
    import h5py

    from vaekit import open_source

    with h5py.File(folder / "worm_neuron_cell.h5") as file:
        counts, types = file["X"][:].astype(np.int32), file["Y"][:].astype(np.int64)
    train = open_source(counts[:, :10]).indices("train").numpy()
    logs = np.log1p(counts[train] / counts[train].sum(1, keepdims=True) * 1e4)
    chosen = np.sort(np.argsort(-logs.var(0))[:GENES])
    return counts[:, chosen], types


def clustered(codes: np.ndarray, types: np.ndarray) -> float:
    """The adjusted Rand index of k-means with the types, mean over its seeds."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_rand_score

    groups = len(np.unique(types))
    found = [
        KMeans(groups, n_init=5, random_state=seed).fit_predict(codes)
        for seed in range(CLUSTERINGS)
    ]
    return float(np.mean([adjusted_rand_score(types, labels) for labels in found]))


def pca(counts: np.ndarray, types: np.ndarray) -> dict[str, float]:
    """Principal components of log normalised counts, as is usual."""
    from sklearn.decomposition import PCA

    logs = np.log1p(counts / np.maximum(counts.sum(1, keepdims=True), 1) * 1e4)
    return {"ari": clustered(PCA(LATENT, random_state=0).fit_transform(logs), types)}


def trained(name: str, counts: np.ndarray, types: np.ndarray, seed: int, epochs: int) -> dict:
    """One of the models."""
    import vaekit

    recipe, options = MODELS[name]
    began = time.process_time()
    model = vaekit.fit(
        counts,
        recipe,
        latent=LATENT,
        seed=seed,
        epochs=epochs,
        device="cpu",
        lr=3e-3,
        quiet=True,
        **options,
    )
    seconds = time.process_time() - began
    scores = model.evaluate(split="test", samples=SAMPLES)
    codes = model.encode(counts)[:, :LATENT]
    return {
        "log p(x), nats": scores.log_likelihood,
        "its error over cells": scores.density.log_likelihood_error,
        "ELBO, nats": scores.elbo,
        "ari": clustered(codes, types),
        "units in use": scores.active_units,
        "processor seconds": round(seconds, 1),
    }


def peer(
    name: str, counts: np.ndarray, types: np.ndarray, seed: int, python: str
) -> dict[str, float]:
    """One of scvi-tools' models, trained and scored in its own environment on the same cells."""
    from vaekit import open_source

    source = open_source(counts)
    rows = {part: source.indices(part).numpy() for part in ("train", "test")}
    with tempfile.TemporaryDirectory() as folder:
        came, goes = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(came, counts=counts, **rows)
        worker = [python, Path(__file__).with_name("singlecell_scvi.py"), came, goes, PEERS[name]]
        subprocess.run([*map(str, worker), str(LATENT), str(SAMPLES), str(seed)], check=True)
        found = dict(np.load(goes))
    each = found["log_likelihood"]
    return {
        "log p(x), nats": float(each.mean()),
        "its error over cells": float(each.std(ddof=1) / len(each) ** 0.5),
        "ELBO, nats": float(found["elbo"].mean()),
        "ari": clustered(found["codes"], types),
        "processor seconds": round(float(found["seconds"]), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--scvi", metavar="PYTHON", help="of an environment that has scvi-tools")
    chosen = parser.parse_args()
    result = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    counts, types = cells(chosen.data)
    result["setting"] = (
        f"worm neurons, {len(counts):,} cells of {len(np.unique(types))} types, {GENES:,} genes; "
        f"80 / 10 / 10 % of the cells; {LATENT} latents, {chosen.epochs} epochs at a learning rate of 0.003; log p(x) of test "
        f"cells by {SAMPLES} importance samples; k-means of all cells' codes, mean of {CLUSTERINGS} seeds"
    )
    runs = result.setdefault("runs", {})
    result["machine"] = machine()
    if "PCA of log counts" not in runs:
        runs["PCA of log counts"] = {"0": pca(counts, types)}
    save(result)
    for seed in range(chosen.seeds):
        for name in chosen.only or (PEERS if chosen.scvi else MODELS):
            if str(seed) in runs.setdefault(name, {}):
                continue
            runs[name][str(seed)] = (
                peer(name, counts, types, seed, chosen.scvi)
                if chosen.scvi
                else trained(name, counts, types, seed, chosen.epochs)
            )
            save(result)
            print(name, seed, runs[name][str(seed)], flush=True)


def save(result: dict) -> None:
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
