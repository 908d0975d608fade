"""Plans, the loop, divergence, averaging, checkpoints, and going on bit for bit."""

import copy
import hashlib
import math
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from parts import VECTOR, model, rows
from torch import nn

import vaekit
from vaekit import recipes
from vaekit.data import Batches, Representation, open_source
from vaekit.data.source import source
from vaekit.interfaces.cli import run as command
from vaekit.models.drawing import Generator
from vaekit.objectives import Objective, Term
from vaekit.objectives.bounds import elbo
from vaekit.rows import Rows
from vaekit.runs.job import prepare
from vaekit.runs.run import Interrupted, Run, run_here, run_in
from vaekit.system.checks import BadInput
from vaekit.system.seeding import generator_for, seed_for, seeded
from vaekit.training import (
    Diverged,
    Meter,
    Metrics,
    Plan,
    TrainingState,
    latest_checkpoint,
    load_checkpoint,
    read_metrics,
    save_checkpoint,
    train,
)
from vaekit.training.plan import Length, Suited
from vaekit.training.validation import validate


def session(steps=20, seed=0, **plan):
    torch.manual_seed(3)
    m = model()
    return TrainingState(m, Objective(elbo), Plan(seed=seed, **plan), steps)


def batches(rows_=40):
    torch.manual_seed(4)
    data = source("x", rows(model().likelihood.family, rows_))
    return Batches(data, Representation(VECTOR), 8)


def weights(m):
    return torch.cat([p.detach().flatten() for p in m.parameters()])


class TestPlan:
    def test_bad_numbers_are_refused(self):
        for bad, message in (
            ({"batch": 0}, "batch must be at least 1"),
            ({"epochs": -1}, "epochs must not be negative"),
            ({"lr": 0.0}, "lr must be above 0"),
            ({"warmup": 1.0}, "warmup must be"),
            ({"ema": -0.1}, "ema must be"),
            ({"decay": "cosin"}, "did you mean 'cosine'"),
        ):
            with pytest.raises(BadInput, match=message):
                Plan(**bad)

    def test_learning_rate_rises_then_falls(self):
        rate = Plan(lr=2.0, warmup=0.1, decay="cosine").learning_rate(100)
        values = [rate(s) for s in range(100)]
        assert 0 < values[0] < values[5] < 2.0
        assert max(values) == pytest.approx(values[10])
        assert values[-1] < 0.01
        assert {Plan(lr=2.0, warmup=0.0).learning_rate(9)(s) for s in range(9)} == {2.0}

    def test_epochs_follow_the_data(self):
        assert Plan().sized(1).epochs == 2000
        assert Plan().sized(12).epochs == 334
        assert Plan().sized(150).epochs == 27
        assert Plan().sized(5000).epochs == 20
        assert Plan(epochs=3).sized(12).epochs == 3
        assert Plan().sized(1, Length(most=300)).epochs == 300
        assert Plan().sized(150, Length(updates=2000, fewest=4)).epochs == 14
        assert Plan().sized(5000, Length(updates=2000, fewest=4)).epochs == 4

    def test_large_tables_are_trained_in_larger_batches(self):
        small, large = (recipes.suited("table_vae", rows) for rows in (23_999, 24_000))
        assert small.plan == {}
        assert Plan(**large.plan).batch == 512
        assert Plan().sized(57, large.length).epochs == 36
        assert Plan().sized(57, small.length).epochs == 71
        assert recipes.suited("vae", 24_000) == Suited()


class TestSeeds:
    def test_seeds_depend_on_every_part(self):
        assert len({seed_for(0), seed_for(1), seed_for(0, "a"), seed_for("a", 0)}) == 4
        assert torch.equal(
            torch.rand(3, generator=generator_for(1)), torch.rand(3, generator=generator_for(1))
        )

    def test_global_state_is_put_back(self):
        torch.manual_seed(9)
        expected = torch.rand(2)
        torch.manual_seed(9)
        with seeded("inside"):
            inside = torch.rand(2)
        assert torch.equal(torch.rand(2), expected)
        with seeded("inside"):
            assert torch.equal(torch.rand(2), inside)

    def test_also_after_an_error(self):
        torch.manual_seed(9)
        with pytest.raises(ValueError, match="x"), seeded("inside"):
            raise ValueError("x")
        after = torch.rand(2)
        torch.manual_seed(9)
        assert torch.equal(after, torch.rand(2))


