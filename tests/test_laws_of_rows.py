"""Rows are the same rows wherever they lie, in whatever parts, however an update is done."""

import json
from itertools import product

import numpy as np
import pytest
import torch
from tape import Tape

import vaekit
from vaekit.data import on_disk, open_source
from vaekit.interfaces.cli import run
from vaekit.rows import Batch
from vaekit.runs.job import prepare
from vaekit.system.checks import BadInput
from vaekit.training.cuda_graphs import WARM, CapturedUpdates
from vaekit.training.loop import compute, updated

SMALL = {"latent": 2, "width": 8, "epochs": 1, "precision": "fp32"}
KINDS = {
    "real": (lambda rng: rng.normal(size=(700, 6)).astype(np.float32), {}),
    "levels": (lambda rng: rng.integers(0, 256, (700, 1, 4, 4), np.uint8), {}),
    "random x": (
        lambda rng: rng.integers(0, 256, (700, 1, 4, 4), np.uint8),
        {"binarize": "dynamic"},
    ),
}


@pytest.fixture(params=KINDS)
def rows(request, tmp_path, monkeypatch):
    """More rows than fit into one block, in memory and in a file that is too large for memory."""
    make, options = KINDS[request.param]
    x = make(np.random.default_rng(0))
    np.save(tmp_path / "x.npy", x)
    monkeypatch.setattr(on_disk, "LARGEST_IN_MEMORY", 8000)
    path = tmp_path / "x.npy"
    assert isinstance(open_source(path).values, on_disk.OnDisk)
    return x, path, options


class TestMemoryIsDisk:
    def test_x_is_the_same(self, rows):
        x, path, options = rows
        jobs = [prepare(open_source(data), **SMALL, **options) for data in (x, path)]
        for split in ("train", "validation", "test", "all"):
            here, there = (job.rows(split) for job in jobs)
            assert torch.equal(here[:].data, there[:].data)
            assert torch.equal(here[3:560].data, there[:].data[3:560])
            pieces = [part.data for part in there.split(77)]
            assert torch.equal(torch.cat(pieces), here[:].data)

    def test_a_model_says_the_same_of_both(self, rows):
        x, path, options = rows
        model = vaekit.fit(path, **SMALL, **options)
        for ask in (
            model.encode,
            model.reconstruct,
            lambda data: model.log_likelihood(data, samples=3),
            lambda data: model.elbo(data, samples=3),
        ):
            assert np.asarray(ask(x)) == pytest.approx(np.asarray(ask(path)), abs=1e-5)
        one, other = (numbers(model.evaluate(d, split="all", samples=3)) for d in (x, path))
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)

    def test_python_and_the_command_line_say_the_same(self, rows, tmp_path, capsys):
        _, path, options = rows
        folder = tmp_path / "run"
        model = vaekit.fit(path, **SMALL, **options, out=folder)
        for split, named in product((None, "validation", "all"), ([], [str(path)])):
            wanted = [] if split is None else ["--split", split]
            code = run(["evaluate", str(folder), *named, *wanted, "--samples", "3", "--json"])
            out, err = capsys.readouterr()
            assert code == 0, err
            found = model.evaluate(*named, split=split, samples=3)
            said = json.loads(out)
            assert found.rows == said["rows"]
            assert said["elbo"] == pytest.approx(found.elbo), (split, named)
            assert said["log_likelihood"] == pytest.approx(found.log_likelihood), (split, named)


def numbers(scores):
    """All numbers of an evaluation, by name."""
    return {n: v for n, v in scores.to_dict().items() if isinstance(v, int | float)}


def state_of(parts=1, **options):
    """A training in so many parts, and its first batch."""
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    job = prepare(open_source(x), parts=parts, batch=16, **{**SMALL, **options})
    state = job.run().state
    state.model.train()
    return state, next(iter(job.batches.from_step()))


