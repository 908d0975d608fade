"""Filling gaps: values missing in three ways at three rates, filled by each method, beside the truth.

    python benchmarks/imputation.py --tables adult shoppers magic --seeds 5

MCAR: every cell is as likely to be missing. MAR: 30 % of the columns are always there, and whether
another cell is missing depends on them. MNAR: it depends on the cell itself. Numbers are standardised by
the whole table; columns that have gaps of their own lose these rows. Writes
benchmarks/results/imputation/NAME.json and a table in Markdown; methods that are run again, on the same
rows with the same seeds, replace their own columns alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.metrics import pairwise_distances

import vaekit
from vaekit.evaluation.tables import MixedTable, mixed_tables

sys.path.insert(0, str(Path(__file__).resolve().parent / "published"))
sys.path.insert(0, str(Path(__file__).resolve().parent / "tables"))

from baselines import to_arrow
from compare import write
from data import TABLES
from processor import processor

Array = NDArray[Any]
RESULTS = Path(__file__).resolve().parent / "results" / "imputation"
WAYS, RATES, DRAWS, POINTS = ("MCAR", "MAR", "MNAR"), (0.1, 0.3, 0.5), 19, 1000
ALWAYS, STEEP = 0.3, 2.0
EPOCHS = 0  # of ours: as many as suit


def scaled(table: MixedTable) -> MixedTable:
    """Rows without gaps, numbers of mean 0 and standard deviation 1."""
    gaps = np.isnan(table.number_matrix()).any(1) | (table.code_matrix() < 0).any(1)
    kept = table.take(~gaps)
    return replace(kept, numbers={n: standard(v) for n, v in kept.numbers.items()})


def standard(values: Array) -> Array:
    return (values - values.mean()) / (values.std() or 1)


def hidden(
    table: MixedTable, way: str, rate: float, random: np.random.Generator
) -> dict[str, Array]:
    """Which cells are taken away, by column."""
    if way == "MCAR":
        return {name: random.random(table.rows) < rate for name in table.names}
    values = {name: as_number(table, name, random) for name in table.names}
    if way == "MNAR":
        return {
            n: chosen(STEEP * random.choice([-1, 1]) * v, rate, random) for n, v in values.items()
        }
    seen = random.permutation(table.names)[: max(round(ALWAYS * len(table.names)), 1)]
    drivers = np.stack([values[name] for name in seen], 1)
    found = {name: np.zeros(table.rows, bool) for name in seen}
    for name in table.names:
        if name not in found:
            score = drivers @ random.normal(size=len(seen))
            found[name] = chosen(STEEP * standard(score), rate, random)
    return found


def as_number(table: MixedTable, name: str, random: np.random.Generator) -> Array:
    """A column as something to depend on: numbers, or a random number for each category."""
    if name in table.numbers:
        return table.numbers[name]
    return standard(random.normal(size=len(table.levels[name]))[table.categories[name]])


def chosen(score: Array, rate: float, random: np.random.Generator) -> Array:
    """Cells with the chance sigmoid(score + c), c such that the mean is the rate."""
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        share = (1 / (1 + np.exp(-(score + middle)))).mean()
        low, high = (middle, high) if share < rate else (low, middle)
    return random.random(len(score)) < 1 / (1 + np.exp(-(score + low)))


def without(table: MixedTable, gone: dict[str, Array]) -> MixedTable:
    """The table with gaps."""
    numbers = {n: np.where(gone[n], np.nan, v) for n, v in table.numbers.items()}
    codes = {n: np.where(gone[n], -1, c) for n, c in table.categories.items()}
    return replace(table, numbers=numbers, categories=codes)


# Methods: a table with gaps, a seed, and how many fillings are wanted give so many tables, or one.


def wide(table: MixedTable, *, without_last: bool = False) -> Array:
    """Numbers, then 0 and 1 for each category, or each but the last, NaN where the cell is missing."""
    hot = [
        np.where(codes[:, None] < 0, np.nan, np.eye(len(table.levels[n]))[codes])
        for n, codes in table.categories.items()
    ]
    kept = [each[:, :-1] if without_last else each for each in hot]
    return np.concatenate([table.number_matrix(), *kept], 1)


def completed(filled: Array, table: MixedTable) -> Array:
    """Columns without the last category of each, with it: what the others leave of 1."""
    at = len(table.numbers)
    parts = [filled[:, :at]]
    for name in table.categories:
        block = filled[:, at : at + len(table.levels[name]) - 1]
        parts += [block, 1 - block.sum(1, keepdims=True)]
        at += block.shape[1]
    return np.concatenate(parts, 1)


def narrow(filled: Array, table: MixedTable) -> MixedTable:
    """A table of filled columns; cells that were there stay as they are."""
    numbers, codes, at = {}, {}, len(table.numbers)
    for i, (name, values) in enumerate(table.numbers.items()):
        numbers[name] = np.where(np.isnan(values), filled[:, i], values)
    for name, found in table.categories.items():
        block = filled[:, at : at + len(table.levels[name])]
        codes[name] = np.where(found < 0, block.argmax(1), found)
        at += block.shape[1]
    return replace(table, numbers=numbers, categories=codes)


def by(make: Callable[[int], Any]) -> Callable[[MixedTable, int, int], list[MixedTable]]:
    def fill(table: MixedTable, seed: int, draws: int) -> list[MixedTable]:
        return [narrow(make(seed).fit_transform(wide(table)), table)]

    return fill


def iterative(table: MixedTable, seed: int, draws: int) -> list[MixedTable]:
    """Chained Bayesian regressions: the means, then draws. The last category of each column is what the others
    leave: regressed on all others, each would stay at its mean, as they sum to 1."""
    same = {"max_iter": 5, "keep_empty_features": True}
    found = [IterativeImputer(random_state=seed, **same)]
    found += [
        IterativeImputer(random_state=seed + i, sample_posterior=True, **same) for i in range(draws)
    ]
    columns = wide(table, without_last=True)
    return [narrow(completed(each.fit_transform(columns), table), table) for each in found]


def forests(table: MixedTable, seed: int, draws: int) -> list[MixedTable]:
    """Chained forests (as MissForest, Stekhoven & Buehlmann 2012): three sweeps, few gaps first."""
    [filled] = by(lambda s: SimpleImputer(strategy="mean", keep_empty_features=True))(
        table, seed, 0
    )
    gaps = {n: np.isnan(v) for n, v in table.numbers.items()} | {
        n: c < 0 for n, c in table.categories.items()
    }
    same = {"n_estimators": 50, "min_samples_leaf": 3, "random_state": seed}
    for _ in range(3):
        for name in sorted(gaps, key=lambda n: gaps[n].sum()):
            gone, number = gaps[name], name in table.numbers
            if not gone.any() or gone.all():
                continue
            columns = [v for n, v in filled.numbers.items() if n != name]
            columns += [c for n, c in filled.categories.items() if n != name]
            x, y = (
                np.stack(columns, 1),
                (filled.numbers if number else filled.categories)[name].copy(),
            )
            forest = (ExtraTreesRegressor if number else ExtraTreesClassifier)(**same)
            y[gone] = forest.fit(x[~gone], y[~gone]).predict(x[gone])
            (filled.numbers if number else filled.categories)[name] = y
    return [filled]


def ours(table: MixedTable, seed: int, draws: int) -> list[MixedTable]:
    """vaekit's imputer: the best filling, then draws. It is told which columns are categories, as all are."""
    frame, said = to_arrow(table, like(table)), dict.fromkeys(table.categories, "category")
    imputer = vaekit.VAEImputer(epochs=EPOCHS, schema=said, random_state=seed).fit(frame)
    found = [imputer.transform(frame), *imputer.transform_draws(frame, draws)]
    return [back(done, table) for done in found]


