"""However a run is interrupted, it goes on and ends as if it never had been, bit for bit."""

import json
import re
import resource
import signal
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from vaekit.data import Opening, open_source
from vaekit.interfaces.cli import run
from vaekit.interfaces.cli import run as command
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import needs_given, options, takes_cells
from vaekit.runs.config import Config
from vaekit.runs.fit import fit, resume
from vaekit.runs.folder import empty, read_config, write_config
from vaekit.runs.history import History
from vaekit.runs.job import prepare
from vaekit.runs.run import Interrupted, run_in
from vaekit.runs.settle import settled_in
from vaekit.runs.trained import load
from vaekit.runs.unfinished import unfinished
from vaekit.system.checks import BadInput
from vaekit.training import read_metrics

SMALL = {
    "latent": 2, "width": 4, "depth": 1, "groups": 2, "samples": 2, "kl_warmup": 0.5, "pretraining": 3,
}  # fmt: skip
ALSO_LONG = [pytest.param(*each, marks=pytest.mark.long) for each in (("fp32", 2), ("bf16", 1))]
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


def table(rows=44):
    """Rows of a table with gaps."""
    random = np.random.default_rng(0)
    kind = random.choice(["a", "b", None], rows)
    frame = pa.table({"kind": kind, "size": random.integers(0, 9, rows), "x": random.random(rows)})
    return Opening(cells="yes").open(frame)


def job_for(recipe, **chosen):
    """A small training of a recipe."""
    known = options(RECIPES[recipe])
    small = {name: value for name, value in SMALL.items() if name in known}
    needs = needs_given(RECIPES[recipe])
    if takes_cells(RECIPES[recipe]):
        return prepare(table(), recipe, **{**PLAN, **small, **chosen})
    x = pictures(SIDE.get(recipe, 8))
    source = open_source(x, labels=np.arange(len(x)) % 2, given=("label",) if needs else ())
    return prepare(source, recipe, **{**PLAN, **small, **chosen})


def begin(folder, config):
    """The folder of a run that has not made a step."""
    write_config(empty(folder), config)
    return folder


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
    settled_in(whole, job.source)
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
@pytest.mark.parametrize(("precision", "parts"), [("bf16", 2), *ALSO_LONG])
@pytest.mark.parametrize("recipe", sorted(RECIPES))
def test_in_any_precision_and_in_parts_it_goes_on_bit_for_bit(tmp_path, recipe, precision, parts):
    check_killed(tmp_path, recipe, precision, parts)


def conv(**chosen):
    return job_for("conv_vae", **{"patience": 9, **chosen})


def test_where_one_part_lags_behind_another_it_goes_on_bit_for_bit(tmp_path):
    check_goes_on(tmp_path, lambda: conv(lag=1), Killed)


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


def scalars(folder):
    """What TensorBoard shows of a run: by name and step."""
    from tensorboardX.proto.event_pb2 import Event, SessionLog

    found = {}
    for path in sorted(folder.glob("tensorboard/events*"), key=lambda p: int(p.suffix[1:])):
        content = path.read_bytes()
        while content:
            size = int.from_bytes(content[:8], "little")
            event, content = Event.FromString(content[12 : 12 + size]), content[16 + size :]
            if event.session_log.status == SessionLog.START:
                found = {key: value for key, value in found.items() if key[1] < event.step}
            for value in event.summary.value:
                assert (value.tag, event.step) not in found
                found[value.tag, event.step] = value.simple_value
    return found


def test_tensorboard_shows_one_curve(tmp_path):
    whole = trained_in(tmp_path / "whole", conv(epochs=3), tensorboard=True)
    job = conv(epochs=3)
    cut = begin(tmp_path / "cut", job.config())
    with pytest.raises(Killed):
        run_in(cut, watched(job, 8, kill), checkpoint_every=5, tensorboard=True)
    resume(cut, job.source, tensorboard=True)
    assert scalars(cut) == scalars(whole)
    assert ("validation/loss", 9) in scalars(cut)


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def unscheduled(**chosen):
    """A run none of whose numbers depends on its length."""
    return conv(warmup=0.0, kl_warmup=0.0, **chosen)


