"""Two checkouts of vaekit beside each other: is the newer one as fast?

    python benchmarks/speed/versions.py OLD NEW --rounds 15

Each checkout runs its own worker (workers/ours.py) with its own package. Rounds are interleaved, the
order changes from round to round, and the median of their ratios is printed with its quartiles. Also
timed: `vaekit --help` and `import vaekit`, as whole processes.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from vaekit.data import open_source
from vaekit.interfaces.cli.waiting import SPINS

UPDATES = {"conv": 20, "dense": 100}
BATCH = 128
STARTS = {"vaekit --help": ["-m", "vaekit", "--help"], "import vaekit": ["-c", "import vaekit"]}


class Checkout:
    """A worker of one checkout, answering one line with one line."""

    def __init__(self, place: Path, settings: dict) -> None:
        script = place / "benchmarks" / "speed" / "workers" / "ours.py"
        self.process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment(place), stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.ask(settings)

    def ask(self, line: dict) -> dict:
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        for answer in self.process.stdout:
            if answer.startswith("{"):
                return json.loads(answer)
        raise SystemExit("a worker ended")


def environment(place: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(place.resolve()), "GOMP_SPINCOUNT": SPINS}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("old", type=Path)
    options.add_argument("new", type=Path)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--threads", type=int, default=1)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "x.npy")
        np.save(data, open_source("mnist").values[:60_000, 0].numpy())
        for network in UPDATES:
            for precision in ("fp32", "bf16"):
                report(f"{network}, {precision}", rounds(network, precision, str(data), given))
    for name, command in STARTS.items():
        report(
            name,
            [
                {v: started(getattr(given, v), command) for v in turn(n)}
                for n in range(given.rounds)
            ],
        )


def rounds(network: str, precision: str, data: str, given: argparse.Namespace) -> list[dict]:
    settings = {
        "network": network, "data": data, "threads": given.threads, "batch": BATCH, "test": 0,
        "device": "cpu", "precision": precision,
    }  # fmt: skip
    workers = {name: Checkout(getattr(given, name), settings) for name in ("old", "new")}
    job = {"do": "training", "count": BATCH * UPDATES[network]}
    for worker in workers.values():
        worker.ask(job)
    return [
        {name: workers[name].ask(job)["seconds"] for name in turn(number)}
        for number in range(given.rounds)
    ]


def turn(number: int) -> list[str]:
    return ["old", "new"] if number % 2 else ["new", "old"]


def started(place: Path, command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, *command], env=environment(place), check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def report(name: str, found: list[dict]) -> None:
    ratios = [r["new"] / r["old"] for r in found]
    low, middle, high = statistics.quantiles(ratios, n=4)
    seconds = {v: statistics.median(r[v] for r in found) for v in ("old", "new")}
    print(json.dumps({
        "what": name, "new / old": round(middle, 3), "quartiles": [round(low, 3), round(high, 3)],
        **{f"{v}, s": round(s, 4) for v, s in seconds.items()}, "rounds": len(found),
    }), flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