def like(table: MixedTable) -> Any:
    import pyarrow as pa

    kinds = {n: pa.float64() if n in table.numbers else pa.string() for n in table.names}
    return pa.schema(kinds.items()).empty_table()


def back(frame: Any, table: MixedTable) -> MixedTable:
    """A filled frame with the categories' places of the table."""
    (found,) = mixed_tables(frame)
    codes = {}
    for name, names in table.levels.items():
        place = {category: i for i, category in enumerate(names)}
        codes[name] = np.array([place[c] for c in found.levels[name]])[found.categories[name]]
    return replace(table, numbers=found.numbers, categories=codes)


METHODS: dict[str, Callable[[MixedTable, int, int], list[MixedTable]]] = {
    "mean": by(lambda seed: SimpleImputer(strategy="mean", keep_empty_features=True)),
    "kNN": by(lambda seed: KNNImputer(n_neighbors=5, keep_empty_features=True)),
    "IterativeImputer": iterative,
    "forests": forests,
    "vaekit": ours,
}


@dataclass(frozen=True)
class Score:
    """How near the fillings are to what was taken away."""

    rmse: float | None
    mae: float | None
    accuracy: float | None
    energy: float
    coverage: float | None


def score(truth: MixedTable, gone: dict[str, Array], found: list[MixedTable], seed: int) -> Score:
    """Errors of the first filling; energy distance of the last; coverage by the draws."""
    off = [(found[0].numbers[n] - v)[gone[n]] for n, v in truth.numbers.items()]
    errors = np.concatenate([np.zeros(0), *off])
    hits = [(found[0].categories[n] == c)[gone[n]] for n, c in truth.categories.items()]
    right = np.concatenate([np.zeros(0), *hits])
    return Score(
        rmse=float(np.sqrt(np.square(errors).mean())) if len(errors) else None,
        mae=float(np.abs(errors).mean()) if len(errors) else None,
        accuracy=float(right.mean()) if len(right) else None,
        energy=energy(truth, found[-1], seed),
        coverage=covered(truth, gone, found[1:]),
    )