def test_trained_on_for_longer_it_is_the_longer_run(tmp_path):
    whole = trained_in(tmp_path / "whole", unscheduled(epochs=4))
    job = unscheduled(epochs=1)
    run = trained_in(tmp_path / "run", job)
    for epochs in (3, 4, None):
        resume(run, job.source, epochs=epochs)
    ours, theirs = kept(run), kept(whole)
    assert ours.pop("config.json") != theirs.pop("config.json")
    assert ours == theirs
    told, planned = config_of(run), config_of(whole)
    plans = [{"until": 3, "epochs": 1}, {"until": 9, "epochs": 3}]
    assert told.pop("history") == {"plans": plans}
    assert told == planned
    assert load(run).config.history.lines == {
        "earlier": "planned for 1 epochs until update 3, for 3 epochs until update 9"
    }


def test_what_is_left_follows_the_schedules_of_the_new_length(tmp_path):
    job = conv(epochs=1, decay="cosine")
    run = trained_in(tmp_path / "run", job)
    resume(run, job.source, epochs=2)
    rates = [line["lr"] for line in read_metrics(run / "metrics.jsonl") if "lr" in line]
    rate = conv(epochs=2, decay="cosine").plan.learning_rate(6)
    assert rates[1] == rate(5) < rate(3) != rates[0]
    assert config_of(run)["arguments"]["steps"] == 6


def test_an_interrupted_run_can_be_made_shorter_or_longer(tmp_path, capsys):
    job = unscheduled(epochs=3)
    cut = begin(tmp_path / "cut", job.config())
    with pytest.raises(Killed):
        run_in(cut, watched(job, CUT, kill), checkpoint_every=EVERY)
    for epochs, match in ((1, "trained for 1.333 epochs, which is more than 1"), (-1, "negative")):
        with pytest.raises(BadInput, match=match):
            resume(cut, job.source, epochs=epochs)
    said = {k: v for k, v in config_of(cut).items() if k != "weights"}
    assert said == job.config().to_json()
    early = unfinished(cut, read_config(cut)[1])
    assert (
        early == f"training was stopped after 1 of 3 epochs: go on with vaekit train --resume {cut}"
    )
    assert command(["sample", str(cut), "-n", "2", "-o", str(tmp_path / "new.npy")]) == 0
    assert f"note: {early}" in capsys.readouterr().err
    resume(cut, job.source, epochs=2)
    assert unfinished(cut, read_config(cut)[1]) is None
    whole = trained_in(tmp_path / "whole", unscheduled(epochs=2))
    assert kept(cut)["model.safetensors"] == kept(whole)["model.safetensors"]
    assert config_of(cut)["history"] == {"plans": [{"until": 4, "epochs": 3}]}


def test_who_is_out_of_patience_needs_more_of_it(tmp_path, capsys):
    job = conv(epochs=4, patience=1, lr=1e-12)
    run = trained_in(tmp_path / "run", job)
    done = len(read_metrics(run / "metrics.jsonl")) // 2
    assert done < 4
    assert unfinished(run, read_config(run)[1]) is None
    with pytest.raises(BadInput, match=f"out of patience since epoch {done}, .*--patience 0"):
        resume(run, job.source, epochs=6)
    capsys.readouterr()
    resume(run, job.source)
    said = f"nothing is left to train in {run}: it is out of patience since epoch {done}; give it"
    assert said in capsys.readouterr().err
    resume(run, job.source, epochs=6, patience=0)
    assert "nothing is left" not in capsys.readouterr().err
    assert len(read_metrics(run / "metrics.jsonl")) == 12
    assert config_of(run)["plan"]["patience"] == 0
    before = kept(run)
    resume(run, job.source)
    assert f"in {run}: all its 6 epochs are done" in capsys.readouterr().err
    assert kept(run)["model.safetensors"] == before["model.safetensors"]


