"""The trials of a sweep: Optuna chooses values, each is trained and measured, the hopeless end
early. The study is a SQLite file that any number of processes work on."""

from __future__ import annotations

import os
import shutil
import socket
import warnings
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import torch

from vaekit.data import Source
from vaekit.data.readers.loading import import_extra
from vaekit.evaluation.measures import MEASURES
from vaekit.rows import Rows
from vaekit.runs.fit import fit, resume
from vaekit.runs.folder import CONFIG
from vaekit.runs.run import Run
from vaekit.runs.trained import Trained
from vaekit.studies.sweep.plan import STUDY, SweepPlan
from vaekit.studies.sweep.space import combinations
from vaekit.system.checks import BadInput, require
from vaekit.system.progress import quiet_if, say
from vaekit.training import latest_checkpoint

NAME, STRIDE, ROWS = "sweep", 7919, 2000
JUST = 60.0  # seconds
PERCENT, WARM, STARTUP = 5, 20, 4  # between reports; before pruning, in percent; trials before it
GOING_ON = ("device", "capture", "labels")


def optuna() -> Any:
    """The library, told to be silent.

    Raises:
        BadInput: without the extra.
    """
    found = import_extra("optuna", "sweep")
    found.logging.set_verbosity(found.logging.ERROR)
    return found


def study_of(folder: Path, plan: SweepPlan) -> Any:
    """The study in a folder, made if need be."""
    library = optuna()
    pruner: Any = library.pruners.NopPruner()
    if plan.prune:
        pruner = library.pruners.MedianPruner(STARTUP, WARM, PERCENT)
    way = "maximize" if MEASURES[plan.measure].high else "minimize"
    storage = f"sqlite:///{(folder / STUDY).resolve()}"
    return library.create_study(
        storage=storage, study_name=NAME, direction=way, pruner=pruner, load_if_exists=True
    )


def work(folder: str, data: Any = None, *, threads: int = 0, quiet: bool = False) -> None:
    """Try values until there are as many trials as planned.

    Args:
        folder: of the sweep.
        data: if it lies in memory.
        threads: of the processor; 0 for those that there are.
        quiet: whether nothing is shown.
    """
    if threads:
        torch.set_num_threads(threads)
    with quiet_if(wanted=quiet), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = Path(folder)
        worker = Worker(place, SweepPlan.read(place), data)
        while worker.trials_left() > 0:
            worker.one_more()


