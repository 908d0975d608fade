"""Training, encoding and sampling: vaekit beside pythae, Keras 3 and a plain PyTorch loop.

Each runs in a process (and, for peers, an environment) of its own, on the same network, batch size
and data; they are timed in turn, round after round, while nothing else runs. The figures are
medians over the rounds; a ratio is the median of a round's paired ratios, with its quartiles.

    VAEKIT_DATA=... python benchmarks/speed/training.py --pythae PYTHON --keras PYTHON [--threads 2]
    VAEKIT_DATA=... python benchmarks/speed/training.py --pythae PYTHON --device cuda --batch 4096

PYTHON: the interpreter of an environment with pythae (pip install torch pythae), and of one with
Keras 3 (pip install keras tensorflow-cpu jax), which is only measured on processors.
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
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "published"))

from common import least, write
from torch.utils.flop_counter import FlopCounterMode

from vaekit.data import Source, open_source
from vaekit.interfaces.cli.waiting import SPINS
from vaekit.networks.fast import Linear
from vaekit.rows import Batch
from vaekit.runs.job import prepare
from vaekit.system.checks import BadInput
from vaekit.system.devices import device_for
from vaekit.system.precision import has_bfloat16, networks_in

WORKERS = Path(__file__).resolve().parent / "workers"
RECIPES = {"conv": "keras_mnist", "dense": "dense_vae"}
UPDATES = {"conv": 20, "dense": 100}
ON_A_GPU = 10
BATCH = 128


class Worker:
    """A peer's process, answering one line with one line."""

    def __init__(self, name: str, python: str, script: str, settings: dict, **extra: str) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [python, str(WORKERS / script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, **extra}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.process.stdin.write(json.dumps(settings) + "\n")
        self.process.stdin.flush()
        self.ready = self._answer()["ready after"]

    def ask(self, do: str, count: int) -> dict:
        self.process.stdin.write(json.dumps({"do": do, "count": count}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{self.name} ended")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    options = peers()
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--device", default="cpu")
    options.add_argument("--batch", type=int, default=BATCH)
    given = options.parse_args()
    try:
        device_for(given.device)
    except BadInput as error:
        raise SystemExit(str(error)) from None
    torch.set_num_threads(given.threads)
    result: dict = {
        "setting": f"MNIST as grey levels, batch {given.batch}, on {given.device}, {given.threads} "
        f"threads, {given.rounds} interleaved rounds after a warm-up; medians, quartiles of the paired "
        "ratios in brackets",
        "ceilings": ceilings(given.device),
    }
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.npy"
        source = open_source("mnist")
        np.save(data, source.values[:60_000, 0].numpy())
        for network in ("conv", "dense"):
            result[network] = compared(network, str(data), given)
            bf16 = has_bfloat16(torch.device(given.device))
            shares(result[network], gigaflops(source, network), result["ceilings"], bf16=bf16)
            print(json.dumps(result[network], indent=2), flush=True)
    write("speed_training" + ("" if given.device == "cpu" else f"_{given.device}"), result)


def gigaflops(source: Source, network: str) -> float:
    """What one row of an update costs, in 10^9 multiplications and additions of products."""
    job, rows = prepare(source, RECIPES[network], epochs=1), 64
    batch = Batch(job.rows("train", rows))
    with FlopCounterMode(display=False) as counter, networks_in(torch.bfloat16):
        job.built.objective(job.built.model, batch, 0).total.backward()
    return counter.get_total_flops() / rows / 1e9


def shares(result: dict, cost: float, ceilings: dict, *, bf16: bool) -> None:
    """Of the machine's best matrix product, the share that training reaches."""
    result["GFLOP a row"] = round(cost, 5)
    for name, found in result["training"].items():
        kind = "bf16" if name == "vaekit" and bf16 else "fp32"
        reached = cost * found["rows a second"] / ceilings[f"matrix product {kind}, GFLOP/s"]
        found[f"share of the product in {kind}, %"] = round(100 * reached, 1)


def peers() -> argparse.ArgumentParser:
    """Options that say where the peers are, and how many threads all use."""
    options = argparse.ArgumentParser()
    options.add_argument("--pythae", required=True)
    options.add_argument("--keras")
    options.add_argument("--threads", type=int, default=2)
    return options


def compared(network: str, data: str, given: argparse.Namespace) -> dict:
    """Every worker, timed in turn."""
    workers = started(network, data, given, device=given.device, batch=given.batch)
    names = [worker.name for worker in workers]
    rows = given.batch * UPDATES[network] * (1 if given.device == "cpu" else ON_A_GPU)
    result = {}
    for job in ("training", "encoding", "sampling"):
        count = rows * (1 if job == "training" else 4)
        for worker in workers:
            worker.ask(job, count)
        rounds = [
            {w.name: w.ask(job, count)["seconds"] for w in workers} for _ in range(given.rounds)
        ]
        ours = names[0]
        result[job] = {
            name: {
                "rows a second": round(count / statistics.median(r[name] for r in rounds)),
                "vaekit is faster by": spread([r[name] / r[ours] for r in rounds]),
            }
            for name in names
        }
    result["peak MB"] = {w.name: w.ask("training", given.batch)["peak MB"] for w in workers}
    result["seconds to the first results"] = {w.name: round(w.ready, 1) for w in workers}
    for worker in workers:
        worker.close()
    return result


def started(
    network: str, data: str, given: argparse.Namespace, *,
    test: int = 0, device: str = "cpu", batch: int = BATCH,
) -> list[Worker]:  # fmt: skip
    """One after the other, so that each is timed alone while it gets ready.

    Args:
        test: so many rows of the data are kept for tests.
    """
    base = {"network": network, "data": data, "threads": given.threads, "batch": batch}
    base |= {"test": test, "device": device}
    bf16 = has_bfloat16(torch.device(device))
    here, waiting = sys.executable, {"GOMP_SPINCOUNT": SPINS}  # as vaekit's command line does
    workers = [Worker("vaekit", here, "ours.py", {**base, "precision": "auto"}, **waiting)]
    if bf16:
        fp32 = {**base, "precision": "fp32"}
        workers.append(Worker("vaekit, fp32", here, "ours.py", fp32, **waiting))
    workers.append(Worker("plain PyTorch loop", here, "plain.py", base))
    workers.append(Worker("pythae", given.pythae, "with_pythae.py", base))
    if device != "cpu" or not given.keras:
        return workers
    for name, backend in (("TensorFlow", "tensorflow"), ("JAX", "jax")):
        extra = {"KERAS_BACKEND": backend, **keras_threads(given.threads)}
        workers.append(Worker(f"Keras 3, {name}", given.keras, "with_keras.py", base, **extra))
    return workers


def keras_threads(threads: int) -> dict[str, str]:
    """How TensorFlow and XLA are told how many threads to use."""
    one = str(threads)
    many = "true" if threads > 1 else "false"
    return {
        "TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": one, "TF_NUM_INTRAOP_THREADS": one,
        "TF_NUM_INTEROP_THREADS": one, "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={many}",
    }  # fmt: skip


def spread(ratios: list[float]) -> str:
    """Median and quartiles."""
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"


def ceilings(device: str) -> dict:
    """What the device does at best, by torch: products of 2048 x 2048 matrices, copies of 256 MB."""
    found = {}
    layer = Linear(2048, 2048, bias=False, device=device)
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, layer = torch.rand(2048, 2048, device=device).to(dtype), layer.to(dtype)
        with torch.no_grad():
            seconds = min(best(lambda: a @ a), best(lambda: layer(a)))  # noqa: B023
        found[f"matrix product {name}, GFLOP/s"] = round(2 * 2048**3 / seconds / 1e9)
    held, other = torch.zeros(2**26, device=device), torch.ones(2**26, device=device)
    found["copy, GB/s"] = round(2 * held.numel() * 4 / best(lambda: held.copy_(other)) / 1e9, 1)
    return found


def best(do) -> float:
    """The shortest of several runs, in seconds."""

    def done() -> None:
        do()
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    return least(done, 7, time.perf_counter)


if __name__ == "__main__":
    main()