@pytest.fixture
def moved(tmp_path, monkeypatch, capsys):
    """A finished run with its data and labels, in a folder that was moved afterwards."""
    monkeypatch.chdir(tmp_path)
    here, x = Path("here"), np.random.default_rng(0).normal(size=(40, 4)).astype("f4")
    here.mkdir()
    np.save(here / "x.npy", x)
    (here / "labels.txt").write_text("\n".join("ab"[n % 2] for n in range(40)))
    small = ["--latent", "2", "--width", "8", "--epochs", "2", "--no-report"]
    assert (
        run(["train", "here/x.npy", "--labels", "here/labels.txt", "-o", "here/run", *small]) == 0
    )
    np.save("other.npy", x[:30] + 1)
    here.rename("there")
    capsys.readouterr()
    return tmp_path / "there"


RESUME = ["--resume", "there/run", "--no-report"]


def test_a_run_that_was_moved_is_told_where_its_data_lies(moved, capsys):
    before = config_of(moved / "run")
    assert run(["train", *RESUME]) == 2
    assert "here/x.npy any more: if the data lies elsewhere now, name it" in capsys.readouterr().err
    assert run(["train", "there/x.npy", *RESUME]) == 2
    assert "labels.txt any more: if the labels lie elsewhere" in capsys.readouterr().err
    assert config_of(moved / "run") == before
    assert run(["train", "there/x.npy", "--labels", "there/labels.txt", *RESUME]) == 0
    place, labels = (str(moved / name) for name in ("x.npy", "labels.txt"))
    data = {**before["data"], "open": place, "labels": labels, "name": "there/x.npy"}
    assert config_of(moved / "run") == {**before, "data": data}
    assert run(["train", *RESUME, "--epochs", "3"]) == 0
    assert run(["encode", "there/run", "-o", "codes.npy"]) == 0
    assert np.load("codes.npy").shape == (40, 2)


BESIDE_RESUME = {
    "other data": (["other.npy", "--labels", "labels.txt"], "is not the data .* start from it: vaekit train"),
    "an option of the recipe": (["--latent", "3"], "everything else from the run: leave out --latent"),
    "an option of the plan": (["--lr", "1", "--seed=3"], "leave out --lr, --seed"),
    "another recipe": (["--recipe", "iwae"], "leave out --recipe"),
    "another folder": (["-o", "elsewhere"], "leave out --output"),
    "another binarization": (["--binarize", "dynamic"], "leave out --binarize"),
    "a start": (["--start-from", "there/run"], "leave out --start-from"),
    "fewer epochs": (["there/x.npy", "--labels", "there/labels.txt", "--epochs", "1"], "for 2 epochs, which is more than 1"),
}  # fmt: skip


