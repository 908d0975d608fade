"""Finding anomalies: AUROC and average precision on ADBench's sets, with and without anomalies in training.

    python benchmarks/anomaly.py --seeds 5

Unsupervised: trained on all rows and scored on them. Trained on normal rows: on half of the normal rows,
scored on the others and all anomalies (as ADBench, DTE and TCCM do). Numbers are standardised by the training
rows. One setting for all sets. Writes adbench.json and adbench.md in
benchmarks/results/anomaly/.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.covariance import MinCovDet
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

import vaekit

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
sys.path.insert(0, str(Path(__file__).resolve().parent / "tables"))

from compare import write
from data import FOLDER
from processor import processor

Array = NDArray[Any]
RESULTS = Path(__file__).resolve().parent / "results" / "anomaly"
SETTINGS = ("unsupervised", "trained on normal rows")
FALSE_ALARMS = 0.05
EPOCHS = 0  # of ours: as many as suit

# Methods: training rows, rows to score, and a seed give scores, high for anomalies. ``same`` says that the rows
# scored are the training rows, whose nearest neighbour is themselves.


def isolation_forest(train: Array, test: Array, seed: int, same: bool) -> Array:
    return -IsolationForest(random_state=seed).fit(train).score_samples(test)


def nearest(train: Array, test: Array, seed: int, same: bool) -> Array:
    """The distance to the fifth nearest."""
    found = NearestNeighbors(n_neighbors=min(5 + same, len(train))).fit(train)
    return found.kneighbors(test)[0][:, -1]


def local_outlier_factor(train: Array, test: Array, seed: int, same: bool) -> Array:
    count = min(20, len(train) - 1)
    if same:
        return -LocalOutlierFactor(count).fit(train).negative_outlier_factor_
    return -LocalOutlierFactor(count, novelty=True).fit(train).score_samples(test)


def components(train: Array, test: Array, seed: int, same: bool) -> Array:
    """Squared principal components, each by its variance (Shyu et al. 2003)."""
    found = PCA(random_state=seed).fit(train)
    kept = found.explained_variance_ > 1e-9
    z = found.transform(test)[:, kept]
    return (np.square(z) / found.explained_variance_[kept]).sum(1)


def tails(train: Array, test: Array, seed: int, same: bool) -> Array:
    """ECOD: the largest of three sums of -log tail shares: left, right, and on the skewed side (Li et al. 2022)."""
    ordered, n = np.sort(train, 0), len(train)
    left, right = np.empty(test.shape), np.empty(test.shape)
    for i in range(test.shape[1]):
        left[:, i] = np.searchsorted(ordered[:, i], test[:, i], side="right")
        right[:, i] = n - np.searchsorted(ordered[:, i], test[:, i], side="left")
    left, right = (-np.log(np.maximum(t, 0.5) / n) for t in (left, right))
    spread = train - train.mean(0)
    skewed = (spread**3).mean(0) / np.maximum((spread**2).mean(0), 1e-12) ** 1.5
    chosen = np.where(skewed < 0, left, right)
    return np.maximum.reduce([left.sum(1), right.sum(1), chosen.sum(1)])


def robust_covariance(train: Array, test: Array, seed: int, same: bool) -> Array:
    return MinCovDet(random_state=seed).fit(train).mahalanobis(test)


def ours(train: Array, test: Array, seed: int, same: bool) -> Array:
    return -vaekit.VAEDetector(epochs=EPOCHS, random_state=seed).fit(train).score_samples(test)


METHODS: dict[str, Callable[[Array, Array, int, bool], Array]] = {
    "IForest": isolation_forest,
    "kNN": nearest,
    "LOF": local_outlier_factor,
    "PCA": components,
    "ECOD": tails,
    "MCD": robust_covariance,
    "vaekit": ours,
}


def parts(x: Array, y: Array, setting: str, seed: int) -> tuple[Array, Array, Array]:
    """Rows to train on, rows to score, and which of these are anomalies."""
    if setting == SETTINGS[0]:
        return x, x, y
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    scored = np.concatenate([normal[half:], np.flatnonzero(y == 1)])
    return x[normal[:half]], x[scored], y[scored]


def one(path: Path, setting: str, seed: int, method: Callable[..., Array]) -> dict[str, float]:
    """The figures of one training on one set."""
    with np.load(path, allow_pickle=False) as found:
        x, y = found["X"].astype(float), found["y"].astype(int).ravel()
    train, test, labels = parts(x, y, setting, seed)
    scaler = StandardScaler().fit(train)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same = setting == SETTINGS[0]
        scores = method(scaler.transform(train), scaler.transform(test), seed, same=same)
    return {
        "AUROC": float(roc_auc_score(labels, scores)),
        "AP": float(average_precision_score(labels, scores)),
        "seconds": time.perf_counter() - began,
    }


def false_alarms(path: Path, seed: int) -> float:
    """The share of held-out normal rows that vaekit's detector calls anomalies where 5 % were allowed."""
    with np.load(path, allow_pickle=False) as found:
        x, y = found["X"].astype(float), found["y"].astype(int).ravel()
    train, test, labels = parts(x, y, SETTINGS[1], seed)
    detector = vaekit.VAEDetector(epochs=EPOCHS, random_state=seed, false_alarm=FALSE_ALARMS).fit(
        train
    )
    return float((detector.predict(test[labels == 0]) == -1).mean())


