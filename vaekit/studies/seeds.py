"""The same training with several seeds: one says little of a recipe, several say how sure it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from vaekit.evaluation.spread import Spread, spreads, together
from vaekit.pages.report import summarize, write_report
from vaekit.runs.fit import fit, name_of, resume
from vaekit.runs.folder import CONFIG, SCORES, read_config
from vaekit.runs.seeds import SEEDS, SeedPlan, claim_seeds, run_of
from vaekit.runs.trained import Trained
from vaekit.runs.unfinished import unfinished
from vaekit.studies.seeds_page import write_page
from vaekit.studies.several import check_known, check_processes, in_memory, read_by, threads_for
from vaekit.system.checks import BadInput, require
from vaekit.system.children import in_children
from vaekit.system.progress import is_quiet, quiet_if, say
from vaekit.system.records import read_json, write_json
from vaekit.training import latest_checkpoint

GOING_ON = ("device", "capture", "tensorboard", "checkpoint_every", "labels")
LENGTHS = ("epochs", "patience")


@dataclass(frozen=True)
class SeedRuns:
    """Runs that differ in their seeds alone, and what they come to.

    Args:
        folder: that they lie in.
        scores: of each run on test rows, by its seed.
        failed: why the others came to no end, by their seeds.
    """

    folder: Path
    scores: Mapping[int, Mapping[str, Any]]
    failed: Mapping[int, str] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """Of the runs that came to their end."""
        return [*self.scores]

    @property
    def runs(self) -> Iterator[Trained]:
        """The models, in the order of their seeds, loaded one after the other."""
        return (Trained.load(run_of(self.folder, seed)) for seed in self.seeds)

    @property
    def spread(self) -> dict[str, Spread]:
        """Every number of the summary, by name."""
        return spreads([*self.scores.values()])

    @property
    def verdict(self) -> str:
        """What they come to, in a sentence."""
        found, unit = self.spread, " nats per row"
        name = next((n for n in ("log_likelihood", "reconstruction") if n in found), None)
        lost = f"; {len(self.failed)} came to no end" if self.failed else ""
        text = "" if name is None else f": {words(name)} {found[name].text}{unit}"
        return f"{len(self.seeds)} runs with seeds {self.seeds[0]} to {self.seeds[-1]}{text}{lost}."

    @property
    def troubles(self) -> tuple[str, ...]:
        """Why runs came to no end, a text for each seed; what all of them end with, which is what
        to do, comes once, as the last text."""
        parts = {seed: why.rpartition("; ") for seed, why in self.failed.items()}
        ends = {end for _, _, end in parts.values()}
        if len(parts) < 2 or len(ends) > 1 or not all(head for head, _, _ in parts.values()):
            return tuple(f"seed {seed}: {why}" for seed, why in self.failed.items())
        return (*(f"seed {seed}: {head}" for seed, (head, _, _) in parts.items()), *ends)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: each number with its mean, standard deviation and values."""
        failed = {"failed": {str(k): v for k, v in self.failed.items()}} if self.failed else {}
        return {"seeds": self.seeds, **together([*self.scores.values()]), **failed}

    def lines(self) -> list[list[str]]:
        """A line for each number: its name, mean ± standard deviation, and each seed's."""
        found = self.spread
        return [
            [words(name), spread.text, *(Spread((v,)).text for v in spread.values)]
            for name, spread in found.items()
            if not (name.endswith("_error") and name.removesuffix("_error") in found)
        ]

    def table(self) -> str:
        """The same as text."""
        rows = [["", "mean ± sd", *(f"seed {seed}" for seed in self.seeds)], *self.lines()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        )


def words(name: str) -> str:
    """A name of a number as people read it."""
    return name.replace("_", " ")


def fit_seeds(
    data: Any,
    recipe: str | None = None,
    *,
    seeds: int,
    out: str | os.PathLike[str],
    seed: int = 0,
    processes: int = 1,
    force: bool = False,
    report: bool = True,
    quiet: bool = False,
    **options: Any,
) -> SeedRuns:
    """Train a recipe several times, with seeds ``seed`` to ``seed + seeds - 1``, and evaluate each.

    Each run is a process of its own, so that its memory is given back; data in memory is trained on
    in this process.

    Args:
        data: as for :func:`vaekit.fit`.
        recipe: likewise.
        seeds: how many.
        out: a new folder; each run gets one in it, seed-0 and so on.
        seed: the first one.
        processes: how many work at the same time.
        force: take ``out`` as it is: runs of seeds that it holds are lost.
        report: whether each run gets a report.
        quiet: whether nothing is shown.
        options: as for :func:`vaekit.fit`.

    Raises:
        BadInput: for anything that cannot be used.

    Example:
        >>> runs = vaekit.fit_seeds("digits", seeds=2, out="runs/seeds", epochs=1, quiet=True)
        >>> round(runs.spread["log_likelihood"].mean) < 0
        True
    """
    require(seeds >= 1, f"seeds must be at least 1, not {seeds}")
    folder = claim_seeds(Path(out), read_by(data), force=force)
    plan = SeedPlan(name_of(data), recipe, seed, seeds, report, as_json(options))
    with quiet_if(wanted=quiet):
        try:
            return _carried_out(folder, plan, data, processes)
        except BadInput:
            _forget(folder, plan)
            raise