@pytest.mark.parametrize("what", BESIDE_RESUME)
def test_what_would_make_another_run_is_refused_in_a_line(moved, capsys, what):
    arguments, match = BESIDE_RESUME[what]
    Path("labels.txt").write_text("\n".join("a" * 30))
    before = {p: p.stat().st_size for p in moved.parent.rglob("*")}
    assert run(["train", *arguments, *RESUME]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(match, line), line
    assert {p: p.stat().st_size for p in moved.parent.rglob("*")} == before


DAMAGED = ([], {"plan": []}, {"plans": {}}, {"plans": [{"until": 1}]}, {"start": {"model": "m"}})


@pytest.mark.parametrize("found", [*DAMAGED, {"plans": [{"until": 1, "epochs": True}]}], ids=repr)
def test_a_damaged_history_is_refused(found):
    with pytest.raises(BadInput, match="history"):
        History.from_json(found)


def test_a_run_can_start_from_a_model_on_other_data(tmp_path):
    first = job_for("conv_vae")
    model = trained_in(tmp_path / "model", first)
    before = kept(model)
    other = pictures(rows=30)[::-1].copy()
    how = {"start_from": model, "epochs": 1, "lr": 1e-3}
    tuned = fit(other, out=tmp_path / "tuned", **how, checkpoint_every=1)
    assert kept(model) == before
    config, old = tuned.config, load(model).config
    assert (config.recipe, config.representation) == ("conv_vae", old.representation)
    assert (config.plan.epochs, config.plan.lr, config.plan.batch) == (1, 1e-3, old.plan.batch)
    assert config.arguments == {**old.arguments, "steps": 3, "rows": 24}
    assert config.data.rows == {"train": 24, "validation": 3, "test": 3}
    assert config.history.start.fingerprint == old.data.fingerprint
    assert config.history.start.weights == before["model.safetensors"]
    assert Config.from_json(config_of(tmp_path / "tuned")) == config
    still = fit(other, start_from=model, epochs=1, lr=1e-30, ema=0.0).model.state_dict()
    assert all(torch.equal(t, still[n]) for n, t in load(model).model.state_dict().items())


def test_what_it_started_from_is_kept_from_the_first_update_on(tmp_path):
    model = trained_in(tmp_path / "model", job_for("conv_vae"))
    other = pictures(rows=30)[::-1].copy()

    def killed(job):
        raise Killed

    how = {"start_from": model, "epochs": 2}
    fit(other, out=tmp_path / "whole", **how)
    with pytest.raises(Killed):
        fit(other, out=tmp_path / "none", before=killed, **how)
    assert not (tmp_path / "none").exists()
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr("vaekit.runs.fit.run_in", lambda *_, **__: killed(None))
        fit(other, out=tmp_path / "cut", **how)
    resume(tmp_path / "cut", other)
    assert kept(tmp_path / "cut") == kept(tmp_path / "whole")


def test_a_conditional_model_keeps_its_classes(tmp_path):
    x, words = np.random.default_rng(0).normal(size=(30, 3)), np.array(["red", "green", "blue"])
    how = {"given": "label", "latent": 2, "width": 4, "epochs": 1}
    model = tmp_path / "model"
    old = fit(x, "conditional_vae", labels=words[np.arange(30) % 3], out=model, **how)
    seen = []
    new = fit(
        x + 1, labels=words[:2][np.arange(30) % 2], start_from=model, out=tmp_path / "new",
        given="label", before=seen.append, epochs=1,
    )  # fmt: skip
    assert new.config.conditions == old.config.conditions
    (told,) = seen[0].rows("train").given.values()
    where = [old.config.conditions.each[0].classes.index(word) for word in ("red", "green")]
    assert {int(row.argmax()) for row in told} == set(where)
    resume(tmp_path / "new", x + 1, labels=words[:2][np.arange(30) % 2])
    with pytest.raises(BadInput, match="unknown label 'pink'"):
        fit(x, labels=["pink"] * 30, given="label", start_from=model)


UNSUITED = {
    "another size": ({"latent": 5}, "the model to start from holds the weights of another recipe"),
    "another likelihood": ({"likelihood": "categorical"}, "likelihood is that of the model"),
    "another colour": ({"colours": "minus_green"}, "colours is that of the model"),
    "an unknown option": ({"latnt": 5}, "did you mean 'latent'"),
    "rows of another size": (
        {"data": pictures(9)},
        "the model takes rows of 8 x 8, data has",
    ),
}


@pytest.mark.parametrize("what", UNSUITED)
def test_what_does_not_go_with_the_model_is_refused(tmp_path, what):
    options, match = UNSUITED[what]
    model = tmp_path / "model"
    fit(pictures(), latent=2, width=4, epochs=1, out=model)
    with pytest.raises(BadInput, match=match):
        fit(**{"data": pictures(rows=30), "start_from": model, "out": tmp_path / "new", **options})
    assert not (tmp_path / "new").exists()


def test_the_command_line_starts_from_a_model(moved, capsys):
    where = ["other.npy", "--start-from", "there/run", "--no-report"]
    assert run(["train", *where, "-o", "new", "--recipe", "beta_vae", "--epochs", "1"]) == 0
    assert "likelihood gaussian: as in there/run" in capsys.readouterr().err
    assert config_of(Path("new"))["recipe"] == "beta_vae"
    assert run(["inspect", "new"]) == 0
    assert f"start       from {moved / 'run'}, trained on here/x.npy" in capsys.readouterr().out
    assert run(["train", *where, "-o", "newer", "--base", "1"]) == 2
    assert run(["train", "other.npy", "--start-from", "nowhere"]) == 2
    assert "there is no model nowhere" in capsys.readouterr().err
