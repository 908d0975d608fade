"""Peak memory as the data grows 1, 4, 16 times: training, evaluating and encoding from disk.

Rows of 64 x 64 x 3 bytes in one .npy file, mapped. What is counted is a process's own memory
(RssAnon, sampled every 20 ms); pages of the file that the system keeps cached come and go.

    python benchmarks/speed/memory.py [--folder /tmp]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

ROWS, SHAPE, STEPS = 25_000, (64, 64, 3), 60


def main() -> None:
    from common import parsed, write

    options = argparse.ArgumentParser()
    options.add_argument("--folder", default=None)
    options.add_argument("--one", default="")
    given = parsed(options)
    if given.one:
        print(json.dumps(measured(Path(given.one))))
        return
    found = {}
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for times in (1, 4, 16):
            path = Path(folder) / "rows.npy"
            fill(path, ROWS * times)
            done = subprocess.run(
                [sys.executable, __file__, "--one", str(path), "--threads", str(given.threads)],
                check=True, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            found[f"{times} x"] = json.loads(done.stdout.splitlines()[-1])
            print(times, found[f"{times} x"], flush=True)
    write("memory", {
        "setting": f"{ROWS:,} x 1, 4, 16 rows of 64 x 64 x 3 bytes, dense network, {STEPS} updates of 128",
        "peak": found,
    })  # fmt: skip


def fill(path: Path, rows: int) -> None:
    """A file of random bytes, written in parts."""
    random = np.random.default_rng(0)
    held = np.lib.format.open_memmap(path, "w+", np.uint8, (rows, *SHAPE))
    for start in range(0, rows, 5_000):
        part = random.integers(0, 256, (min(5_000, rows - start), *SHAPE), dtype=np.uint8)
        held[start : start + len(part)] = part
    held.flush()


def measured(path: Path) -> dict:
    """Open, train a little, evaluate and encode; the peak of each."""
    from vaekit.data import open_source
    from vaekit.runs.job import prepare
    from vaekit.runs.outputs import write_parts
    from vaekit.runs.trained import Trained
    from vaekit.training import train

    peak = Peak()
    result = {"file, MB": round(path.stat().st_size / 1e6)}
    source = open_source(str(path))
    job = prepare(
        source, network="dense", width=64, depth=1, latent=8, likelihood="gaussian", epochs=1
    )
    run = job.run()
    result["looking at the data"] = peak.read()
    steps = train(run.state, run.batches.from_step())
    for _ in range(STEPS):
        next(steps)
    result["training"] = peak.read()
    trained = Trained(run.state.averaged, job.config(), source)
    trained.evaluate(source, split="test", samples=1)
    result["evaluating the test rows"] = peak.read()
    rows = source.rows("train")
    write_parts(path.with_name("codes.npy"), trained.codes(rows), len(rows))
    result["encoding all training rows"] = peak.read()
    return result


class Peak:
    """The most memory of its own that this process held since it was last asked, in MB."""

    def __init__(self) -> None:
        self.most = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            lines = Path("/proc/self/status").read_text().splitlines()
            held = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
            self.most = max(self.most, held / 1024)
            time.sleep(0.02)

    def read(self) -> int:
        most, self.most = self.most, 0.0
        return round(most)


if __name__ == "__main__":
    main()