def loss(state, batch, step=0):
    """Of a batch, by the noise of a step."""
    state.step = step
    for parameter in state.parameters:
        parameter.grad = None
    return compute(state, batch)


class TestPartsAreTheWhole:
    @pytest.mark.parametrize("parts", [2, 3, 4, 20])
    def test_where_nothing_is_random_the_loss_and_its_gradient_are_the_same(self, parts):
        found = []
        for number in (1, parts):
            state, batch = state_of(number, link="exp", clip=0.0)
            with torch.no_grad():
                *_, last = state.model.posterior.net.parameters()
                last[2:] = -50.0  # log variances
            total = loss(state, batch)
            found.append((total, [p.grad.clone() for p in state.parameters]))
        (one, whole), (other, summed) = found
        assert torch.allclose(one.total, other.total, rtol=1e-5)
        for name, value in one.terms.items():
            assert torch.allclose(value, other.terms[name], rtol=1e-5), name
        assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(whole, summed, strict=True))

    @pytest.mark.parametrize("recipe", ["vae", "iwae"])
    def test_where_something_is_the_loss_has_the_same_law(self, recipe):
        found = []
        for parts in (1, 2, 4):
            state, batch = state_of(parts, recipe=recipe)
            found.append(torch.stack([loss(state, batch, n).total for n in range(80)]))
        for other in found[1:]:
            error = (found[0].var() / 80 + other.var() / 80).sqrt()
            assert (found[0].mean() - other.mean()).abs() < 4 * error
            assert 0.6 < found[0].std() / other.std() < 1.6

    @pytest.mark.parametrize("parts", [2, 4])
    def test_a_term_of_the_whole_batch_is_refused(self, parts):
        with pytest.raises(BadInput, match="total_correlation looks at a batch as a whole") as said:
            state_of(parts, recipe="beta_tcvae")
        assert "\n" not in str(said.value)


def told(kind):
    """A training of a kind, and its batches."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, 1, 4, 4), np.uint8)
    options = {"batch": 12, "epochs": 4, **{k: v for k, v in SMALL.items() if k != "epochs"}}
    recipe, given = "vae", ()
    if "given" in kind:
        recipe, given = "conditional_vae", ("label",)
        options["drop"] = 0.5 if "withheld" in kind else 0.0
    if "random x" in kind:
        options["binarize"] = "dynamic"
    source = open_source(x, labels=rng.integers(0, 3, 60), given=given)
    job = prepare(source, recipe, **options)
    state = job.run().state
    state.model.train()
    return state, job.batches


@pytest.mark.parametrize(
    "kind", ["x", "random x", "given", "given, withheld", "given, withheld, random x"]
)
class TestCapturedIsUncaptured:
    def test_the_same_losses_and_weights(self, kind):
        state, batches = told(kind)
        asked = [
            float(updated(state, b).loss.total)
            for b, _ in zip(batches.from_step(), range(14), strict=False)
        ]
        expected = [p.detach().clone() for p in state.averaged.parameters()]
        state, batches = told(kind)
        tape = Tape()
        captured = CapturedUpdates(state, tape)
        played = [
            float(captured.update(b).loss.total)
            for b, _ in zip(batches.from_step(), range(14), strict=False)
        ]
        assert captured.refused == ""
        assert tape.plays >= 14 - WARM - 3
        assert played == pytest.approx(asked, rel=1e-3)
        for one, other in zip(expected, state.averaged.parameters(), strict=True):
            assert torch.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("kind", ["given", "given, withheld"])
def test_what_is_given_is_among_what_changes(kind):
    """Another thing given in the next batch changes the next loss."""
    state, batches = told(kind)
    captured = CapturedUpdates(state, Tape())
    stream = batches.from_step()
    for _ in range(WARM + 3):
        captured.update(next(stream))
    held = captured.static
    batch = next(stream)
    captured.update(Batch.whole(batch.parts[0].rows))
    for name, values in batch.parts[0].rows.given.items():
        assert torch.equal(held.given[name], values)
