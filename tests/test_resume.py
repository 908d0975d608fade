"""However a run is interrupted, it goes on and ends as if it never had been, bit for bit."""

import resource
import signal
from hashlib import sha256

import numpy as np
import pytest

from vaekit.data import open_source
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import needs_given, options
from vaekit.runs.fit import begin, resume
from vaekit.runs.job import prepare
from vaekit.runs.run import Interrupted, run_in
from vaekit.system.checks import BadInput
from vaekit.training import read_metrics

SMALL = {"latent": 2, "width": 4, "depth": 1, "groups": 2, "samples": 2, "kl_warmup": 0.5}
PLAN = {"epochs": 2, "batch": 8}
SIDE = {"keras_mnist": 28, "keras_mnist_fast": 28}
CUT, EVERY = 5, 2  # of six updates; the checkpoint is after the fourth


def pictures(side=8, rows=24):
    """Bright spots, which convolutions can learn."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side]
    places = random.uniform(2, side - 2, (rows, 2))
    return np.stack([255 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 8) for a, b in places]).astype(
        np.uint8
    )


def job_for(recipe, **chosen):
    """A small training of a recipe."""
    known = options(RECIPES[recipe])
    small = {name: value for name, value in SMALL.items() if name in known}
    needs = needs_given(RECIPES[recipe])
    x = pictures(SIDE.get(recipe, 8))
    source = open_source(x, labels=np.arange(len(x)) % 2, given=("label",) if needs else ())
    return prepare(source, recipe, **{**PLAN, **small, **chosen})


def trained_in(folder, job, **how):
    """The run's folder after training."""
    run_in(begin(folder, job.config()), job.run(), checkpoint_every=EVERY, **how)
    return folder


def kept(folder):
    """All that a run leaves: digests by file, and its metrics but for the time they took."""
    found = {p.name: sha256(p.read_bytes()).hexdigest() for p in folder.iterdir() if p.is_file()}
    lines = read_metrics(folder / "metrics.jsonl")
    metrics = [{k: v for k, v in line.items() if k != "seconds"} for line in lines]
    return {**found, "metrics.jsonl": metrics}


class Killed(BaseException):
    """As if the process were gone: nobody writes anything after it."""


def watched(job, number, fault):
    """A run in which something happens at an update."""
    run = job.run()
    steps = run.steps

    def faulty():
        for step in steps():
            if step.number == number:
                fault()
            yield step

    run.steps = faulty
    return run


def kill():
    raise Killed


def check_goes_on(tmp_path, make, error, fault=kill):
    """A run that ``fault`` ends goes on and leaves what one leaves that was never interrupted."""
    whole, job = trained_in(tmp_path / "whole", make()), make()
    cut = begin(tmp_path / "cut", job.config())
    with pytest.raises(error) as found:
        run_in(cut, watched(job, CUT, fault), checkpoint_every=EVERY)
    assert not [p.name for p in cut.iterdir() if "partial" in p.name]
    resume(cut, job.source)
    assert kept(cut) == kept(whole)
    return str(found.value)


def check_killed(tmp_path, recipe, precision, parts):
    whole = job_for(recipe).built.objective.over_batch
    parts = 1 if whole else parts
    check_goes_on(tmp_path, lambda: job_for(recipe, precision=precision, parts=parts), Killed)


@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_a_killed_run_goes_on_bit_for_bit(tmp_path, recipe):
    check_killed(tmp_path, recipe, "fp32", 1)


@pytest.mark.slow
@pytest.mark.parametrize(("precision", "parts"), [("fp32", 2), ("bf16", 1), ("bf16", 2)])
@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_in_any_precision_and_in_parts_it_goes_on_bit_for_bit(tmp_path, recipe, precision, parts):
    check_killed(tmp_path, recipe, precision, parts)


def conv(**chosen):
    return job_for("conv_vae", **{"patience": 9, **chosen})


def test_asked_to_stop_it_is_saved_where_it_is(tmp_path):
    said = check_goes_on(tmp_path, conv, Interrupted, lambda: signal.raise_signal(signal.SIGTERM))
    assert said == f"stopped at step 5 of 6; go on with: vaekit train --resume {tmp_path / 'cut'}"


def test_asked_twice_it_stops_at_once(tmp_path):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    said = check_goes_on(tmp_path, conv, KeyboardInterrupt, twice)
    assert said.startswith("stopped at once; the run is kept up to its last checkpoint: go on with")


@pytest.fixture
def fill_disk():
    """A function: from its call on no file can grow beyond so many bytes; what is more fails to be
    written, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


FULL = {  # at which update, for files of how many bytes; what fails, and what is kept
    "at the first checkpoint": (1, 1000, "checkpoint.safetensors", "no checkpoint was due yet"),
    "at the best weights": (3, 1000, "model.safetensors", "kept up to its last checkpoint"),
    "in a line": (5, 500, "metrics.jsonl", "kept up to its last checkpoint"),
}


@pytest.mark.parametrize("moment", FULL)
def test_a_full_disk_costs_what_was_not_yet_written(tmp_path, moment, fill_disk):
    number, size, file, left = FULL[moment]
    whole, job = trained_in(tmp_path / "whole", conv()), conv()
    cut = begin(tmp_path / "cut", job.config())
    run = watched(job, number, lambda: fill_disk(size))
    with pytest.raises(BadInput, match=f"cannot write .*{file}: .*; .*{left}: go on with"):
        run_in(cut, run, checkpoint_every=EVERY)
    fill_disk(resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    assert not [p.name for p in cut.iterdir() if "partial" in p.name]
    resume(cut, job.source, checkpoint_every=EVERY)
    assert kept(cut) == kept(whole)
