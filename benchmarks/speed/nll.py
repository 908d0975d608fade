"""log p(x) by importance sampling: vaekit beside pythae's get_nll, on the same weights and rows.

The network is pythae's default: 784-512-(16, 16), 16-512-784, trained here for an epoch or so and
handed over. pythae wants an environment of its own (python -m venv; pip install torch pythae).

    VAEKIT_DATA=... python benchmarks/speed/nll.py --peer PATH/TO/ITS/python [--threads 1]

Each round times both, one after the other; the figure is the median over rounds of the ratio of
seconds per row. pythae is given the largest of its batch sizes that was fastest for it (--batch).
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import write

import vaekit
from vaekit.data import open_source
from vaekit.evaluation import log_likelihood

LATENT, WIDTH = 16, 512


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--peer", required=True)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--samples", type=int, default=1000)
    options.add_argument("--rounds", type=int, default=9)
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    model = vaekit.fit(
        "binarized_mnist",
        network="dense",
        width=WIDTH,
        depth=1,
        latent=LATENT,
        link="exp",
        epochs=2,
    )
    x = open_source("binarized_mnist").rows("test").float()[:1000]
    found = {}
    for batch in (100, 500, 1000):
        with tempfile.TemporaryDirectory() as folder:
            found[f"pythae batch {batch}"] = compared(model, x, given, batch, Path(folder))
    best = min(found.values(), key=lambda f: f["pythae, ms a row"])
    write("speed_nll", {
        "setting": f"784-512-16-512-784, Bernoulli, {given.samples} samples a row, fp32, "
        f"{given.threads} threads, {given.rounds} interleaved rounds, medians",
        "ratio at pythae's best batch size": best["ratio"],
        **found,
    })  # fmt: skip


def compared(model, x, given, batch: int, folder: Path) -> dict:
    torch.save(as_peer(model.model.state_dict()), folder / "weights.pt")
    torch.save(x, folder / "rows.pt")
    settings = {
        "threads": given.threads, "latent": LATENT, "samples": given.samples, "batch": batch,
        "weights": str(folder / "weights.pt"), "rows": str(folder / "rows.pt"),
    }  # fmt: skip
    script = Path(__file__).with_name("peer_nll.py")
    peer = subprocess.Popen(
        [given.peer, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    ask(peer, settings, answer=False)
    ours, theirs, values = [], [], {}
    for number in range(given.rounds + 1):
        began = time.perf_counter()
        mine = log_likelihood(model.model, x[:200], samples=given.samples)
        seconds = (time.perf_counter() - began) / 200
        peers = ask(peer, {"rows": 20})
        values = {
            "vaekit": round(mine.value[:20].mean().item(), 2),
            "pythae": round(peers["value"], 2),
        }
        if number:  # the first round warms up
            ours.append(seconds)
            theirs.append(peers["seconds"] / 20)
    peer.stdin.close()
    peer.wait()
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    return {
        "vaekit, ms a row": round(1e3 * statistics.median(ours), 3),
        "pythae, ms a row": round(1e3 * statistics.median(theirs), 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratios from to": [round(min(ratios), 2), round(max(ratios), 2)],
        "log p(x) of the first 20 rows": values,
    }


def ask(peer: subprocess.Popen, message: dict, answer: bool = True) -> dict:
    peer.stdin.write(json.dumps(message) + "\n")
    peer.stdin.flush()
    return json.loads(peer.stdout.readline()) if answer else {}


def as_peer(ours: dict) -> dict:
    """Our weights under pythae's names."""
    matrices = [v for k, v in ours.items() if k.endswith("weight")]
    biases = [v for k, v in ours.items() if k.endswith("bias")]
    (first, heads, back, last), (b_first, b_heads, b_back, b_last) = matrices, biases
    mean, log_var = heads.chunk(2)
    b_mean, b_log_var = b_heads.chunk(2)
    named = {
        "encoder.layers.0.0": (first, b_first), "encoder.embedding": (mean, b_mean),
        "encoder.log_var": (log_var, b_log_var), "decoder.layers.0.0": (back, b_back),
        "decoder.layers.1.0": (last, b_last),
    }  # fmt: skip
    pairs = {"weight": 0, "bias": 1}
    return {f"{n}.{k}": v[i].clone() for n, v in named.items() for k, i in pairs.items()}


if __name__ == "__main__":
    main()
