"""Synthesizers side by side: likeness, use, privacy and time on each table, beside what others print.

    python benchmarks/tables/compare.py --tables adult shoppers magic --trainings 5 --halves

Writes benchmarks/results/tables/NAME.json and NAME.md; a synthesizer that is run again replaces its
own column alone. With xgboost in the environment (one apart from the project's), C2ST is computed as
TabPC computes it too; with ctgan in it, TVAE and CTGAN stand beside.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from baselines import BASELINES, Synthesizer
from data import TABLES, Data
from peers import peers
from printed import SOURCE, printed

import vaekit
from vaekit.evaluation.tables import TableQuality, mixed_tables, privacy, quality

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "published"))

from processor import processor

RESULTS = Path(__file__).resolve().parent.parent / "results" / "tables"
OURS, TIMES = "vaekit", ("seconds", "seconds to sample")
MEANING = {
    "Shape": "columns one by one: 1 - KS or total variation, as SDMetrics 0.24; 1 is best",
    "Trend": "columns two by two, as SDMetrics 0.24 (before thresholds came in 0.27); 1 is best",
    "weighted NMI": "similarity of mutual informations, as TabPC; 1 is best",
    "C2ST by boosting": "scikit-learn's HistGradientBoosting, three folds; 1: cannot be told apart",
    "C2ST by xgboost": "XGBoost with its defaults, three folds, as TabPC; 1: cannot be told apart",
    "C2ST by logistic": "logistic regression, three folds, as SDMetrics; 1: cannot be told apart",
    "alpha-precision": "as synthcity's naive one; 1 is best",
    "beta-recall": "as synthcity's naive one; rows of the real distribution reach about 0.5",
    "AUC": "trained on synthetic rows, tested on held-out ones, by boosting with fixed settings",
    "F1": "the same, mean over categories",
    "R²": "the same, for a column of numbers",
    "categories within a fifth": "of those with 20 training rows or more, frequency within 20 %",
    "the same by chance": "what as many rows drawn with the real frequencies reach on average",
    "categories lost": "of these, how many never come",
    "DCR share": "synthetic rows nearer to training than to held-out rows; 0.5 is best",
    "DCR share, halves": "the same of a training on half of all rows, as in print; 0.5 is best",
    "membership AUC": "guessing training rows by their distance to synthetic ones; 0.5 is best",
    "exact copies": "synthetic rows that are a training row; 0 is best",
    "seconds": "to fit",
    "seconds to sample": "as many rows as were trained on",
}


class Ready:
    """Rows that are there already."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows

    def fit(self, table: pa.Table) -> Ready:
        return self

    def sample(self, rows: int) -> pa.Table:
        return self.rows.slice(0, rows)


Contestant = Callable[[Data, int], tuple[Data, Synthesizer]]


def other_half(data: Data, seed: int) -> tuple[Data, Synthesizer]:
    """Half of the training rows beside the other half: what nobody can beat."""
    order = np.random.default_rng(seed).permutation(data.train.num_rows)
    half = len(order) // 2
    mine, theirs = data.train.take(order[:half]), data.train.take(order[half : 2 * half])
    return replace(data, train=mine), Ready(theirs)


def ours(data: Data, seed: int) -> tuple[Data, Synthesizer]:
    return data, vaekit.TableSynthesizer(random_state=seed)


def baseline(kind: Any) -> Contestant:
    return lambda data, seed: (data, kind(seed, data.categories))


def contestants() -> dict[str, Contestant]:
    """All that can be run here."""
    found = {"real rows, the other half": other_half}
    found |= {name: baseline(kind) for name, kind in (BASELINES | peers()).items()}
    return found | {OURS: ours}


def one(
    data: Data, contestant: Contestant, seed: int, halves: bool
) -> tuple[dict[str, float], Any]:
    """The figures of one training, and the versions of the judges."""
    shown, synthesizer = contestant(data, seed)
    began = time.perf_counter()
    synthesizer = synthesizer.fit(shown.train) or synthesizer
    fitted = time.perf_counter()
    made = synthesizer.sample(shown.train.num_rows)
    done = time.perf_counter()
    found = quality(
        shown.train, shown.test, made, data.target, categories=data.categories, seed=seed
    )
    figures = flat(found) | {"seconds": fitted - began, "seconds to sample": done - fitted}
    if halves:
        figures["DCR share, halves"] = half_share(data, contestant, seed)
    return figures, found.versions


def half_share(data: Data, contestant: Contestant, seed: int) -> float:
    """The share of rows nearer to training rows, of a training on half of all rows."""
    split, synthesizer = contestant(data.halves(seed), seed)
    made = (synthesizer.fit(split.train) or synthesizer).sample(split.train.num_rows)
    tables = mixed_tables(split.train, split.test, made, categories=data.categories)
    return privacy(*tables, seed=seed).nearer_to_training


