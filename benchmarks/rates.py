"""The learning rate, and how it falls: test log p(x) of recipes and data for each way, at several lengths.

    python benchmarks/rates.py [--only digits] [--rates constant] [--seeds 2] [--data DIR]

MNIST is cut at 1/2. 1,000 test rows (or all), 100 importance samples; of vq_vae the squared error.
Results go to benchmarks/results/rates.json run by run, so that what is stopped goes on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
from common import DENSE, RESULTS, begun, each_run

import vaekit

RESULT = RESULTS / "rates.json"
ROWS, SAMPLES = 1000, 100


@dataclass(frozen=True)
class Case:
    """What is trained.

    Args:
        data: a built-in name, or a file below the folder of data.
        recipe: by name.
        how: options of it and of the training.
        figure: of ``evaluate``.
    """

    data: str
    recipe: str = "vae"
    how: dict[str, Any] = field(default_factory=dict)
    figure: str = "log_likelihood"


RATES: dict[str, dict[str, Any]] = {
    "cosine": {"decay": "cosine"},
    "constant": {"decay": "constant"},
    "cosine, 0.002": {"decay": "cosine", "lr": 2e-3},
    "constant, 0.002": {"decay": "constant", "lr": 2e-3},
    "constant, 0.003": {"decay": "constant", "lr": 3e-3},
    "constant, 0.0005": {"decay": "constant", "lr": 5e-4},
}
MNIST = {"binarize": "threshold", "noise": 0.0, **DENSE}
NOISY = {**MNIST, "noise": 0.2}
CASES = {
    "digits": Case("digits", how={"latent": 8}),
    "digits, 20 passes": Case("digits", how={"latent": 8, "epochs": 20}),
    "mnist, 3 passes": Case("mnist", how={**MNIST, "epochs": 3}),
    "mnist, 10 passes": Case("mnist", how={**MNIST, "epochs": 10}),
    "mnist, 50 passes": Case("mnist", how={**MNIST, "epochs": 50}),
    "mnist, 10 passes, iwae": Case("mnist", "iwae", {**MNIST, "epochs": 10}),
    "mnist, 3 passes, noise": Case("mnist", how={**NOISY, "epochs": 3}),
    "mnist, 10 passes, noise": Case("mnist", how={**NOISY, "epochs": 10}),
    "mnist, 10 passes, iwae, noise": Case("mnist", "iwae", {**NOISY, "epochs": 10}),
    "mnist, 50 passes, noise": Case("mnist", how={**NOISY, "epochs": 50}),
    "mnist, 5 passes, conv_vae": Case(
        "mnist", "conv_vae", {"binarize": "threshold", "epochs": 5, "width": 16}
    ),
    "mnist, 10 passes, vq_vae": Case(
        "mnist",
        "vq_vae",
        {"network": "dense", "width": 200, "epochs": 10, "binarize": "threshold"},
        "mean_squared_error",
    ),
    "mnist, 5 passes, grey": Case("mnist", how={"network": "dense", "width": 200, "epochs": 5}),
    "abalone": Case("tabular/abalone.csv", "table_vae"),
    "insurance": Case("tabular/insurance.csv", "table_vae"),
    "magic": Case("tabular/magic.csv", "table_vae"),
    "shoppers": Case("tabular/shoppers.csv", "table_vae"),
    "cardio": Case("anomaly/6_cardio.npz"),
    "ionosphere": Case("anomaly/18_Ionosphere.npz"),
}


def measured(case: Case, way: dict[str, Any], folder: Path, seed: int) -> dict[str, float]:
    """Train one and measure it."""
    data: Any = case.data
    if (folder / case.data).is_file():
        data = str(folder / case.data)
    if str(data).endswith(".npz"):
        data = np.load(data)["X"].astype(float)
    at = time.process_time()
    model = vaekit.fit(data, case.recipe, seed=seed, quiet=True, **{**case.how, **way})
    trained = time.process_time() - at
    test = model.source.part("test").some("all", ROWS, 0)
    told = model.evaluate(test, samples=SAMPLES, seed=seed).to_dict()
    return {case.figure: told[case.figure], "cpu_seconds": trained}


def compare(
    doc: str,
    result: Path,
    word: str,
    ways: Sequence[str],
    options: Callable[[str], dict[str, Any]],
    choices: Container[str] | None = None,
) -> None:
    """Measure the cases in several ways, as a person asks for them.

    Args:
        doc: of the script.
        result: where what is found goes.
        word: for the ways, on the command line.
        ways: the usual ones, by name.
        options: of one of them.
        choices: the only ones, if not any may be asked for.
    """
    parser = argparse.ArgumentParser(description=doc.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument(f"--{word}", dest="ways", nargs="+", choices=choices, default=[*ways])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--data", type=Path, default=Path("."), help="a folder with tabular and anomaly"
    )
    said = parser.parse_args()
    torch.set_num_threads(1)
    found = begun(result, {"rows": ROWS, "samples": SAMPLES}, parser.error)

    def measure(name: str, seed: int) -> dict[str, float]:
        case, way = name.split(": ")
        return measured(CASES[case], options(way), said.data, seed)

    names = [f"{case}: {way}" for case in said.only for way in said.ways]
    each_run(result, found, names, said.seeds, measure)


if __name__ == "__main__":
    compare(__doc__, RESULT, "rates", [*RATES], RATES.__getitem__, RATES)
