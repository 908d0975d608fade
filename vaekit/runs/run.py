"""One training from its first step or its last checkpoint to its end, with all that it writes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from torch import Tensor

from vaekit.data import Batches
from vaekit.data.readers.loading import import_extra
from vaekit.models import Graph
from vaekit.recipes import Built
from vaekit.runs.failed import noted
from vaekit.runs.folder import METRICS, save_weights
from vaekit.system.checks import BadInput, require
from vaekit.system.files import remove_leftovers
from vaekit.system.modules import load_state
from vaekit.system.progress import Bar, Silent, bar, say
from vaekit.system.records import Part
from vaekit.system.signals import asked_to_stop
from vaekit.training import (
    Diverged,
    Meter,
    Metrics,
    Plan,
    Step,
    TrainingState,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    train,
)
from vaekit.training.placement import HERE, Placement
from vaekit.training.validation import Chunks, validate

SECONDS_BETWEEN_SAVES, SHARE_FOR_SAVES = 10.0, 0.02

Line = dict[str, Any]


GO_ON = "go on with: vaekit train --resume {}"
DONE = "all its {:,} epochs are done; for more, say how many in all (--epochs, in Python epochs=)"
NEVER_FINITE = ", and was finite after no epoch, so that no weights are kept"
WAITED = "it is out of patience since epoch {:,}; give it more (--patience 0 for any)"


class Interrupted(KeyboardInterrupt):
    """Someone asked to stop; the run is saved in ``folder``."""

    def __init__(self, folder: Path, step: int, steps: int) -> None:
        super().__init__(f"stopped at step {step:,} of {steps:,}; {GO_ON.format(folder)}")
        self.folder = folder


class Run:
    """A state, the batches it eats, and how it is doing on the validation rows.

    Args:
        built: model and objective.
        batches: what it is trained on.
        validation: rows that say which weights are the best.
        plan: how.
        steps: how many updates in all.
        placement: where.
        mark: of all that a checkpoint must come from to be gone on from; none for any.
    """

    def __init__(
        self,
        built: Built,
        batches: Batches,
        validation: Chunks,
        plan: Plan,
        steps: int,
        placement: Placement = HERE,
        mark: str = "",
    ) -> None:
        self.mark = mark
        self.state = TrainingState(
            built.model, built.objective, plan, steps, placement.device,
            shard=placement.shard, capture=placement.capture,
        )  # fmt: skip
        self.batches, self.validation = batches, validation
        self.meter, self.best, self.waited = Meter(), math.inf, 0
        self.validated = math.nan  # the last validation loss
        self.weights: dict[str, Tensor] = {}
        self.unsaved, self.began = False, time.monotonic()

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return self.state.step // self.batches.per_epoch

    @property
    def at_end_of_epoch(self) -> bool:
        """Whether the last update ended an epoch."""
        return self.state.step % self.batches.per_epoch == 0

    @property
    def out_of_patience(self) -> bool:
        """Whether there were too many epochs without a better validation loss."""
        patience = self.state.plan.patience
        return bool(patience) and self.waited >= patience

    @property
    def ended(self) -> str:
        """Why no updates are left, and what to do for more; empty while some are."""
        if self.state.step >= self.state.steps:
            return DONE.format(self.state.plan.epochs)
        return WAITED.format(self.epoch) if self.out_of_patience else ""

    def steps(self) -> Iterator[Step]:
        """The remaining updates, until the end or the end of patience."""
        if self.out_of_patience:
            return
        for step in train(self.state, self.batches.from_step(self.state.step)):
            self.meter.add(step)
            yield step
            if self.at_end_of_epoch and self.out_of_patience:
                return

    def close_epoch(self, rate: float) -> tuple[Line, Line, bool]:
        """Training means, validation means, and whether these are the best so far."""
        state = self.state
        state.watch()
        found = validate(
            state.averaged,
            state.objective,
            self.validation,
            state.steps,
            state.plan.seed,
            state.world,
        )
        state.back_to_training()
        self.validated = found.get("loss", self.validated)
        better = not found or (math.isfinite(self.validated) and self.validated < self.best)
        self.best = found.get("loss", self.best) if better else self.best
        self.waited = 0 if better else self.waited + 1
        seconds = round(time.monotonic() - self.began, 3)
        place = {"step": state.step, "epoch": self.epoch, "seconds": seconds}
        lines = (
            {**place, "split": "train", **self.meter.means(), "lr": rate},
            {**place, "split": "validation", **found},
        )
        self.meter = Meter()
        return *lines, better

    def keep_best(self) -> None:
        """Remember the weights as they are."""
        self.weights, self.unsaved = self.state.best(), True

    def best_model(self) -> Graph:
        """The model with the best weights seen; they must not be split."""
        model = self.state.averaged
        load_state(model, self.weights)
        return model.cpu().eval()

    def check_best(self) -> None:
        """Raise ``Diverged`` if no weights are the best: none gave a finite validation loss."""
        if len(self.validation) and not math.isfinite(self.best):
            step = self.state.step
            raise Diverged(step, "validation loss", self.validated, NEVER_FINITE)

    def notes(self) -> dict[str, Any]:
        """What a checkpoint must hold beside tensors."""
        best = self.best if math.isfinite(self.best) else None
        return {
            "best": best,
            "waited": self.waited,
            "sums": self.meter.sums,
            "rows": self.meter.rows,
            **({"run": self.mark} if self.mark else {}),
        }

    def recall(self, notes: dict[str, Any]) -> None:
        """The reverse of :meth:`notes`.

        Raises:
            BadInput: for what that cannot have said, or said of another run.
        """
        found = Part(notes, "the checkpoint's notes")
        mark = found.maybe_text("run") or self.mark
        require(
            mark == self.mark,
            "the checkpoint is another run's: of other data, options or seed; restore a copy, or "
            "remove it to begin anew",
        )
        self.best = found.number("best") if found.has("best") else math.inf
        self.waited = found.whole("waited")
        sums = found.part("sums")
        self.meter = Meter({name: sums.number(name) for name in sums.found}, found.whole("rows"))


AfterEpoch = Callable[[Run], None]


def run_here(run: Run, after_epoch: AfterEpoch | None = None) -> None:
    """Train in memory; nothing is written.

    Args:
        run: the training.
        after_epoch: called after each epoch.

    Raises:
        Diverged: when a number is no longer finite, or the validation loss never was.
    """
    with _bar(run) as shown:
        for step in run.steps():
            _show(shown, step, run)
            if run.at_end_of_epoch:
                _end_epoch(run, step, _nowhere, after_epoch)
    run.check_best()


def run_in(
    folder: Path,
    run: Run,
    *,
    tensorboard: bool = False,
    checkpoint_every: int = 0,
    resume: bool = False,
    after_epoch: AfterEpoch | None = None,
) -> None:
    """Train in a folder: metrics, the best weights, and checkpoints to go on from.

    Args:
        folder: of the run.
        run: the training.
        tensorboard: whether events are written too.
        checkpoint_every: updates between checkpoints.
        resume: whether it goes on from the checkpoint that is there.
        after_epoch: called after each epoch.

    Raises:
        Interrupted: after Ctrl-C or SIGTERM, once all is saved.
        KeyboardInterrupt: after a second one, at once.
        BadInput: when something cannot be written, on a full disk, say.
        Diverged: when a number is no longer finite, or the validation loss never was.
    """
    first = run.state.world.is_first
    if first:
        remove_leftovers(folder)
    if resume and (path := latest_checkpoint(folder)):
        run.recall(load_checkpoint(path, run.state))
        if first and run.ended:
            say(f"note: nothing is left to train in {folder}: {run.ended}")
    with noted(folder) if first else nullcontext():
        with (
            asked_to_stop() as stop,
            _explained(folder, run),
            _writers(folder, run, tensorboard) if first else nullcontext(_nowhere) as write,
        ):
            _follow(folder, run, write, stop, checkpoint_every, after_epoch)
            _save(folder, run)
        run.state.world.wait()
        run.check_best()


def _follow(
    folder: Path,
    run: Run,
    write: Callable[[Line], None],
    stop: Callable[[], bool],
    every: int,
    after_epoch: AfterEpoch | None,
) -> None:
    """The run's steps, with what has to be written after each."""
    state, due = run.state, time.monotonic() + SECONDS_BETWEEN_SAVES
    with _bar(run) as shown:
        for step in run.steps():
            _show(shown, step, run)
            if run.at_end_of_epoch:
                _end_epoch(run, step, write, after_epoch)
            saving = time.monotonic() > due or (every > 0 and state.step % every == 0)
            saving, stopping = state.world.any(saving, stop())
            if saving:
                due = _save(folder, run)
            if stopping and state.step < state.steps:
                _save(folder, run)
                raise Interrupted(folder, state.step, state.steps)