class TestLoop:
    def test_it_learns(self):
        data = source("x", torch.tensor([[1.0, 0, 1, 0, 1, 0]]).repeat(40, 1))
        s = session(300, lr=1e-2)
        steps = train(s, Batches(data, Representation(VECTOR), 8).from_step())
        losses = [float(step.loss.total) for step in steps]
        assert len(losses) == 300
        assert losses[0] > 3
        assert sum(losses[-10:]) / 10 < 0.2

    def test_training_leaves_the_global_generators_alone(self):
        steps = train(session(), batches().from_step())
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        for _ in steps:
            pass
        assert torch.equal(torch.rand(3), expected)

    def test_same_seed_same_weights(self):
        ends = []
        for seed in (0, 0, 1):
            s = session(seed=seed)
            for _ in train(s, batches().from_step()):
                pass
            ends.append(weights(s.model))
        assert torch.equal(ends[0], ends[1])
        assert not torch.equal(ends[0], ends[2])

    @pytest.mark.parametrize("stop", [1, 7, 13, 19])
    def test_a_checkpoint_goes_on_bit_for_bit(self, stop, tmp_path):
        whole = session(ema=0.9)
        for _ in train(whole, batches().from_step()):
            pass
        first = session(ema=0.9)
        for step in train(first, batches().from_step()):
            if step.number == stop:
                break
        save_checkpoint(tmp_path, first, {"a": 1.1})
        second = session(ema=0.9)
        with torch.no_grad():
            for p in second.model.parameters():
                p.zero_()
        assert load_checkpoint(latest_checkpoint(tmp_path), second) == {"a": 1.1}
        for _ in train(second, batches().from_step(second.step)):
            pass
        assert torch.equal(weights(whole.model), weights(second.model))
        assert torch.equal(weights(whole.averaged), weights(second.averaged))

    def test_gradients_are_clipped(self):
        s = session(1, clip=1e-3, lr=1.0)
        next(iter(train(s, batches().from_step())))
        total = sum(m["exp_avg"].square().sum() for m in s.optimizer.state.values()).sqrt()
        assert total.item() == pytest.approx(1e-4, rel=1e-3)

    def test_averaged_weights_lag_behind(self):
        s = session(50, ema=0.99, lr=1e-2)
        start = weights(s.model).clone()
        for _ in train(s, batches().from_step()):
            pass
        moved = (weights(s.model) - start).norm()
        assert 0 < (weights(s.averaged) - start).norm() < moved

    def test_what_generates_lags_behind_what_infers_in_the_first_fifth(self):
        s = session(30, lag=2, warmup=0.0)
        assert [s.pace(step) for step in range(8)] == [0, 0, 1, 0, 0, 1, 1, 1]
        of = {name: getattr(s.model, name) for name in ("posterior", "likelihood")}
        before, moved = {n: weights(part) for n, part in of.items()}, {n: [] for n in of}
        for _ in train(s, batches().from_step()):
            for name, part in of.items():
                now = weights(part)
                moved[name].append(not torch.equal(now, before[name]))
                before[name] = now
        assert all(moved["posterior"])
        assert moved["likelihood"] == [s.pace(step) == 1 for step in range(30)]

    @pytest.mark.parametrize("recipe", ["vae", "ladder_vae", "m2_vae"])
    def test_all_that_sees_x_infers(self, recipe):
        shape = (16,)
        given = {"given": {"label": 3}, "rows": 9, "labelled": 3} if recipe == "m2_vae" else {}
        how = {"width": 4, "likelihood": "bernoulli", **given}
        made = recipes.recipe(recipe)(shape=shape, **how).model
        ahead = {p for part in made.inferring for p in part.parameters()}
        told = {"label": torch.eye(3)} if given else {}
        made.eval()
        drawn = made(Generator(3), Rows(None, told))
        drawn.log_prob(torch.ones(3, *shape)).sum().backward()
        behind = {p for p in made.parameters() if p.grad is not None}
        assert not behind & ahead
        assert len(behind | ahead) == len([*made.parameters()])

    def test_a_critics_weights_train_in_the_same_pass(self):
        from test_core import Linear

        critic = Linear(lr=3e-3)
        before = critic.net.weight.detach().clone()
        s = TrainingState(model(), Objective(elbo, Term("critic", 1.0, critic)), Plan(), 5)
        for _ in train(s, batches().from_step()):
            pass
        assert not torch.equal(before, critic.net.weight)
        model_s, critic_s = s.optimizer.param_groups
        assert critic_s["lr"] == pytest.approx(3 * model_s["lr"])

    def test_a_critics_own_loss_stays_out_of_validation(self):
        from test_core import Linear

        m, x = model(), batches().source.values[:20]
        with_critic = Objective(elbo, Term("critic", 1.0, Linear()))
        found = [validate(m, o, [Rows(x)], 0, seed=1) for o in (Objective(elbo), with_critic)]
        assert found[0]["loss"] == pytest.approx(found[1]["loss"], rel=1e-6)


class Broken(nn.Module):
    """A network that gives NaN from its third call on."""

    def __init__(self, net):
        super().__init__()
        self.net, self.calls = net, 0

    def forward(self, x):
        self.calls += 1
        return self.net(x) * (math.nan if self.calls > 2 else 1)


