"""Shape and Trend beside SDMetrics': the largest difference over all columns and pairs of some tables.

    python benchmarks/tables/sdmetrics_check.py --peer PYTHON

PYTHON is that of an environment of its own with sdmetrics==0.24.0. The tables are real rows beside
independent columns, gaps included.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import tempfile
from pathlib import Path

from pyarrow import csv

PEER = """
import json, sys
import pandas
from sdmetrics.reports.single_table import QualityReport
folder, numbers = sys.argv[1], set(json.loads(sys.argv[2]))
real, made = (pandas.read_csv(f"{folder}/{name}.csv") for name in ("real", "made"))
kinds = {c: {"sdtype": "numerical" if c in numbers else "categorical"} for c in real}
report = QualityReport()
report.num_rows_subsample = None
report.generate(real, made, {"columns": kinds}, verbose=False)
shapes, trends = (report.get_details(n) for n in ("Column Shapes", "Column Pair Trends"))
pairs = trends["Column 1"] + " | " + trends["Column 2"]
print(json.dumps({**dict(zip(shapes.Column, shapes.Score)), **dict(zip(pairs, trends.Score))}))
"""


def difference(name: str, peer: str) -> tuple[int, float]:
    """How many scores were compared, and by how much they differ at most."""
    from baselines import Independent
    from data import TABLES

    from vaekit.evaluation.tables import mixed_tables, shape, trend

    data = TABLES[name]()
    made = Independent(0, data.categories).fit(data.train).sample(data.train.num_rows)
    tables = mixed_tables(data.train, made, categories=data.categories)
    ours = shape(*tables).each | trend(*tables).each
    with tempfile.TemporaryDirectory() as folder:
        csv.write_csv(data.train, Path(folder) / "real.csv")
        csv.write_csv(made, Path(folder) / "made.csv")
        command = [peer, "-W", "ignore", "-c", PEER, folder, json.dumps([*tables[0].numbers])]
        clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        theirs = json.loads(subprocess.check_output(command, env=clean))
    if set(ours) != set(theirs):
        raise SystemExit(f"{name}: other columns or pairs than SDMetrics has")
    unlike = [n for n in ours if math.isnan(ours[n]) != math.isnan(theirs[n])]
    if unlike:
        raise SystemExit(f"{name}: only one of the two has a score for {', '.join(unlike)}")
    gaps = [abs(ours[n] - theirs[n]) for n in ours if not math.isnan(ours[n])]
    return len(gaps), max(gaps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="a Python that has sdmetrics 0.24")
    parser.add_argument("--tables", nargs="+", default=["adult", "shoppers", "auto_imports"])
    said = parser.parse_args()
    for name in said.tables:
        count, most = difference(name, said.peer)
        print(f"{name}: {count} scores, largest difference {most:.1e}")


if __name__ == "__main__":
    main()