def _end_epoch(
    run: Run, step: Step, write: Callable[[Line], None], after_epoch: AfterEpoch | None
) -> None:
    training, validation, better = run.close_epoch(step.rate)
    write(training)
    write(validation)
    if better:
        run.keep_best()
    if after_epoch is not None:
        after_epoch(run)
        run.state.back_to_training()


def _save(folder: Path, run: Run) -> float:
    """Write the best weights and a checkpoint; returns when to save next. All processes come here.

    The weights go first: whoever resumes from an older checkpoint finds the same best again.
    """
    began, state = time.monotonic(), run.state
    if run.unsaved:
        weights = state.whole(run.weights)
        if state.world.is_first:
            save_weights(folder, weights)
        run.unsaved = False
    save_checkpoint(folder, state, run.notes())
    ended = time.monotonic()
    return ended + max(SECONDS_BETWEEN_SAVES, (ended - began) / SHARE_FOR_SAVES)


def _bar(run: Run) -> AbstractContextManager[Bar]:
    """A bar of the run's updates, shown by the first process."""
    state = run.state
    if not state.world.is_first:
        return nullcontext(Silent())
    return bar("training", state.steps, state.step)


def _show(shown: Bar, step: Step, run: Run) -> None:
    if isinstance(shown, Silent) or (step.number % 20 and not run.at_end_of_epoch):
        return
    terms = {"loss": step.loss.total, **step.loss.terms}
    text = "  ".join(f"{name} {float(value):.2f}" for name, value in terms.items())
    shown.update(step.number, f"epoch {run.epoch}/{run.state.plan.epochs}  {text}")