def flat(q: TableQuality) -> dict[str, float]:
    """The main figures by the names they have here."""
    found = {"Shape": q.shape.overall, "Trend": q.trend.overall, "weighted NMI": q.information}
    found |= {f"C2ST by {name}": score for name, score in q.told_apart.items()}
    found |= {"alpha-precision": q.coverage.alpha_precision, "beta-recall": q.coverage.beta_recall}
    if q.useful:
        use = {"AUC": q.useful.auc, "F1": q.useful.f1, "R²": q.useful.r2}
        found |= {name: value for name, value in use.items() if value is not None}
    if q.rare.ratios:
        found |= {
            "categories within a fifth": q.rare.within,
            "the same by chance": q.rare.by_chance,
            "categories lost": len(q.rare.lost),
        }
    if q.privacy:
        p = q.privacy
        found |= {
            "DCR share": p.nearer_to_training,
            "membership AUC": p.membership_auc,
            "exact copies": p.copies,
        }
    return found


def run(
    data: Data,
    name: str,
    contestant: Contestant,
    trainings: int,
    halves: bool,
    left_out: Sequence[str] = (),
) -> None:
    """Some trainings, each written at once, so that a run that is cut short has not run for nothing."""
    runs: list[dict[str, float]] = []
    for seed in range(trainings):
        figures, versions = one(data, contestant, seed, halves)
        runs.append({n: value for n, value in figures.items() if n not in left_out})
        print(f"{data.name}, {name}, seed {seed}: {brief(figures)}", flush=True)
        keep(data, name, {"seeds": [*range(len(runs))], "versions": versions, "runs": runs})


def brief(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def keep(data: Data, name: str, result: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{data.name}.json"
    found = json.loads(path.read_text()) if path.exists() else {"synthesizers": {}}
    found |= {
        "table": data.name,
        "rows": {"training": data.train.num_rows, "held out": data.test.num_rows},
        "split": data.split,
        "target": data.target,
        "metrics": f"vaekit {vaekit.__version__}",
        "machine": processor(),
    }
    found["synthesizers"][name] = result
    write(path, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write(path.with_suffix(".md"), page(found))


def write(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text)
    beside.replace(path)


def page(found: dict[str, Any]) -> str:
    """A table in Markdown: a line for each figure, a column for each synthesizer, then those in print."""
    mine, theirs = found["synthesizers"], printed(found["table"])
    rows = found["rows"]
    text = (
        f"# {found['table']}\n\nWritten by `benchmarks/tables/compare.py`; metrics of {found['metrics']}; "
        f"{rows['training']:,} rows to train, {rows['held out']:,} held out; split: {found['split']}; "
        f"predicted: {found['target']}; machine: {found['machine']}. Mean ± standard deviation over trainings.\n\n"
    )
    head = ["", *mine, *(f"{model} (in print)" for model in theirs)]
    lines = [head, ["---"] * len(head)]
    for name in MEANING:
        cells = [over(result["runs"], name) for result in mine.values()]
        cells += [short(found.get(name)) for found in theirs.values()]
        if any(cell != "-" for cell in cells):
            lines.append([name, *cells])
    text += "".join("| " + " | ".join(line) + " |\n" for line in lines)
    seeds = "; ".join(
        f"{n}: seeds {r['seeds'][0]} to {r['seeds'][-1]}, {', '.join(sorted(set(r['versions'].values())))}"
        for n, r in mine.items()
    )
    used = {name for result in mine.values() for run in result["runs"] for name in run}
    text += "\n" + "".join(f"- {name}: {said}.\n" for name, said in MEANING.items() if name in used)
    text += f"\n{seeds}.\n"
    return text + (f"\nIn print: {SOURCE}.\n" if theirs else "")


def over(runs: list[dict[str, float]], name: str) -> str:
    values = [run[name] for run in runs if run.get(name) is not None]
    if not values:
        return "-"
    spread = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return short(statistics.mean(values)) + spread


def short(value: float | None) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=[*TABLES])
    parser.add_argument("--synthesizers", nargs="+", help="by default all that can be run")
    parser.add_argument("--trainings", type=int, default=5)
    parser.add_argument("--busy", action="store_true", help="the machine does other work: no times")
    parser.add_argument("--halves", action="store_true", help="also train on half of all rows")
    said = parser.parse_args()
    found = contestants()
    unknown = set(said.synthesizers or ()) - set(found)
    if unknown:
        parser.error(f"no synthesizer {', '.join(sorted(unknown))}; there are: {', '.join(found)}")
    left_out = TIMES if said.busy else ()
    for table in said.tables:
        data = TABLES[table]()
        for name in said.synthesizers or found:
            run(data, name, found[name], said.trainings, said.halves, left_out)


if __name__ == "__main__":
    main()