class Worker:
    """One process that tries values.

    Args:
        folder: of the sweep.
        plan: what it does.
        data: if it lies in memory.
    """

    def __init__(self, folder: Path, plan: SweepPlan, data: Any = None) -> None:
        self.folder, self.plan, self.axes = folder, plan, plan.axes
        self.data = plan.data if data is None else data
        self.measure, self.study = MEASURES[plan.measure], study_of(folder, plan)
        self.states = optuna().trial.TrialState

    def trials_left(self) -> int:
        """How many trials nobody has begun yet."""
        trials = self.study.get_trials(deepcopy=False)
        begun = [t for t in trials if t.state != self.states.WAITING and not self._is_lost(t)]
        return self.plan.trials - len(begun)

    def take_up_lost(self) -> None:
        """Trials whose process was stopped or died are tried again, from their checkpoints."""
        trials = self.study.get_trials(deepcopy=False)
        for trial in trials:
            if trial.state == self.states.RUNNING and _is_dead(trial):
                self.study.tell(trial.number, state=self.states.FAIL)
        trials = self.study.get_trials(deepcopy=False)
        for trial in filter(self._is_lost, trials):
            folder = trial.user_attrs.get("folder")
            later = (t.user_attrs.get("folder") for t in trials if t.number > trial.number)
            if folder and folder not in [*later]:
                told = {"folder": folder, "reported": trial.intermediate_values}
                self.study.enqueue_trial(trial.params, user_attrs=told)
        for values in combinations(self.axes, self.plan.trials):
            self.study.enqueue_trial(values, skip_if_exists=True)

    def _is_lost(self, trial: Any) -> bool:
        return trial.state == self.states.FAIL and "why" not in trial.user_attrs

    def one_more(self) -> None:
        """Choose values, and try them. The same seed and the same trials before choose the same,
        however often a trial was stopped and taken up again."""
        trials = self.study.get_trials(deepcopy=False)
        known = len([t for t in trials if not self._is_lost(t)])
        seed = (self.plan.seed + STRIDE * (known + 1)) % 2**32
        self.study.sampler = optuna().samplers.TPESampler(seed=seed, constant_liar=True)
        self.study.optimize(self.tried, n_trials=1, catch=(BadInput, ArithmeticError))
        self._check_any_worked()
        self.tidy()

    def tried(self, trial: Any) -> float:
        """A trial's measure."""
        values = {axis.name: axis.suggested(trial) for axis in self.axes}
        name = trial.user_attrs.get("folder", f"trial-{trial.number}")
        trial.set_user_attr("folder", name)
        trial.set_user_attr("process", [socket.gethostname(), os.getpid()])
        for share, value in trial.user_attrs.get("reported", {}).items():
            trial.report(value, int(share))
        try:
            found = self._measured(self._trained(self.folder / name, values, trial))
        except (BadInput, ArithmeticError) as error:
            trial.set_user_attr("why", str(error))
            say(f"trial {trial.number}: {as_text(values)}: cannot be used: {error}")
            raise
        except optuna().TrialPruned:
            say(f"trial {trial.number}: {as_text(values)}: ended early, without hope")
            raise
        say(f"trial {trial.number}: {as_text(values)}: {self.plan.measure} {found:.5g}")
        return found

    def _trained(self, place: Path, values: Mapping[str, Any], trial: Any) -> Trained:
        watch, told = self._watching(trial), {**self.plan.options, **values}
        with quiet_if(wanted=True):
            if (place / CONFIG).is_file() and latest_checkpoint(place) is not None:
                how = {name: told[name] for name in GOING_ON if name in told}
                return resume(place, self.data, after_epoch=watch, **how)
            told |= {"seed": self.plan.seed, "force": True, "before": lambda job: None}
            return fit(self.data, self.plan.recipe, out=place, after_epoch=watch, **told)

    def _watching(self, trial: Any) -> Any:
        """What looks at a training after its epochs, and ends it where there is no hope."""
        last = 0

        def watch(run: Run) -> None:
            nonlocal last
            state = run.state
            share = PERCENT * (100 * state.step // state.steps // PERCENT)
            if not self.plan.prune or share == last or state.step >= state.steps:
                return
            last = share
            chunks = (run.validation[n].to(state.device) for n in range(len(run.validation)))
            sums = [(self.measure.of(state.averaged, c, self.plan.seed), len(c)) for c in chunks]
            trial.report(sum(v * n for v, n in sums) / sum(n for _, n in sums), share)
            if trial.should_prune():
                raise optuna().TrialPruned()

        return watch

    def _measured(self, trained: Trained) -> float:
        """The measure of a trained model, on validation rows."""
        return measured(trained, self.plan)

    def _check_any_worked(self) -> None:
        """Raise ``BadInput`` where the first trials failed one and all."""
        trials = [t for t in self.study.get_trials(deepcopy=False) if t.state.is_finished()]
        whys = [t.user_attrs.get("why") for t in trials]
        enough = min(STARTUP, self.plan.trials)
        require(len(whys) < enough or None in whys, f"no trial can be trained: {whys[-1]}")

    def tidy(self) -> None:
        """Remove the runs of trials that have ended, but for the best."""
        best = best_of(self.study)
        for trial in self.study.get_trials(deepcopy=False):
            name = trial.user_attrs.get("folder")
            ended = trial.state.is_finished() and not self._is_lost(trial)
            if ended and name and (best is None or name != best.user_attrs["folder"]):
                shutil.rmtree(self.folder / name, ignore_errors=True)


def measured(trained: Trained, plan: SweepPlan) -> float:
    """The measure of a trained model, on validation rows of its data."""
    source = trained.source
    assert isinstance(source, Source)
    part = source.some("validation", ROWS, plan.seed)
    rows = Rows.of(trained.rows(trained.told(part), seed=plan.seed)[:])
    return MEASURES[plan.measure].of(trained.model, rows, plan.seed)


def best_of(study: Any) -> Any:
    """The best trial that came to its end; None where there is none."""
    try:
        return study.best_trial
    except ValueError:
        return None


def as_text(values: Mapping[str, Any]) -> str:
    """Values by name, in a line."""
    shown = {n: f"{v:.3g}" if isinstance(v, float) else v for n, v in values.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def take_up_lost(folder: Path, plan: SweepPlan) -> None:
    """Trials of a sweep whose process was stopped or died are tried again; where all values that
    there are can be tried, each is, once."""
    Worker(folder, plan).take_up_lost()


def _is_dead(trial: Any) -> bool:
    """Whether the process of a trial is not there any more, on this machine."""
    host, number = trial.user_attrs.get("process", ("", 0))
    if not number:  # it has just begun, or died at once
        return trial.datetime_start < datetime.now() - timedelta(seconds=JUST)
    if host != socket.gethostname():
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return number == os.getpid()