class TestDivergence:
    def test_it_stops_before_the_weights_are_touched(self):
        s = session()
        s.model.likelihood.net = Broken(s.model.likelihood.net)
        seen = []
        with pytest.raises(Diverged, match="reconstruction became nan at step 3") as caught:
            for _ in train(s, batches().from_step()):
                seen.append(weights(s.model).clone())
        assert (caught.value.step, caught.value.term) == (3, "reconstruction")
        assert torch.equal(seen[-1], weights(s.model))
        assert torch.isfinite(weights(s.model)).all()

    def test_a_bad_gradient_is_named(self):
        s = session()

        class Steep(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x.clone()

            @staticmethod
            def backward(ctx, g):
                return g * math.inf

        s.objective.terms = (Term("steep", 1.0, lambda t: Steep.apply(t.kl.sum())),)
        with pytest.raises(Diverged, match="gradient became"):
            list(train(s, batches().from_step()))

    def test_the_last_good_checkpoint_is_kept(self, tmp_path):
        job = prepare(open_source("digits"), latent=2, width=16, epochs=2)
        built = job.built
        built.model.likelihood.net = Broken(built.model.likelihood.net)
        run = Run(built, job.batches, job.rows("validation").split(), job.plan, job.steps)
        with pytest.raises(Diverged, match=r"step 3 \(epoch 1\); the last good state is kept in"):
            run_in(tmp_path, run, checkpoint_every=1)
        assert (tmp_path / "checkpoint.safetensors").stat().st_size > 0

    def test_what_to_do_is_said_once_and_a_copy_says_the_same(self):
        error = copy.copy(Diverged(3, "loss", math.nan, " (epoch 1); kept"))
        assert isinstance(error, ArithmeticError)
        assert (error.step, error.term) == (3, "loss")
        said = "loss became nan at step 3 (epoch 1); kept; try a lower learning rate (--lr, in Py"
        assert str(error).startswith(said)
        assert str(error).count("try ") == 1

    @pytest.mark.parametrize("in_folder", [False, True])
    def test_a_validation_loss_that_never_was_finite_is_told(self, in_folder, tmp_path):
        """The only update makes weights of them with which nothing can be computed."""
        x = np.random.default_rng(0).normal(size=(60, 4))
        out = tmp_path / "run" if in_folder else None
        told = r"validation loss became (inf|nan) at step 1, and was .*; try a lower learning rate"
        with pytest.raises(vaekit.Diverged, match=told) as error:
            vaekit.fit(x, lr=1e4, epochs=1, out=out, quiet=True)
        assert error.value.term == "validation loss"
        if out is not None:
            with pytest.raises(vaekit.Diverged, match="so that no weights are kept"):
                vaekit.resume(out, x)
            told = r"training diverged \(validation loss became .* at step 1\): try a lower"
            with pytest.raises(vaekit.system.checks.BadInput, match=told):
                vaekit.load(out)
            vaekit.fit(x, lr=1e-3, epochs=1, out=out, quiet=True, force=True)
            assert not (out / "failed.json").exists()
            assert len(vaekit.load(out).encode(x)) == 60

    @pytest.mark.parametrize("folder", [[], ["--seeds", "2"]])
    def test_at_the_command_line_it_is_one_line_and_an_exit_code(
        self, folder, tmp_path, monkeypatch, capsys
    ):
        monkeypatch.chdir(tmp_path)
        np.save("rows.npy", np.random.default_rng(0).normal(size=(60, 4)))
        how = ["--lr", "1e4", "--epochs", "1", "-o", "c", "--quiet", *folder]
        assert command(["train", "rows.npy", *how]) == 1
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert "validation loss became" in said
        assert said.count("--lr") == said.count("--clip") == 1

    @pytest.mark.parametrize("never", [math.nan, math.inf, -math.inf])
    def test_only_a_finite_validation_loss_can_be_the_best(self, never, monkeypatch):
        job = prepare(open_source("digits"), latent=2, width=16, epochs=3)
        losses = iter([never, 5.0, never])
        monkeypatch.setattr("vaekit.runs.run.validate", lambda *_: {"loss": next(losses)})
        run, kept = job.run(), []
        run_here(run, lambda run: kept.append(bool(run.weights)))
        assert run.best == 5.0
        assert kept == [False, True, True]


class TestRun:
    def make(self, **options):
        job = prepare(open_source("digits"), latent=2, width=16, **{"epochs": 3, **options})
        return job.run()

    def test_metrics_are_means_over_rows(self, tmp_path):
        run = self.make(kl_warmup=0.0)
        run_in(tmp_path, run)
        lines = read_metrics(tmp_path / "metrics.jsonl")
        assert [(v["epoch"], v["split"]) for v in lines] == [
            (e, s) for e in (1, 2, 3) for s in ("train", "validation")
        ]
        for line in lines:
            assert line["loss"] == pytest.approx(line["reconstruction"] + line["kl"], rel=1e-5)

    def test_the_best_epoch_is_kept(self, tmp_path):
        run = self.make(epochs=4)
        run_in(tmp_path, run)
        best = min(
            v["loss"]
            for v in read_metrics(tmp_path / "metrics.jsonl")
            if v["split"] == "validation"
        )
        assert run.best == best

    def test_patience_ends_a_run_that_does_not_improve(self):
        run = self.make(epochs=60, lr=1e-12, patience=3, warmup=0.0)
        run.best = 0.0
        run.keep_best()
        run_here(run)
        assert run.epoch == 3

    def test_running_in_memory_equals_running_in_a_folder(self, tmp_path):
        here, there = self.make(), self.make()
        run_here(here)
        run_in(tmp_path, there)
        assert torch.equal(weights(here.best_model()), weights(there.best_model()))

    def test_tensorboard_events_are_written(self, tmp_path):
        run_in(tmp_path, self.make(epochs=1), tensorboard=True)
        assert list((tmp_path / "tensorboard").glob("events*"))

    def test_asked_to_stop_it_saves_and_says_how_to_go_on(self, tmp_path):
        run = self.make(epochs=50)
        whole = self.make(epochs=50)
        original = run.steps

        def interrupted():
            for step in original():
                if step.number == 17:
                    signal.raise_signal(signal.SIGINT)
                yield step

        run.steps = interrupted
        with pytest.raises(
            Interrupted, match="stopped at step 17 of 600; go on with: vaekit train --resume"
        ):
            run_in(tmp_path, run)
        again = self.make(epochs=50)
        run_in(tmp_path, again, resume=True)
        run_here(whole)
        assert torch.equal(weights(whole.state.model), weights(again.state.model))
        assert torch.equal(weights(whole.state.averaged), weights(again.state.averaged))

    def test_dropped_lines_are_written_again(self, tmp_path):
        path = tmp_path / "m.jsonl"
        path.write_text('{"step": 1}\n{"step": 2}\n{"st')
        Metrics(path).keep_until(1)
        assert read_metrics(path) == [{"step": 1}]
        Metrics(path).write({"step": 2, "x": math.nan})
        assert read_metrics(path) == [{"step": 1}, {"step": 2}]

    def test_meters_weigh_by_rows(self):
        from vaekit.objectives import Loss
        from vaekit.training import Step

        meter = Meter()
        for size, value in ((3, 1.0), (1, 5.0)):
            meter.add(Step(1, size, Loss(torch.tensor(value), {}), 0.1))
        assert meter.means() == {"loss": 2.0}

    def test_damaged_checkpoints_are_refused(self, tmp_path):
        save_checkpoint(tmp_path, session(), {})
        path = latest_checkpoint(tmp_path)
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(BadInput, match="cannot read checkpoint"):
            load_checkpoint(path, session())


SETTINGS = [
    "--latent",
    "2",
    "--width",
    "8",
    "--epochs",
    "40",
    "--checkpoint-every",
    "5",
    "--no-report",
    "--threads",
    "1",
]


def start(*arguments):
    command = [sys.executable, "-m", "vaekit", "train", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
@pytest.mark.long
def test_killed_again_and_again_it_ends_as_if_never_interrupted(tmp_path):
    """SIGKILL at random moments; every time the run goes on; the model is the same, bit for bit."""
    import random
    import time

    random.seed(0)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    vaekit.fit("digits", latent=2, width=8, epochs=40, out=whole, checkpoint_every=5)
    kills = 0
    process = start("digits", "-o", str(broken), *SETTINGS)
    while kills < 8:
        path, before = broken / "checkpoint.safetensors", _stamp(broken)
        deadline = time.time() + 60
        while _stamp(broken) == before and process.poll() is None and time.time() < deadline:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.05))
        if process.poll() is None:
            process.kill()
            kills += 1
        process.wait()
        assert path.exists()
        process = start(
            "--resume", str(broken), "--no-report", "--threads", "1", "--checkpoint-every", "5"
        )
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    lines = [
        [
            {k: v for k, v in line.items() if k != "seconds"}
            for line in read_metrics(f / "metrics.jsonl")
        ]
        for f in (whole, broken)
    ]
    assert lines[0] == lines[1]
    left = {p.name for p in broken.iterdir()} - {"scores.json"}
    assert left == {p.name for p in whole.iterdir()}
    for name in ("model.safetensors", "checkpoint.safetensors"):
        assert _digest(broken / name) == _digest(whole / name)


def _stamp(folder):
    path = folder / "checkpoint.safetensors"
    return path.stat().st_mtime_ns if path.exists() else 0


def _digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
