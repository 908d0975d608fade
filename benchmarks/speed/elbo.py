"""Seconds of training until the test ELBO is so good: vaekit beside its peers.

The 784-400-20 network on grey MNIST, 60,000 to train and 10,000 to test, batch {BATCH}, Adam 1e-3
everywhere. Each peer trains epoch after epoch, alone on the machine; after each its test loss, one
draw of z a row, is taken, which is not timed.

    VAEKIT_DATA=... python benchmarks/speed/elbo.py --pythae PYTHON --keras PYTHON [--threads 2]
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import open_source, write
from training import peers, started

GOALS = (112.0, 109.0, 107.0)


def main() -> None:
    options = peers()
    options.add_argument("--epochs", type=int, default=12)
    given = options.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.npy"
        np.save(data, open_source("mnist").values[:, 0].numpy())
        for worker in started("dense", str(data), given, test=10_000):
            found[worker.name] = raced(worker, given.epochs)
            worker.close()
            print(worker.name, found[worker.name], flush=True)
    write("speed_elbo", {
        "setting": f"784-400-20, grey MNIST, 60,000 to train, batch 128, Adam 1e-3, {given.threads} threads, "
        f"at most {given.epochs} epochs, one run each",
        "goals, nats": GOALS,
        "peers": found,
    })  # fmt: skip


def raced(worker, epochs: int) -> dict:
    """Test losses after each epoch, and seconds of training until each goal was met."""
    seconds, losses, met = 0.0, [], {}
    for _ in range(epochs):
        seconds += worker.ask("training", 60_000)["seconds"]
        losses.append(worker.ask("test loss", 10_000)["value"])
        for goal in GOALS:
            if losses[-1] <= goal:
                met.setdefault(str(goal), [round(seconds, 1), len(losses)])
        if len(met) == len(GOALS):
            break
    return {"test losses": [round(v, 2) for v in losses], "seconds and epochs to": met}


if __name__ == "__main__":
    main()
