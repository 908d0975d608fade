"""What fitting p(z) and the columns' last layers at the end of a training gives: the same training,
before and after it.

    python benchmarks/tables/settling.py --tables adult --trainings 3

Writes benchmarks/results/tables/settling.json. With xgboost in the environment, C2ST by it as well.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
from compare import RESULTS, flat, write
from data import TABLES, Data
from processor import processor

import vaekit
from vaekit.evaluation.tables import quality
from vaekit.interfaces.tables import base
from vaekit.runs.settle import settle


def figures(model: vaekit.TableSynthesizer, data: Data, seed: int) -> dict[str, float]:
    made = model.sample(data.train.num_rows)
    known = {"categories": data.categories, "seed": seed}
    return flat(quality(data.train, data.test, made, data.target, **known))


def measure(data: Data, seed: int, epochs: int) -> dict[str, dict[str, float]]:
    at_the_end = []
    base.settle = lambda model, source: at_the_end.append((model, source))
    began = time.perf_counter()
    model = vaekit.TableSynthesizer(epochs=epochs, random_state=seed).fit(data.train)
    trained = time.perf_counter()
    before = figures(model, data, seed) | {"seconds": trained - began}
    began = time.perf_counter()
    settle(*at_the_end[0])
    settled = time.perf_counter()
    return {"before": before, "after": figures(model, data, seed) | {"seconds": settled - began}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=["adult"])
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=0)
    asked = parser.parse_args()
    found = {}
    for name in asked.tables:
        data = TABLES[name]()
        runs = [measure(data, seed, asked.epochs) for seed in range(asked.trainings)]
        told = {}
        for when in ("before", "after"):
            each = {n: [run[when][n] for run in runs] for n in runs[0][when]}
            told[when] = {
                n: [statistics.mean(v), statistics.stdev(v) if len(v) > 1 else None]
                for n, v in each.items()
            }
            print(name, when, {n: [f"{x:.4f}" for x in v if x] for n, v in told[when].items()})
        found[name] = told
    how = {"machine": processor(), "threads": torch.get_num_threads(), "trainings": asked.trainings}
    result = {**how, "epochs": asked.epochs or "default", "mean and deviation": found}
    RESULTS.mkdir(parents=True, exist_ok=True)
    write(RESULTS / "settling.json", json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
