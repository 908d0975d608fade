"""The KL's warm-up: test log p(x) of recipes and data for each length of it.

    python benchmarks/warmup.py [--only digits] [--warmups 0.3] [--seeds 2] [--data DIR]

The weight of the KL rises from 0 to 1 over this share of the training. Cases and figures are those of rates.py.
Results go to benchmarks/results/warmup.json run by run, so that what is stopped goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rates import CASES, ROWS, SAMPLES, measured

from common import RESULTS, begun, each_run  # isort: skip

RESULT = RESULTS / "warmup.json"
WARMUPS = ("0", "0.1", "0.3", "0.5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=CASES, default=[*CASES])
    parser.add_argument("--warmups", nargs="+", default=[*WARMUPS])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--data", type=Path, default=Path("."), help="a folder with tabular and anomaly"
    )
    said = parser.parse_args()
    torch.set_num_threads(1)
    found = begun(RESULT, {"rows": ROWS, "samples": SAMPLES}, parser.error)

    def measure(name: str, seed: int) -> dict[str, float]:
        case, share = name.split(": ")
        return measured(CASES[case], {"kl_warmup": float(share)}, said.data, seed)

    names = [f"{case}: {share}" for case in said.only for share in said.warmups]
    each_run(RESULT, found, names, said.seeds, measure)


if __name__ == "__main__":
    main()