def mean(found: dict[str, Any], method: str, figure: str) -> float:
    return statistics.mean(run[figure] for run in found[method])


def ranks(result: dict[str, Any], setting: str, figure: str) -> dict[str, float]:
    """The mean place of each method, 1 being best; equals share their places."""
    places: dict[str, list[float]] = {}
    for found in result["found"][setting].values():
        scores = {method: mean(found, method, figure) for method in found}
        for method, mine in scores.items():
            better = sum(s > mine for s in scores.values())
            equal = sum(s == mine for s in scores.values())
            places.setdefault(method, []).append(better + (equal + 1) / 2)
    return {method: statistics.mean(found) for method, found in places.items()}


def page(result: dict[str, Any]) -> str:
    text = (
        f"# Anomalies\n\nWritten by `benchmarks/anomaly.py`; {result['versions']}; seeds 0 to {result['seeds'] - 1}; "
        f"{result['sets']} sets of ADBench (Minqi824/ADBench @3dac822). One setting for all sets.\n"
    )
    for setting, sets in result["found"].items():
        methods = list(next(iter(sets.values())))
        for figure in ("AUROC", "AP", "seconds"):
            text += f"\n## {setting}: {figure}\n\n| | {' | '.join(methods)} |\n{'|---' * (len(methods) + 1)}|\n"
            for name, found in sets.items():
                text += (
                    f"| {name} | {' | '.join(f'{mean(found, m, figure):.3f}' for m in methods)} |\n"
                )
            means = [statistics.mean(mean(f, m, figure) for f in sets.values()) for m in methods]
            text += f"| **mean** | {' | '.join(f'{m:.3f}' for m in means)} |\n"
            if figure != "seconds":
                places = ranks(result, setting, figure)
                text += f"| **mean rank** | {' | '.join(f'{places[m]:.2f}' for m in methods)} |\n"
    if result["false alarms"]:
        text += f"\n## False alarms of vaekit where {FALSE_ALARMS:.0%} were allowed\n\n"
        text += "".join(
            f"- {name}: {share:.3f}\n" for name, share in result["false alarms"].items()
        )
    return text


def by_number(sets: dict[str, Any]) -> dict[str, Any]:
    """Sets in the order of their numbers."""
    return dict(sorted(sets.items(), key=lambda item: int(item[0].split("_")[0])))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", help="names that begin so; by default all")
    parser.add_argument("--methods", nargs="+", help="by default all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--add", action="store_true", help="keep the sets of the last results")
    said = parser.parse_args()
    methods = {name: METHODS[name] for name in said.methods or METHODS}
    paths = sorted((FOLDER / "anomaly").glob("*.npz"), key=lambda p: int(p.stem.split("_")[0]))
    if said.sets:
        paths = [path for path in paths if path.stem.startswith(tuple(said.sets))]
    found: dict[str, Any] = {setting: {} for setting in SETTINGS}
    alarms: dict[str, float] = {}
    if said.add:
        last = json.loads((RESULTS / "adbench.json").read_text())
        assert last["seeds"] == said.seeds, "the last results are of other seeds"
        found, alarms = last["found"], last["false alarms"]
    for path in paths:
        for setting in SETTINGS:
            runs = {
                m: [one(path, setting, s, run) for s in range(said.seeds)]
                for m, run in methods.items()
            }
            found[setting][path.stem] = runs
            shown = {m: round(mean(runs, m, "AUROC"), 3) for m in methods}
            print(f"{path.stem}, {setting}: AUROC {shown}", flush=True)
        if "vaekit" in methods:
            alarms[path.stem] = statistics.mean(false_alarms(path, s) for s in range(said.seeds))
    found = {setting: by_number(sets) for setting, sets in found.items()}
    result = {
        "sets": len(found[SETTINGS[0]]),
        "seeds": said.seeds,
        "versions": f"vaekit {vaekit.__version__}, sklearn {sklearn.__version__}",
        "machine": processor(),
        "found": found,
        "false alarms": by_number(alarms),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    write(RESULTS / "adbench.json", json.dumps(result, indent=1) + "\n")
    write(RESULTS / "adbench.md", page(result))


if __name__ == "__main__":
    main()
