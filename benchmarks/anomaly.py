"""Finding anomalies: AUROC and average precision on ADBench's sets, with and without anomalies in training.

    python benchmarks/anomaly.py [--sets 32_shuttle] [--methods vaekit] [--seeds 5]

Unsupervised: trained on all rows and scored on them. Trained on normal rows: on half of the normal rows,
scored on the others and all anomalies (as ADBench, DTE and TCCM do). Numbers are standardised by the training
rows. One setting for all sets. False alarms are the share of the normal rows scored, none of them trained on, that
vaekit's detector calls unusual where 5 % may be. Results go to benchmarks/results/anomaly/adbench.json run by run, so
that what is stopped goes on, and adbench.md is written from them. PyOD's VAE is measured where PyOD can be imported.
"""

from __future__ import annotations

import argparse
import importlib.util
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

from common import begun, each_run
from compare import write
from data import FOLDER

Array = NDArray[Any]
RESULTS = Path(__file__).resolve().parent / "results" / "anomaly"
SETTINGS = ("unsupervised", "trained on normal rows")
FALSE_ALARMS = 0.05
OURS, PYOD, UNTRIMMED = "vaekit", "PyOD's VAE", "vaekit, trim 0"

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


def pyod(train: Array, test: Array, seed: int, same: bool) -> Array:
    """PyOD's VAE as it is by default: its KL may be at most 0, which leaves a noisy autoencoder."""
    from pyod.models.vae import VAE  # in an environment of its own

    return VAE(random_state=seed, verbose=0).fit(train).decision_function(test)


def ours(train: Array, test: Array, seed: int, same: bool) -> Array:
    """Above 0 for the rows that are called unusual."""
    detector = vaekit.VAEDetector(random_state=seed, false_alarm=FALSE_ALARMS)
    return -detector.fit(train).decision_function(test)


def untrimmed(train: Array, test: Array, seed: int, same: bool) -> Array:
    """Where all rows trained on are known to be usual: not its default."""
    detector = vaekit.VAEDetector(random_state=seed, options={"trim": 0.0})
    return -detector.fit(train).score_samples(test)


METHODS: dict[str, Callable[[Array, Array, int, bool], Array]] = {
    "IForest": isolation_forest,
    "kNN": nearest,
    "LOF": local_outlier_factor,
    "PCA": components,
    "ECOD": tails,
    "MCD": robust_covariance,
    PYOD: pyod,
    OURS: ours,
    UNTRIMMED: untrimmed,
}


def parts(x: Array, y: Array, setting: str, seed: int) -> tuple[Array, Array, Array]:
    """Rows to train on, rows to score, and which of these are anomalies."""
    if setting == SETTINGS[0]:
        return x, x, y
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(y == 0))
    half = len(normal) // 2
    scored = np.concatenate([normal[half:], np.flatnonzero(y == 1)])
    return x[normal[:half]], x[scored], y[scored]


def one(path: Path, setting: str, seed: int, method: str) -> dict[str, float]:
    """The figures of one training on one set."""
    with np.load(path, allow_pickle=False) as found:
        x, y = found["X"].astype(float), found["y"].astype(int).ravel()
    train, test, labels = parts(x, y, setting, seed)
    scaler, same = StandardScaler().fit(train), setting == SETTINGS[0]
    began, worked = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scores = METHODS[method](scaler.transform(train), scaler.transform(test), seed, same)
    told = {
        "AUROC": float(roc_auc_score(labels, scores)),
        "AP": float(average_precision_score(labels, scores)),
        "seconds": time.perf_counter() - began,
        "processor seconds": time.process_time() - worked,
    }
    if method == OURS and not same:
        told["false alarms"] = float((scores[labels == 0] > 0).mean())
    return told