def resume_seeds(
    folder: str | os.PathLike[str],
    data: Any = None,
    *,
    seeds: int | None = None,
    processes: int = 1,
    quiet: bool = False,
    **how: Any,
) -> SeedRuns:
    """Go on with the runs of a folder that have not come to their end, or with more of them.

    Args:
        folder: that holds them.
        data: if it was in memory or lies elsewhere now.
        seeds: how many there are to be in all, at least as many as before.
        processes: as for :func:`fit_seeds`.
        quiet: likewise.
        how: as for :func:`vaekit.resume`: epochs, patience, device and so on.
    """
    place = Path(folder)
    plan = before = SeedPlan.read(place)
    check_known(data, plan.data)
    count = plan.count if seeds is None else seeds
    require(count >= plan.count, f"{place} holds {plan.count} seeds already: give no fewer")
    plan = replace(plan, data=name_of(data) or plan.data, count=count)
    length = {name: how.pop(name) for name in LENGTHS if how.get(name) is not None}
    told = {name: value for name, value in how.items() if value is not None}
    plan = replace(plan, options={**plan.options, **as_json(told), **length})
    with quiet_if(wanted=quiet):
        try:
            return _carried_out(place, plan, data, processes, length)
        except BadInput:
            before.write(place)
            raise


def _carried_out(
    folder: Path, plan: SeedPlan, data: Any, processes: int, length: Mapping[str, Any] | None = None
) -> SeedRuns:
    """All runs of a plan, brought to their end."""
    check_processes(processes, data)
    plan.write(folder)
    ahead = [seed for seed in plan.seeds if length or not _is_done(run_of(folder, seed))]
    tasks = [_task(folder, plan, seed, processes, length or {}) for seed in ahead]
    if in_memory(data):
        ends: Any = enumerate(map(partial(_trained_here, data), tasks))
    else:
        ends = in_children("vaekit.studies.seeds:train_one", tasks, processes)
    failed: dict[int, str] = {}
    for number, found in ends:
        if isinstance(found, ArithmeticError):
            failed[ahead[number]] = str(found)
        told = f"{len(failed)} failed" if failed else "all well"
        done = sum(_is_done(run_of(folder, seed)) for seed in plan.seeds)
        say(f"seed {ahead[number]}: ended; {done} of {plan.count} runs are there, {told}")
    return _summed_up(folder, plan, failed)


def _summed_up(folder: Path, plan: SeedPlan, failed: Mapping[int, str]) -> SeedRuns:
    """The runs that are there, with scores.json and report.html beside them."""
    done = [seed for seed in plan.seeds if _is_done(run_of(folder, seed))]
    if not done:
        raise ArithmeticError(f"no run came to its end: {next(iter(failed.values()))}")
    scores = {seed: _scores_of(run_of(folder, seed)) for seed in done}
    found = SeedRuns(folder, scores, failed)
    write_json(folder / SCORES, found.to_dict())
    if plan.report:
        write_page(folder, found)
    return found


def _task(
    folder: Path, plan: SeedPlan, seed: int, processes: int, length: Mapping[str, Any]
) -> dict[str, Any]:
    """What :func:`train_one` is told for a seed."""
    return {
        "data": plan.data, "recipe": plan.recipe, "folder": str(run_of(folder, seed)),
        "report": plan.report, "options": {**plan.options, "seed": seed}, "length": dict(length),
        "threads": threads_for(processes), "quiet": is_quiet() or processes > 1,
        "told": seed != plan.first,
    }  # fmt: skip


def _trained_here(data: Any, task: Mapping[str, Any]) -> Any:
    """A run in this process; a training that fails is given back as its error."""
    try:
        return train_one(**{**task, "data": data})
    except ArithmeticError as error:
        return error


def train_one(
    data: Any,
    recipe: str | None,
    folder: str,
    *,
    report: bool,
    options: Mapping[str, Any],
    length: Mapping[str, Any],
    threads: int,
    quiet: bool,
    told: bool,
) -> None:
    """Bring one run to its end, wherever it stands, and evaluate it.

    Args:
        data: that can be opened.
        recipe: by name; None for the one that suits the data.
        folder: of the run.
        report: whether it gets one.
        options: of its training.
        length: another length of it, by name.
        threads: of the processor.
        quiet: whether nothing is shown.
        told: whether somebody knows already which likelihood was picked and why.
    """
    torch.set_num_threads(threads)
    place = Path(folder)
    with quiet_if(wanted=quiet):
        begun = (place / CONFIG).is_file() and latest_checkpoint(place) is not None
        if begun:
            how = {name: options[name] for name in GOING_ON if name in options}
            trained = resume(place, data, **how, **length)
        else:
            before = (lambda job: None) if told else None
            trained = fit(data, recipe, out=place, force=True, before=before, **options)
        scores = summarize(trained, place)
        if report:
            write_report(trained, place, scores=scores)


def _forget(folder: Path, plan: SeedPlan) -> None:
    """Leave nothing where no training could begin."""
    if any(run_of(folder, seed).exists() for seed in plan.seeds):
        return
    (folder / SEEDS).unlink(missing_ok=True)
    for place in (folder, *folder.parents):
        with suppress(OSError):  # it holds something else
            place.rmdir()


def _is_done(folder: Path) -> bool:
    """Whether a run came to its end and was evaluated since."""
    scores, checkpoint = folder / SCORES, latest_checkpoint(folder)
    if not scores.is_file() or not (folder / CONFIG).is_file():
        return False
    if checkpoint is not None and scores.stat().st_mtime_ns < checkpoint.stat().st_mtime_ns:
        return False
    return unfinished(folder, read_config(folder)[1]) is None


def _scores_of(run: Path) -> dict[str, Any]:
    return read_json(run / SCORES, constants=True)


def as_json(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as a file can hold them.

    Raises:
        BadInput: for one that it cannot.
    """
    found = {}
    for name, value in options.items():
        told = os.fspath(value) if isinstance(value, os.PathLike) else value
        try:
            found[name] = json.loads(json.dumps(told))
        except (TypeError, ValueError):
            raise BadInput(
                f"{name} lies in memory, which several runs cannot share: write it to a file"
            ) from None
    return found
