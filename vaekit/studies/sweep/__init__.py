"""Many values of a recipe's options, tried one after the other, and the best kept."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from vaekit import recipes
from vaekit.data import Source, check_enough
from vaekit.data.opening import opening_of
from vaekit.data.readers.dialect import FIELDS as DIALECT
from vaekit.evaluation.figures import short
from vaekit.evaluation.measures import MEASURES, Measure
from vaekit.families import LIKELIHOODS
from vaekit.families.catalogue import kind_of
from vaekit.pages.report import summarize, write_report
from vaekit.pages.words import brief
from vaekit.runs.command import typed
from vaekit.runs.fit import name_of, opening_for
from vaekit.runs.folder import REPORT
from vaekit.runs.job import asked, prepare, reopen
from vaekit.runs.trained import Trained
from vaekit.studies.seeds import as_json
from vaekit.studies.several import check_known, check_processes, in_memory, read_by, threads_for
from vaekit.studies.sweep.page import write_page
from vaekit.studies.sweep.plan import SweepPlan, claim_sweep, holds_sweep
from vaekit.studies.sweep.space import Axis, space, trials_of
from vaekit.studies.sweep.study import as_text, best_of, optuna, study_of, take_up_lost, work
from vaekit.system.checks import known, require
from vaekit.system.children import in_children
from vaekit.system.progress import is_quiet, quiet_if

__all__ = ["Attempt", "Sweep", "holds_sweep", "resume_sweep", "sweep"]
TRIALS, SHOWN = 30, 10
OPENING = ("label", "labels", "size", "tiles", "given", "kind", "channels", "schema")
PLACED = ("device", "capture")


@dataclass(frozen=True)
class Attempt:
    """A trial of a sweep.

    Args:
        number: of the trial, from 0.
        values: of the options that are swept.
        state: complete, pruned (ended early), fail or running.
        measure: what it came to; of one that was ended early, when it was.
        why: it failed.
        folder: of its run, which is there only of the best.
    """

    number: int
    values: dict[str, Any]
    state: str
    measure: float | None
    why: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Sweep:
    """A sweep as far as it has come.

    Args:
        folder: that it lies in.
        plan: what was asked.
        attempts: its trials.
        best: the best of those that came to their end.
        importance: share of the measure's spread that each option explains; empty where there are
            too few trials.
    """

    folder: Path
    plan: SweepPlan
    attempts: list[Attempt]
    best: Attempt
    importance: dict[str, float]

    @property
    def axes(self) -> list[Axis]:
        """What was gone through."""
        return self.plan.axes

    @property
    def measure(self) -> Measure:
        """What trials are compared by."""
        return MEASURES[self.plan.measure]

    @property
    def run(self) -> Path:
        """The folder of the best run."""
        return self.folder / self.best.folder

    @cached_property
    def model(self) -> Trained:
        """The best model."""
        return Trained.load(self.run)

    @property
    def ranked(self) -> list[Attempt]:
        """Trials that came to their end, the best first."""
        done = [a for a in self.attempts if a.state == "complete" and a.measure is not None]
        return sorted(done, key=lambda a: a.measure or 0.0, reverse=self.measure.high)

    @property
    def command(self) -> str:
        """What trains the best again."""
        values = {**_said(self.plan.options), **self.best.values, "seed": self.plan.seed}
        words = ["train", self.plan.data or "DATA", "--recipe", self.plan.recipe]
        return shlex.join(["vaekit", *words, *typed(values)])

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        counts = [
            f"{sum(a.state == state for a in self.attempts)} {words}"
            for state, words in (("pruned", "ended early"), ("fail", "failed"))
            if any(a.state == state for a in self.attempts)
        ]
        more = f" ({', '.join(counts)})" if counts else ""
        return (
            f"Best of {len(self.attempts)} trials{more}: {as_text(self.best.values)}, with "
            f"{self.plan.measure} {short(self.best.measure or 0.0)}."
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "folder": str(self.folder),
            "recipe": self.plan.recipe,
            "measure": self.plan.measure,
            "measure_is": self.measure.about,
            "over": [str(axis) for axis in self.axes],
            "best": {**vars(self.best), "folder": str(self.run), "command": self.command},
            "importance": self.importance,
            "trials": [
                {name: v for name, v in vars(a).items() if name != "folder" and v != ""}
                for a in self.attempts
            ],
        }

    def table(self) -> str:
        """The best trials as text."""
        head = ["trial", *(axis.name for axis in self.axes), self.plan.measure]
        rows = [head, *(self.line(attempt) for attempt in self.ranked[:SHOWN])]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.rjust, row, widths)) for row in rows)

    def line(self, attempt: Attempt) -> list[str]:
        """The cells of a trial."""
        shown = [attempt.values.get(axis.name, "") for axis in self.axes]
        cells = [brief(v) if isinstance(v, float) else str(v) for v in shown]
        measure = "" if attempt.measure is None else short(attempt.measure)
        return [str(attempt.number), *cells, measure]


def sweep(
    data: Any,
    recipe: str | None = None,
    *,
    out: str | os.PathLike[str],
    over: Sequence[str] | str = (),
    trials: int = TRIALS,
    measure: str | None = None,
    prune: bool = True,
    seed: int = 0,
    processes: int = 1,
    force: bool = False,
    quiet: bool = False,
    **options: Any,
) -> Sweep:
    """Try many values of some options of a recipe, and keep the best run whole.

    Values are chosen by Optuna (tree-structured Parzen estimators). Trials are compared by a
    measure that is the same for all of them, whatever they train: the ELBO of validation rows with
    the KL at weight 1, say, where beta is swept.

    Args:
        data: as for :func:`vaekit.fit`.
        recipe: likewise.
        out: a new folder.
        over: options and the values to try: "latent=2:64:log", "beta=0.1:10",
            "prior=standard,vamp", or a name alone; by default those for which the recipe says where
            to look.
        trials: how many; fewer where there are fewer values to try, each of which is tried once.
        measure: elbo, log_likelihood or error; by default elbo, of an autoencoder error.
        prune: whether trials without hope (worse than the median at the same point) end early.
        seed: of the choice of values, and of every training.
        processes: how many trials at the same time.
        force: take ``out`` as it is: a sweep that it holds is lost.
        quiet: whether nothing is shown.
        options: as for :func:`vaekit.fit`, of every training.

    Raises:
        BadInput: for anything that cannot be used, and without the extra vaekit[sweep].
    """
    optuna()
    require(trials >= 1, f"trials must be at least 1, not {trials}")
    folder = claim_sweep(Path(out), read_by(data), force=force)
    texts = [over] if isinstance(over, str) else [*over]
    source = _opened(data, recipe, options)
    chosen = recipe or (recipes.DEFAULT if source.coding is None else recipes.OF_TABLES)
    trained = {n: v for n, v in options.items() if n not in (*OPENING, *DIALECT, *PLACED)}
    axes = space(chosen, texts, trained)
    own = {n: v for n, v in trained.items() if n not in ("binarize", "colours")}
    asked(chosen, {**own, "seed": seed})
    named = _measure(source, chosen, axes, measure, trained)
    told = tuple(map(str, axes))
    how, count = as_json(options), trials_of(axes, trials)
    plan = SweepPlan(name_of(data), chosen, told, named, count, seed, prune, how)
    plan.write(folder)
    with quiet_if(wanted=quiet):
        return _carried_out(folder, plan, data, processes)


def resume_sweep(
    folder: str | os.PathLike[str],
    data: Any = None,
    *,
    trials: int | None = None,
    processes: int = 1,
    quiet: bool = False,
) -> Sweep:
    """Go on with a sweep, or with more trials. Others may work on it at the same time.

    Args:
        folder: that holds it.
        data: if it was in memory or lies elsewhere now.
        trials: how many there are to be in all.
        processes: as for :func:`sweep`.
        quiet: likewise.
    """
    optuna()
    place = Path(folder)
    plan = SweepPlan.read(place)
    wanted = trials_of(plan.axes, trials or plan.trials)
    plan = replace(plan, trials=wanted, data=name_of(data) or plan.data)
    check_known(data, plan.data)
    plan.write(place)
    with quiet_if(wanted=quiet):
        return _carried_out(place, plan, data, processes)


def _carried_out(folder: Path, plan: SweepPlan, data: Any, processes: int) -> Sweep:
    """All trials, by as many processes, and what they come to."""
    check_processes(processes, data)
    here = data if in_memory(data) else None
    take_up_lost(folder, plan)  # which makes the study, before several look for it
    if processes == 1:
        work(str(folder), here)
    else:
        task = {"folder": str(folder), "threads": threads_for(processes), "quiet": is_quiet()}
        for _, found in in_children(
            "vaekit.studies.sweep.study:work", [task] * processes, processes
        ):
            if isinstance(found, ArithmeticError):
                raise found
    return _summed_up(folder, plan, here)


def _summed_up(folder: Path, plan: SweepPlan, data: Any) -> Sweep:
    """What a sweep has found, with a report of the best run and a page of all."""
    study = study_of(folder, plan)
    best = best_of(study)
    require(best is not None, "no trial came to its end: give more --trials, or --no-prune")
    attempts = [_attempt(trial) for trial in study.get_trials(deepcopy=False)]
    lost = [a for a in attempts if a.state == "fail" and not a.why]  # tried again
    kept = [a for a in attempts if a not in lost and a.state != "waiting"]
    found = Sweep(folder, plan, kept, _attempt(best), _importance(study, plan))
    if not (found.run / REPORT).is_file():
        trained = Trained.load(found.run)
        trained = replace(trained, source=reopen(trained.config, data))
        write_report(trained, found.run, scores=summarize(trained, found.run))
    write_page(found)
    return found


def _attempt(trial: Any) -> Attempt:
    value = trial.value if trial.value is not None else None
    told = trial.user_attrs
    return Attempt(
        trial.number, dict(trial.params), trial.state.name.lower(), value, told.get("why", ""),
        told.get("folder", ""),
    )  # fmt: skip


def _importance(study: Any, plan: SweepPlan) -> dict[str, float]:
    """How much of the measure's spread each option explains, by PED-ANOVA."""
    done = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if len(done) < SHOWN or len(plan.axes) < 2:
        return {}
    importance = optuna().importance
    judge = importance.PedAnovaImportanceEvaluator()
    try:
        found = importance.get_param_importances(study, evaluator=judge)
    except (ValueError, RuntimeError):  # all values alike
        return {}
    return {name: float(share) for name, share in found.items()}


