"""What the scripts that repeat published figures share."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from processor import processor

from vaekit.data import Source, open_source
from vaekit.objectives.schedules import Schedule
from vaekit.runs.job import Job, prepare
from vaekit.system.version import __version__
from vaekit.training import (
    Meter,
    TrainingState,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    train,
)
from vaekit.training.validation import validate

ROWS = 500
DENSE = {"network": "dense", "width": 200, "latent": 16, "likelihood": "bernoulli"}  # of MNIST, cut
RESULTS = Path(__file__).resolve().parent.parent / "results"


def machine() -> str:
    """The processor, how many threads, and versions."""
    device = f"{processor()}, {torch.get_num_threads()} threads"
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    return f"{device}; torch {torch.__version__.split('+')[0]}; vaekit {__version__}"


def parsed(options: argparse.ArgumentParser) -> argparse.Namespace:
    """The arguments, --threads among them, which is obeyed at once (0: torch decides)."""
    options.add_argument("--threads", type=int, default=0)
    given = options.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    return given


def joined(source: Source, train: tuple[str, ...], test: tuple[str, ...]) -> Source:
    """The same rows with splits put together differently: which are trained on, which tested."""
    none = torch.arange(0)

    def rows(names: tuple[str, ...]) -> torch.Tensor:
        return torch.cat([none, *(source.splits[n] for n in names)])

    splits = {"train": rows(train), "validation": none, "test": rows(test)}
    return dataclasses.replace(source, splits=splits)


def run(
    job: Job,
    folder: Path | None = None,
    minutes: float = 1e9,
    rate: Schedule | None = None,
) -> Iterator[tuple[TrainingState, dict[str, float], float]]:
    """Train a job; after each epoch the session, its training means and the seconds so far.

    With a folder, the session is kept there after each epoch and taken up again; after
    ``minutes`` the script ends, to be started again. ``rate`` replaces the plan's learning rate.
    """
    session = TrainingState(job.built.model, job.built.objective, job.plan, job.steps)
    session.rate = rate or session.rate
    before = 0.0
    if folder and (path := latest_checkpoint(folder)):
        before = load_checkpoint(path, session)["seconds"]
    began, meter, every = time.monotonic(), Meter(), job.batches.per_epoch
    for step in train(session, job.batches.from_step(session.step)):
        meter.add(step)
        if session.step % every:
            continue
        seconds = before + time.monotonic() - began
        yield session, meter.means(), seconds
        meter = Meter()
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            save_checkpoint(folder, session, {"seconds": seconds})
        if seconds - before > 60 * minutes and session.step < session.steps:
            raise SystemExit(f"{session.step} of {session.steps} steps done; start again to go on")


def tested(job: Job, session: TrainingState) -> dict[str, float]:
    """Mean loss and terms over the test split, one draw of z for each row."""
    pieces = job.rows("test").split(ROWS)
    return validate(session.averaged, session.objective, pieces, session.steps, 0)


def least(do: Callable[[], object], times: int, clock: Callable[[], float]) -> float:
    """The shortest of several runs, in the seconds of a clock."""
    seconds = []
    for _ in range(times):
        began = clock()
        do()
        seconds.append(clock() - began)
    return min(seconds)


def spread(values: list[float]) -> str:
    """Mean, and standard deviation over seeds where there are several."""
    mean = statistics.mean(values)
    return f"{mean:.2f}" if len(values) == 1 else f"{mean:.2f} +- {statistics.stdev(values):.2f}"


def begun(
    path: Path, settings: dict[str, object], refuse: Callable[[str], object]
) -> dict[str, Any]:
    """What a benchmark that goes on run by run has found so far, and this machine; ``refuse`` ends
    it where that was with other settings."""
    found = json.loads(path.read_text()) if path.exists() else {}
    if found.get("settings", settings) != settings:
        refuse(f"{path} has other settings: {found['settings']}")
    return {"entries": {}, **found, "settings": settings, "machine": machine()}


def each_run(
    path: Path,
    found: dict[str, Any],
    names: Iterable[str],
    seeds: int,
    measure: Callable[[str, int], dict[str, float]],
    kind: str = "entries",
) -> None:
    """Measure each name with each seed that was not measured yet; what is found is kept at once."""
    for seed, name in itertools.product(range(seeds), names):
        runs = found.setdefault(kind, {}).setdefault(name, {})
        if str(seed) not in runs:
            runs[str(seed)] = measure(name, seed)
            print(kind, name, seed, runs[str(seed)], flush=True)
            path.write_text(json.dumps(found, indent=1) + "\n")


def write(name: str, result: dict[str, object]) -> None:
    """Print the result and keep it as JSON."""
    result = {"name": name, "machine": machine(), "date": time.strftime("%Y-%m-%d"), **result}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


__all__ = [
    "DENSE",
    "RESULTS",
    "ROWS",
    "begun",
    "each_run",
    "joined",
    "least",
    "machine",
    "open_source",
    "parsed",
    "prepare",
    "run",
    "spread",
    "tested",
    "write",
]
