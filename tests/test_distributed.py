"""Batches in parts, and several processes that share them out."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from vaekit.data import Batches, Representation, open_source
from vaekit.data.source import source
from vaekit.runs.job import prepare
from vaekit.runs.run import run_here
from vaekit.system.checks import BadInput
from vaekit.system.devices import device_for
from vaekit.training.distributed import World, placed

COMMON = ["digits", "--latent", "2", "--width", "32", "--no-report", "--precision", "fp32"]


def command(*arguments):
    return [sys.executable, "-m", "vaekit", "train", *map(str, arguments)]


def torchrun(processes, *arguments):
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*start, f"--nproc-per-node={processes}", *command(*arguments)[1:]]


def started(rank, *arguments):
    """One process of two, started as a cluster's scheduler would."""
    place = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    return subprocess.Popen(
        command(*arguments),
        env={**os.environ, **place, "MASTER_PORT": PORT},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return str(found.getsockname()[1])


PORT = free_port()


def losses(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["loss"] for line in lines]


def test_two_processes_are_one_with_two_parts(tmp_path):
    """The same curve within 1e-4 nats and the same weights, whoever computes the parts."""
    one, two = tmp_path / "one", tmp_path / "two"
    common = [*COMMON, "--epochs", 3]
    done = subprocess.run(torchrun(2, *common, "-o", two), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ELBO ") == 1  # only the first process speaks
    subprocess.run(command(*common, "--parts", 2, "-o", one), check=True, capture_output=True)
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    a, b = (load_file(folder / "model.safetensors") for folder in (one, two))
    assert all(torch.allclose(a[name], b[name], atol=1e-4) for name in a)


@pytest.mark.long
def test_gradients_of_several_parts_are_exchanged_once(tmp_path):
    """Two processes with two parts each are one with four."""
    one, two = tmp_path / "one", tmp_path / "two"
    common = [*COMMON, "--epochs", 2, "--parts", 4]
    subprocess.run(torchrun(2, *common, "-o", two), check=True, capture_output=True)
    subprocess.run(command(*common, "-o", one), check=True, capture_output=True)
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)


@pytest.mark.slow
@pytest.mark.long
def test_a_killed_process_ends_the_run_clearly_and_it_resumes(tmp_path):
    run, whole = tmp_path / "run", tmp_path / "whole"
    common = [*COMMON, "--epochs", 40, "--parts", 2, "--checkpoint-every", 5]
    first, second = (started(rank, *common, "-o", run) for rank in (0, 1))
    while not (run / "checkpoint.safetensors").exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.1)
    second.send_signal(signal.SIGKILL)
    _, said = first.communicate(timeout=120)
    second.communicate()
    assert first.returncode == 2, said
    assert "process 0 of 2 lost the others" in said
    assert "--resume" in said
    assert "Traceback" not in said
    subprocess.run(command("--resume", run, "--no-report"), check=True, capture_output=True)
    subprocess.run(command(*common, "-o", whole), check=True, capture_output=True)
    assert losses(run) == pytest.approx(losses(whole), abs=1e-3)


def trained(**options):
    job = prepare(open_source("digits"), "autoencoder", latent=3, width=16, epochs=2, **options)
    run = job.run()
    run_here(run)
    return run.state


def test_parts_add_up_to_the_batch():
    """An autoencoder has no noise: one part or three, the weights are the same up to rounding."""
    whole, parts = (trained(parts=n, precision="fp32") for n in (1, 3))
    for a, b in zip(whole.parameters, parts.parameters, strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_parts_cover_each_batch_once():
    digits = open_source("digits")
    seen = prepare(digits, latent=2, epochs=1).choice.representation

    def of(mine):
        return next(Batches(digits, seen, 100, parts=3, mine=mine).from_step())

    here, there = of((0, 2)), of((1,))
    assert here.rows == there.rows == 100
    assert [(p.number, len(p.rows)) for p in here.parts] == [(0, 34), (2, 33)]
    assert [(p.number, len(p.rows)) for p in there.parts] == [(1, 33)]
    parts = (*here.parts, *there.parts)
    assert sum(part.share for part in parts) == pytest.approx(1)
    together = torch.cat([part.rows.x for part in parts]).flatten(1)
    (all_,) = next(Batches(digits, seen, 100).from_step()).parts
    whole = all_.rows.x.flatten(1)
    assert sorted(together.tolist()) == sorted(whole.tolist())


def test_an_empty_part_does_not_count():
    values = torch.arange(4.0).view(2, 2)
    batches = Batches(
        source("two", values), Representation((2,)), 2, split="all", parts=4, mine=(0, 3)
    )
    batch = next(batches.from_step())
    assert batch.rows == 2
    assert [(p.number, len(p.rows), p.share) for p in batch.parts] == [(0, 1, 0.5), (3, 1, 0.0)]


def test_last_batch_smaller_than_its_parts():
    """1,439 rows in batches of 359 leave three rows for four parts."""
    session = trained(parts=4, batch=359)
    assert all(torch.isfinite(p).all() for p in session.parameters)


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({}, World()),
        ({"SLURM_PROCID": "3", "SLURM_NTASKS": "8"}, World()),  # one task of a job without a master
        ({"MASTER_ADDR": "a", "RANK": "1", "WORLD_SIZE": "4"}, World(1, 4)),
        ({"MASTER_ADDR": "a", "SLURM_PROCID": "3", "SLURM_NTASKS": "8"}, World(3, 8)),
    ],
)
def test_place_in_the_world(variables, place):
    assert placed(variables) == place


def test_parts_are_shared_out():
    assert [list(World(rank, 3).shard_of(7)) for rank in range(3)] == [[0, 3, 6], [1, 4], [2, 5]]


def test_more_processes_than_parts_are_refused(monkeypatch):
    monkeypatch.setattr("vaekit.runs.job.world", lambda: World(0, 4))
    with pytest.raises(BadInput, match="in 2 parts, which 4 processes cannot share"):
        prepare(open_source("digits"), latent=2, epochs=1, parts=2).run()


@pytest.mark.parametrize("name", ["gpu", "meta", "cuda:7"])
def test_unknown_devices(name):
    with pytest.raises(BadInput, match=r"there is no device|not supported"):
        device_for(name)


def test_ctrl_c_says_how_to_go_on(tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(
        command(*COMMON, "--epochs", 2000, "-o", run),
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (run / "metrics.jsonl").exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "go on with: vaekit train --resume" in said
    assert "Traceback" not in said


def test_a_mistake_is_said_once(tmp_path):
    """A run that is there already: one process sees it, both end, one speaks."""
    run = tmp_path / "run"
    subprocess.run(command(*COMMON, "--epochs", 1, "-o", run), check=True, capture_output=True)
    both = [started(rank, *COMMON, "--epochs", 1, "-o", run) for rank in (0, 1)]
    said = [process.communicate(timeout=60)[1] for process in both]
    assert [process.returncode for process in both] == [2, 2]
    assert "already holds a run" in said[0]
    assert "vaekit:" not in said[1]


def test_a_gpu_of_its_own_for_each_task(monkeypatch):
    """Slurm may show each task one GPU, whatever its number."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setenv("SLURM_LOCALID", "3")
    assert device_for("cuda") == torch.device("cuda", 0)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    assert device_for("cuda") == torch.device("cuda", 3)
