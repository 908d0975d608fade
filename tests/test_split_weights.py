"""Weights split over processes, and checkpoints of which each process writes a share."""

import json
import os
import shutil
import signal
import time

import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file
from test_core import Linear
from test_distributed import COMMON, free_port, losses, started

from vaekit.data import open_source
from vaekit.models.trace import replay, trace
from vaekit.objectives import Objective, Term, bounds
from vaekit.runs.fit import fit, prepare, resume
from vaekit.runs.trained import load
from vaekit.system.checks import BadInput
from vaekit.system.seeding import seeded
from vaekit.training import (
    TrainingState,
    latest_checkpoint,
    load_checkpoint,
    save_checkpoint,
    train,
)
from vaekit.training.validation import validate

OPTIONS = {"latent": 2, "width": 300, "parts": 2, "precision": "fp32"}
WIDE = [*COMMON[:3], "--width", "300", *COMMON[5:], "--parts", "2"]  # layers above fsdp.LARGE


def both(*arguments):
    """Two processes of a run that splits its weights."""
    return [started(rank, *arguments, "--shard") for rank in (0, 1)]


def same_weights(one, two, within=1e-4):
    a, b = (load_file(folder / "model.safetensors") for folder in (one, two))
    assert {k: v.shape for k, v in a.items()} == {k: v.shape for k, v in b.items()}
    return all(torch.allclose(a[name], b[name], atol=within) for name in a)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of one process in two parts."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    fit("digits", out=folder, epochs=8, **OPTIONS)
    return folder


def test_split_stopped_and_resumed_whole_it_is_one_run(tmp_path, whole):
    """Two processes with half of the weights each, then one with all, give the curve of one."""
    run = tmp_path / "run"
    processes = both(*WIDE, "--epochs", 8, "--checkpoint-every", 5, "-o", run)
    while not (run / "checkpoint.json").exists():
        assert processes[0].poll() is None, processes[0].stderr.read()
        time.sleep(0.02)
    processes[1].send_signal(signal.SIGTERM)
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [130, 130], said
    before = losses(run)
    assert before == pytest.approx(losses(whole)[: len(before)], abs=1e-4)
    assert len(before) < len(losses(whole))
    resume(run)
    assert losses(run) == pytest.approx(losses(whole), abs=1e-3)
    assert same_weights(run, whole, within=1e-3)
    assert {p.name for p in run.iterdir()} == {p.name for p in whole.iterdir()}


def session(recipe="vae", *, split=False, ema=0.9):
    """A model with a critic beside it, a single number among its weights, and its batches."""
    options = {"width": 300, "epochs": 1, "parts": 4, "precision": "fp32", "ema": ema}
    job = prepare(open_source("digits"), recipe, latent=3, likelihood="student_t", **options)
    with seeded(5):
        objective = job.built.objective.plus(Term("critic", 1.0, Linear()))
    made = TrainingState(job.built.model, objective, job.plan, job.steps, shard=split)
    return made, job.batches, job.rows("validation").split(70)


def go_on(made, batches, until):
    for step in train(made, batches.from_step(made.step)):
        if step.number == until:
            return


def look(made, chunks):
    found = validate(made.averaged, made.objective, chunks, made.step, 0, made.world)["loss"]
    made.back_to_training()
    return found


CASES = [("vae", 0.9), ("vae", 0.0), ("dreg", 0.9)]


def reference(folder, recipe, ema):
    """One process: five steps, a checkpoint, five more; what it says on the way."""
    made, batches, chunks = session(recipe, ema=ema)
    go_on(made, batches, 5)
    save_checkpoint(folder, made, {})
    first = look(made, chunks)
    go_on(made, batches, 10)
    return first, look(made, chunks), made.tensors()


def in_a_process(rank, port, size, folder):
    """What each of several processes does for every case; mistakes are raised in the test."""
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    dist.init_process_group("gloo", rank=rank, world_size=size)
    for recipe, ema in CASES:
        place = folder / f"{recipe}-{ema}"
        expected = load_file(place / "expected")
        made, batches, chunks = session(recipe, split=True, ema=ema)
        assert share(made.parameters) < 1.1 / size
        go_on(made, batches, 5)
        assert look(made, chunks) == pytest.approx(float(expected["first"]), abs=1e-4)
        save_checkpoint(place / "split", made, {"a": 1})
        go_on(made, batches, 10)
        assert look(made, chunks) == pytest.approx(float(expected["last"]), abs=1e-4)
        memory = [m["exp_avg"] for m in made.optimizer.state.values()]
        assert share([*memory, *made.averaged.parameters()]) < 1.1 / size
        again, *_ = session(recipe, split=True, ema=ema)
        for path in (place / "split/checkpoint.json", place / "whole/checkpoint.safetensors"):
            load_checkpoint(path, again)
            assert again.step == 5
            go_on(again, batches, 10)
            assert look(again, chunks) == pytest.approx(float(expected["last"]), abs=1e-4)
    stopped_between(made, folder / "between")
    fit("digits", out=folder / "run", epochs=4, shard=True, **OPTIONS)
    dist.barrier()
    os._exit(0)  # threads of connections that others have closed can crash Python's usual end


def share(tensors):
    """Of all numbers, how many this process holds."""
    held = sum(tensor.to_local().numel() for tensor in tensors)
    return held / sum(tensor.numel() for tensor in tensors)