class Found:
    """What was measured in one setting: sets, methods, and the mean of a figure over seeds."""

    def __init__(self, entries: dict[str, Any]) -> None:
        self.entries = entries
        names = [name.split(": ") for name in entries]
        self.sets = sorted({a for a, _ in names}, key=lambda name: int(name.split("_")[0]))
        self.methods = [m for m in METHODS if any(b == m for _, b in names)]

    def runs(self, data: str, method: str) -> list[dict[str, float]]:
        return [*self.entries.get(f"{data}: {method}", {}).values()]

    def mean(self, data: str, method: str, figure: str) -> float | None:
        found = [run[figure] for run in self.runs(data, method) if figure in run]
        return statistics.mean(found) if found else None

    def ranks(self, figure: str) -> dict[str, float]:
        """The mean place of each method, 1 being best; equals share their places. What is not the
        default takes the default's place."""
        places: dict[str, list[float]] = {}
        for data in self.sets:
            all_ = {m: self.mean(data, m, figure) for m in self.methods}
            scores = {m: score for m, score in all_.items() if score is not None}
            for method, mine in scores.items():
                aside = OURS if method == UNTRIMMED else UNTRIMMED
                others = [s for m, s in scores.items() if m != aside]
                better, equal = (sum(s > mine for s in others), sum(s == mine for s in others))
                places.setdefault(method, []).append(better + (equal + 1) / 2)
        return {method: statistics.mean(found) for method, found in places.items()}

    def table(self, figure: str, ranked: bool) -> str:
        text = f"\n| | {' | '.join(self.methods)} |\n{'|---' * (len(self.methods) + 1)}|\n"
        rows = {d: [self.mean(d, m, figure) for m in self.methods] for d in self.sets}
        text += "".join(line(d, row) for d, row in rows.items())
        columns = [
            [v for v in column if v is not None] for column in zip(*rows.values(), strict=True)
        ]
        text += line("**mean**", [statistics.mean(column) for column in columns])
        if ranked:
            text += line("**mean rank**", [*self.ranks(figure).values()], 2)
        return text


def line(name: str, values: list[float | None], digits: int = 3) -> str:
    cells = ("-" if v is None else f"{v:.{digits}f}" for v in values)
    return f"| {name} | {' | '.join(cells)} |\n"


def page(result: dict[str, Any]) -> str:
    parts = {setting: Found(result[setting]) for setting in SETTINGS}
    last = parts[SETTINGS[1]]
    seeds = {m: {len(last.runs(d, m)) for d in last.sets} for m in last.methods}
    said = ", ".join(f"{m} {' or '.join(map(str, sorted(counts)))}" for m, counts in seeds.items())
    text = (
        f"# Anomalies\n\nWritten by `benchmarks/anomaly.py`; {result['machine']}; scikit-learn {sklearn.__version__}; "
        f"{len(last.sets)} sets of ADBench (Minqi824/ADBench @3dac822). One setting for all sets. Means over seeds, "
        f"from 0 on, of which each method has so many: {said}.\n"
    )
    for setting, found in parts.items():
        for figure in ("AUROC", "AP", "processor seconds"):
            text += f"\n## {setting}: {figure}\n" + found.table(figure, figure in ("AUROC", "AP"))
    shares = {d: last.mean(d, OURS, "false alarms") for d in last.sets}
    known = {d: share for d, share in shares.items() if share is not None}
    if not known:
        return text
    text += f"\n## False alarms of vaekit where {FALSE_ALARMS:.0%} were allowed\n\n"
    text += "".join(f"- {d}: {share:.3f}\n" for d, share in known.items())
    return text + f"- **mean**: {statistics.mean(known.values()):.3f}\n"


def there() -> list[str]:
    """The methods that can be run here."""
    return [m for m in METHODS if m != PYOD or importlib.util.find_spec("pyod")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", help="names that begin so; by default all")
    parser.add_argument("--methods", nargs="+", choices=METHODS, help="by default all there are")
    parser.add_argument("--seeds", type=int, default=5)
    said = parser.parse_args()
    if PYOD in (said.methods or there()):
        importlib.import_module("pyod.models.vae")  # here, as nobody's seconds are of it
    paths = {path.stem: path for path in (FOLDER / "anomaly").glob("*.npz")}
    if said.sets:
        paths = {name: p for name, p in paths.items() if name.startswith(tuple(said.sets))}
    names = [f"{name}: {m}" for name in sorted(paths) for m in said.methods or there()]
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = begun(RESULTS / "adbench.json", {"false alarms": FALSE_ALARMS}, parser.error)

    def measure(setting: str, name: str, seed: int) -> dict[str, float]:
        data, method = name.split(": ")
        return one(paths[data], setting, seed, method)

    for seeds in range(1, said.seeds + 1):
        for setting in SETTINGS:
            each_run(
                RESULTS / "adbench.json", result, names, seeds,
                lambda name, seed, setting=setting: measure(setting, name, seed), setting,
            )  # fmt: skip
        write(RESULTS / "adbench.md", page(result))


if __name__ == "__main__":
    main()
