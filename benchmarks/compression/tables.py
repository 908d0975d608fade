"""Tables: rows that a model was not trained on, compressed beside other programs.

    python benchmarks/compression/tables.py TABLE RUN [--rows 10000]

RUN is trained on all but the last ROWS rows of TABLE with the default settings, if it is not there. Then
these rows are compressed and decompressed; bits per row are of whole files, the model not counted.
"""

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path

import torch

import vaekit
from vaekit.runs.archive import Archive
from vaekit.runs.originals import write_restored
from vaekit.runs.table_compression import compress_table

RESULTS = Path(__file__).resolve().parent.parent / "results" / "compression_tables.json"


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("table", type=Path)
    options.add_argument("run", type=Path)
    options.add_argument("--rows", type=int, default=10_000)
    given = options.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        learn, keep = place / "learn.csv", place / "keep.csv"
        split(given.table, given.rows, learn, keep)
        if not (given.run / "model.safetensors").exists():
            vaekit.fit(str(learn), out=given.run, quiet=True)
        model, out = vaekit.load(given.run), place / "t.vk"
        began = time.process_time()
        summary = compress_table(model, keep, out, verify=False, compare=True)
        middle = time.process_time()
        archive = Archive(out, model)
        write_restored(archive, place / "back.csv", archive.read())
        ended = time.process_time()
        same = (place / "back.csv").read_bytes() == keep.read_bytes()
    sizes = {"vaekit": summary.size, **summary.beside}
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    found[given.table.stem] = {
        "rows": summary.rows, "trained on": len(model.open(str(given.table))) - summary.rows,
        "bytes as text": summary.raw, "the same bytes": same,
        "bits per row": {name: round(8 * size / summary.rows, 1) for name, size in sizes.items()},
        "processor seconds in and out": [round(middle - began, 1), round(ended - middle, 1)],
    }  # fmt: skip
    print(json.dumps(found[given.table.stem], indent=2))
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


def split(table: Path, rows: int, learn: Path, keep: Path) -> None:
    """The last rows of a table in text, and all before them."""
    with table.open(newline="") as file:
        header, *body = csv.reader(file)
    for path, part in ((learn, body[:-rows]), (keep, body[-rows:])):
        with path.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([header, *part])


if __name__ == "__main__":
    main()