def stopped_between(made, folder):
    """A checkpoint whose shares are written and whose name is not, after one that is whole."""
    save_checkpoint(folder, made, {"number": 1})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vaekit.training.checkpoint._switch", lambda folder, header: None)
        made.step += 1
        save_checkpoint(folder, made, {"number": 2})


@pytest.fixture(scope="module")
def shares(tmp_path_factory):
    """Two processes train every case; the folders they leave, and the last tensors of one."""
    from safetensors.torch import save_file

    folder, ends = tmp_path_factory.mktemp("shares"), {}
    (folder / "between").mkdir()
    for recipe, ema in CASES:
        place = folder / f"{recipe}-{ema}"
        for inside in ("split", "whole"):
            (place / inside).mkdir(parents=True)
        first, last, ends[place.name] = reference(place / "whole", recipe, ema)
        said = {"first": torch.tensor(first), "last": torch.tensor(last)}
        save_file(said, place / "expected")
    torch.multiprocessing.spawn(in_a_process, (free_port(), 2, folder), nprocs=2)
    return folder, ends


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "ema"), CASES)
def test_shares_are_read_by_one_process(shares, recipe, ema):
    """Weights, a critic's, averages and the optimiser's memory, single numbers among them."""
    folder, ends = shares
    made, batches, _ = session(recipe, ema=ema)
    path = latest_checkpoint(folder / f"{recipe}-{ema}" / "split")
    assert load_checkpoint(path, made) == {"a": 1}
    go_on(made, batches, 10)
    expected, found = ends[f"{recipe}-{ema}"], made.tensors()
    assert expected.keys() == found.keys()
    apart = [(found[name] - expected[name]).abs().flatten() for name in found]
    assert all(a.max() < 1e-3 for a in apart)  # rounding moves a few weights that hardly learn
    assert torch.cat(apart).mean() < 1e-6


def test_a_checkpoint_stands_until_the_next_is_whole(shares):
    folder, made = shares[0] / "between", session("dreg")[0]
    assert {p.name for p in folder.iterdir()} == {
        "checkpoint.json", "checkpoint-1", "checkpoint-2",
    }  # fmt: skip
    assert load_checkpoint(latest_checkpoint(folder), made) == {"number": 1}
    save_checkpoint(folder, made, {"number": 3})
    assert [p.name for p in folder.iterdir()] == ["checkpoint.safetensors"]


def named(folder, name):
    path = folder / "checkpoint.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "folder": name}))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda folder: next(folder.glob("*/*.safetensors")).unlink(), "holds 1 of 2 files"),
        (lambda folder: os.truncate(next(folder.glob("*/*.safetensors")), 99), "cannot read"),
        (lambda folder: os.truncate(folder / "checkpoint.json", 9), "cannot read checkpoint"),
        (lambda folder: (folder / "checkpoint.json").write_text("{}"), "is not a checkpoint"),
        (lambda folder: named(folder, "../elsewhere"), "does not name"),
    ],
)
def test_damaged_shares_are_refused(shares, tmp_path, harm, message):
    folder = tmp_path / "copy"
    shutil.copytree(shares[0] / "vae-0.9" / "split", folder)
    harm(folder)
    with pytest.raises(BadInput, match=message):
        load_checkpoint(latest_checkpoint(folder), session()[0])


def test_split_to_the_end(shares, tmp_path):
    """The same curve within 1e-4 nats, the same file of weights, and a model like any other."""
    run, one = shares[0] / "run", tmp_path / "one"
    fit("digits", out=one, epochs=4, **OPTIONS)
    assert losses(run) == pytest.approx(losses(one), abs=1e-4)
    assert same_weights(run, one)
    assert load(run).evaluate(open_source("digits"), samples=2).elbo < 0


def test_nothing_is_pickled(shares):
    files = {p.suffix for p in (shares[0] / "vae-0.9" / "split").rglob("*") if p.is_file()}
    assert files == {".json", ".safetensors"}


def test_one_process_holds_all():
    assert not session(split=True)[0].weights.are_sharded
    assert fit("digits", latent=2, width=8, epochs=1, shard=True).latent == 2


def test_bounds_that_replay_are_named():
    """A bound that runs the model again needs its weights gathered: it must say so."""
    found = {n: b for n, b in vars(bounds).items() if isinstance(b, bounds.Bound)}
    using = {n for n, b in found.items() if {"replay", "frozen_log_q"} & names_in(b.value)}
    assert using == {n for n, b in found.items() if b.replays} == {"dreg", "path_elbo"}
    assert Objective(bounds.piwae(2)).bound.replays
    assert not Objective(bounds.elbo).bound.replays


def names_in(function):
    """Names that a function of the module uses, in functions inside it too."""
    if getattr(function, "__module__", "") != bounds.__name__:
        return set()
    inner = [
        c.co_names for c in function.__code__.co_consts if isinstance(c, type(function.__code__))
    ]
    return {*function.__code__.co_names}.union(*inner)


def test_weights_that_are_not_gathered_are_not_replayed():
    made, batches, _ = session()
    t = trace(made.model, next(batches.from_step()).parts[0].rows)

    class Elsewhere(torch.nn.Parameter):
        pass

    layer = next(m for m in made.model.modules() if isinstance(m, torch.nn.Linear))
    layer.weight = Elsewhere(layer.weight)
    with pytest.raises(TypeError, match="not gathered here"):
        replay(t)