def energy(a: MixedTable, b: MixedTable, seed: int) -> float:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| between other rows of the two tables (Szekely & Rizzo)."""
    order = np.random.default_rng(seed).permutation(a.rows)
    size = min(POINTS, a.rows // 2)
    x, y = (
        np.nan_to_num(wide(t.take(rows))) for t, rows in ((a, order[:size]), (b, order[-size:]))
    )
    inside = sum(pairwise_distances(z).sum() / (size * (size - 1)) for z in (x, y))
    return float(2 * pairwise_distances(x, y).mean() - inside)


def covered(truth: MixedTable, gone: dict[str, Array], draws: list[MixedTable]) -> float | None:
    """How many of the numbers lie between the least and the largest of n draws: (n - 1) / (n + 1) is right, as
    each is as likely as any draw to be the least or the largest; 0.9 for 19."""
    if len(draws) < 2 or not truth.numbers:
        return None
    inside = []
    for name, values in truth.numbers.items():
        drawn = np.stack([table.numbers[name][gone[name]] for table in draws])
        low, high = drawn.min(0), drawn.max(0)
        inside.append((values[gone[name]] >= low) & (values[gone[name]] <= high))
    return float(np.concatenate(inside).mean())


def run(name: str, methods: dict[str, Any], seeds: int, rows: int, draws: int) -> dict[str, Any]:
    data = TABLES[name]()
    (table,) = mixed_tables(data.train, categories=data.categories)
    table = scaled(table).some(rows, np.random.default_rng(0))
    found: dict[str, Any] = {}
    for way in WAYS:
        for rate in RATES:
            for seed in range(seeds):
                gone = hidden(table, way, rate, np.random.default_rng(seed))
                for method, fill in methods.items():
                    began = time.perf_counter()
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", ConvergenceWarning)
                        filled = fill(without(table, gone), seed, draws)
                    took = time.perf_counter() - began
                    figures = vars(score(table, gone, filled, seed)) | {"seconds": took}
                    found.setdefault(f"{way} {rate:.0%}", {}).setdefault(method, []).append(figures)
                    print(f"{name}, {way} {rate:.0%}, seed {seed}, {method}: {figures}", flush=True)
    return {
        "table": name,
        "rows": table.rows,
        "seeds": seeds,
        "versions": f"vaekit {vaekit.__version__}, sklearn {sklearn.__version__}",
        "machine": processor(),
        "found": found,
    }


def beside(result: dict[str, Any], path: Path) -> dict[str, Any]:
    """The result with the columns of other methods that were run before, where all else is alike."""
    if not path.exists():
        return result
    old = json.loads(path.read_text())
    alike = all(old[key] == result[key] for key in ("table", "rows", "seeds", "versions"))
    if not alike:
        return result
    found = {way: old["found"].get(way, {}) | each for way, each in result["found"].items()}
    return result | {"found": found}


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """The same figures but for seconds."""
    return {
        way: {m: [{**run, "seconds": None} for run in runs] for m, runs in each.items()}
        for way, each in found.items()
    }


def page(result: dict[str, Any]) -> str:
    """One table in Markdown: a line for each way and rate and figure, a column for each method."""
    methods = list(next(iter(result["found"].values())))
    text = (
        f"# Filling gaps of {result['table']}\n\nWritten by `benchmarks/imputation.py`; {result['versions']}; "
        f"{result['rows']:,} rows without gaps; seeds 0 to {result['seeds'] - 1}; mean ± standard deviation. RMSE and "
        "MAE of standardised numbers, accuracy of categories, energy distance between rows filled and other true "
        f"rows, share of true numbers between the least and the largest of the draws (of 19: 0.9 is right).\n\n| | {' | '.join(methods)} |\n{'|---' * (len(methods) + 1)}|\n"
    )
    for setting, by_method in result["found"].items():
        for figure in ("rmse", "mae", "accuracy", "energy", "coverage", "seconds"):
            cells = [over([run[figure] for run in by_method[m]]) for m in methods]
            if set(cells) == {"-"}:
                continue
            text += f"| {setting} {figure} | {' | '.join(cells)} |\n"
    return text


def over(values: list[float | None]) -> str:
    known = [v for v in values if v is not None]
    if not known:
        return "-"
    spread = f" ± {statistics.stdev(known):.3f}" if len(known) > 1 else ""
    return f"{statistics.mean(known):.3f}{spread}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=[*TABLES])
    parser.add_argument("--methods", nargs="+", help="by default all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=5000, help="at most, at random")
    parser.add_argument("--draws", type=int, default=DRAWS)
    parser.add_argument("--busy", action="store_true", help="other work runs too: leave times out")
    said = parser.parse_args()
    methods = {name: METHODS[name] for name in said.methods or METHODS}
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in said.tables:
        path = RESULTS / f"{name}.json"
        result = beside(run(name, methods, said.seeds, said.rows, said.draws), path)
        if said.busy:
            result["found"] = without_times(result["found"])
        write(path, json.dumps(result, indent=1) + "\n")
        write(RESULTS / f"{name}.md", page(result))


if __name__ == "__main__":
    main()