def _opened(data: Any, recipe: str | None, options: dict[str, Any]) -> Source:
    """The data, as every trial will open it."""
    told = {n: v for n, v in options.items() if n in (*OPENING, *DIALECT) and v is not None}
    labels = told.pop("labels", None)
    own = {n: told.pop(n) for n in OPENING if n in told and n != "labels"}
    opening = opening_of(
        own.get("label"), labels, own.get("size"), own.get("tiles", 0), own.get("given") or (),
        own.get("kind"), own.get("channels"), own.get("schema"), **told,
    )  # fmt: skip
    source = opening_for(recipe, opening).open(data, labels)
    check_enough(source)
    return source


def _measure(
    source: Source, recipe: str, axes: list[Axis], measure: str | None, options: dict[str, Any]
) -> str:
    """The measure by name, which must be the same thing for all trials."""
    require(len(source.indices("validation")) > 0, "there are no validation rows to measure by")
    first = {axis.name: axis.choices[0] if axis.choices else axis.low for axis in axes}
    first = {n: int(v) if _is_whole(axes, n) else v for n, v in first.items()}
    job = prepare(source, recipe, **{**options, **first})
    has_density = job.built.model.has_density
    named = measure or ("elbo" if has_density else "error")
    chosen = MEASURES[known("measure", named, MEASURES)]
    require(
        has_density or not chosen.needs_density,
        f"models of {recipe} have no density, so no {named}: compare them by --measure error",
    )
    kinds = {
        kind_of(value).bits
        for axis in axes
        if axis.name == "likelihood"
        for value in axis.choices
        if value in LIKELIHOODS
    }
    require(
        len(kinds) < 2 or not chosen.needs_density,
        f"these likelihoods are of different kinds ({'; '.join(sorted(kinds))}): their {named} "
        "cannot be compared, but their squared error can: --measure error",
    )
    return named


def _is_whole(axes: list[Axis], name: str) -> bool:
    return any(axis.name == name and axis.whole and not axis.choices for axis in axes)


def _said(options: Mapping[str, Any]) -> dict[str, Any]:
    """What somebody has said that changes a training, as it is typed."""
    said = {n: v for n, v in options.items() if v is not None and n not in PLACED}
    size = said.get("size")
    return said | ({"size": "x".join(map(str, size))} if isinstance(size, list) else {})
