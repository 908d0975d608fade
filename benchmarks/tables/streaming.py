"""Memory and speed where tables grow: a hundred thousand, a million, ten million rows of 12 columns.

    python benchmarks/tables/streaming.py --rows 10000000 [--ending .parquet] [--in-memory]

One size at a time, in a process of its own: opening the table (types found, rows coded), some
updates of table_vae, codes of some test rows written to Parquet. What is
counted is a process's own memory (RssAnon, sampled every 20 ms); pages of files that the system
keeps cached come and go. Results are added to benchmarks/results/tables/streaming.json and .md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv, parquet

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / name) for name in ("published", "speed")]

RESULTS = Path(__file__).resolve().parents[1] / "results" / "tables" / "streaming.json"
AT_ONCE, UPDATES, CODES = 250_000, 50, 100_000
LARGEST = 2**62


def parts(rows: int) -> Iterator[pa.Table]:
    """The table, some rows at a time: numbers, whole numbers, dates, categories and gaps."""
    for start in range(0, rows, AT_ONCE):
        count, random = min(AT_ONCE, rows - start), np.random.default_rng(start)
        age = random.integers(18, 90, count)
        income = np.exp(random.normal(10 + age / 100, 0.5, count))
        words = random.zipf(1.3, count) % 20_000
        day = np.datetime64("2015-01-01") + random.integers(0, 3_650, count)
        yield pa.table(
            {
                "age": age,
                "income": np.round(income, 2),
                "height": pa.array(random.normal(170, 10, count), mask=random.random(count) < 0.05),
                "weight": random.normal(70, 12, count),
                "children": random.poisson(1.2, count),
                "region": np.array(["north", "south", "east", "west", "islands"])[
                    random.integers(0, 5, count)
                ],
                "trade": np.char.add("trade ", (words % 50).astype(str)),
                "town": np.char.add("town ", words.astype(str)),
                "owner": random.random(count) < 0.4,
                "since": day.astype("datetime64[D]"),
                "seen": day.astype("datetime64[s]") + random.integers(0, 86_400, count),
                "score": random.beta(2, 5, count),
            }
        )


def written(path: Path, rows: int) -> None:
    """The table in a file."""
    writers = {".parquet": parquet.ParquetWriter, ".csv": csv.CSVWriter}
    writer = None
    for part in parts(rows):
        writer = writer or writers[path.suffix](str(path), part.schema)
        writer.write_table(part)
    writer.close()


def measured(path: Path, *, in_memory: bool) -> dict[str, float]:
    """Open, train a little, encode: seconds and peak memory of each."""
    from memory import Peak

    from vaekit.data import Opening
    from vaekit.data.readers import mapping
    from vaekit.runs.job import prepare
    from vaekit.runs.outputs import write_parts
    from vaekit.runs.trained import Trained
    from vaekit.training import train

    if in_memory:
        mapping.LARGE = LARGEST
    peak, found = Peak(), {"file_mb": round(path.stat().st_size / 1e6)}
    time.sleep(0.1)
    found["before_mb"] = peak.read()
    began = time.perf_counter(), time.process_time()
    source = Opening(cells="yes").open(str(path))
    ended = time.perf_counter(), time.process_time()
    found["read_seconds"], own = (round(b - a, 1) for a, b in zip(began, ended, strict=True))
    found["read_processor_seconds"] = own
    found["rows_a_second"] = round(len(source) / own)
    found["read_mb"] = peak.read()
    job = prepare(source, "table_vae", epochs=1, seed=0)
    run = job.run()
    steps, start = train(run.state, run.batches.from_step()), time.process_time()
    for _ in range(UPDATES):
        next(steps)
    found["update_ms"] = round((time.process_time() - start) / UPDATES * 1e3, 1)
    found["train_mb"] = peak.read()
    trained = Trained(run.state.averaged, job.config(), source)
    rows = source.part("test", CODES)
    write_parts(path.with_name("codes.parquet"), trained.codes(rows), len(rows))
    found["encode_rows"], found["encode_mb"] = len(rows), peak.read()
    return found


def page(found: dict[str, dict[str, float]]) -> str:
    """The results for people."""
    heads = {
        "file_mb": "file, MB",
        "rows_a_second": "rows read a second",
        "read_mb": "reading, MB",
        "train_mb": "training, MB",
        "encode_mb": "codes of test rows, MB",
    }
    lines = [
        "# Tables that grow",
        "",
        "`benchmarks/tables/streaming.py`: 12 columns (numbers, whole numbers, dates, times, "
        "categories of up to 20,000 values, gaps). Peaks of the process's own memory, of which "
        "the libraries take the part before; pages of files that the system caches are not "
        f"counted. Seconds are the processor's. Training: {UPDATES} updates of 256 rows. Machine: "
        f"{found.pop('machine')}.",
        "",
        "| rows | " + " | ".join(["before, MB", *heads.values()]) + " |",
        "|---" * (len(heads) + 2) + "|",
    ]
    for name, one in found.items():
        cells = [f"{one[key]:,}" for key in ("before_mb", *heads)]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, required=True)
    options.add_argument("--ending", choices=(".parquet", ".csv"), default=".parquet")
    options.add_argument("--in-memory", action="store_true", help="all of it, however large")
    options.add_argument("--folder", default=None, help="where the table is kept, if it is to be")
    options.add_argument("--one", default="")
    from common import machine, parsed

    asked = parsed(options)
    if asked.one:
        print(json.dumps(measured(Path(asked.one), in_memory=asked.in_memory)))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(asked.folder or folder) / f"t{asked.rows}{asked.ending}"
        if not path.is_file():
            written(path, asked.rows)
        command = [sys.executable, __file__, "--rows", str(asked.rows), "--one", str(path)]
        command += ["--in-memory"] if asked.in_memory else []
        command += ["--threads", str(asked.threads)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    how = "all in memory" if asked.in_memory else "as it is"
    found = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    name = f"{asked.rows:,}, {asked.ending.removeprefix('.')}, {how}"
    found[name] = json.loads(done.stdout.splitlines()[-1])
    found["machine"] = machine()
    print(name, found[name], flush=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    RESULTS.with_suffix(".md").write_text(page(dict(found)))


if __name__ == "__main__":
    main()