@contextmanager
def _explained(folder: Path, run: Run) -> Iterator[None]:
    """What ends the block early says what is kept, and how to go on."""
    try:
        yield
    except Interrupted:
        raise
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(f"stopped at once; {_kept(folder)}") from error
    except (BadInput, OSError) as error:
        raise BadInput(f"{error}; {_kept(folder)}") from error
    except Diverged as error:
        latest = latest_checkpoint(folder)
        kept = f"the last good state is kept in {latest}" if latest else "no checkpoint was due yet"
        more = f" (epoch {run.epoch + 1}); {kept}"
        raise Diverged(error.step, error.term, error.value, more, error.advice) from error


def _kept(folder: Path) -> str:
    latest = latest_checkpoint(folder)
    kept = "the run is kept up to its last checkpoint" if latest else "no checkpoint was due yet"
    return f"{kept}: {GO_ON.format(folder)}"


def _nowhere(line: Line) -> None:
    """What processes other than the first write."""


@contextmanager
def _writers(folder: Path, run: Run, tensorboard: bool) -> Iterator[Callable[[Line], None]]:
    """A function that writes a line wherever lines are wanted."""
    metrics = Metrics(folder / METRICS)
    metrics.keep_until(run.state.step)
    if not tensorboard:
        yield metrics.write
        return
    place, first = str(folder / "tensorboard"), run.state.step + 1
    how = {"purge_step": first, "filename_suffix": f".{first}"}  # later steps are written again
    writer = import_extra("tensorboardX", "track").SummaryWriter(place, **how)

    def write(line: Line) -> None:
        metrics.write(line)
        for name in line.keys() - {"step", "epoch", "split", "seconds"}:
            writer.add_scalar(f"{line['split']}/{name}", line[name], line["step"])

    try:
        yield write
    finally:
        writer.close()
