"""Updates that are recorded and played do what updates do that Python asks for.

CUDA graphs need a GPU; here a tape stands in for them that holds to the same rules. Where there is
a GPU, the last tests use it.
"""

import warnings
from dataclasses import replace

import pytest
import torch
from parts import OF_NUMBERS, digits_for
from tape import Tape

import vaekit
from vaekit import recipes
from vaekit.data import open_source
from vaekit.families.catalogue import LIKELIHOODS
from vaekit.objectives import Term
from vaekit.recipes.recipe import Built
from vaekit.rows import Batch, Rows
from vaekit.runs.job import prepare
from vaekit.training import Diverged, Meter, read_metrics, save_checkpoint, train
from vaekit.training.cuda_graphs import (
    WARM,
    CapturedUpdates,
    CudaGraphs,
    WarmupCheck,
    can_be_captured,
)
from vaekit.training.loop import updated
from vaekit.training.placement import Placement

META = torch.device("meta")
BINOMIAL = torch.library.Library("aten", "IMPL")  # the one draw that torch does not have there
BINOMIAL.impl("binomial", lambda count, prob, generator=None: torch.empty_like(count), "Meta")
UPDATES = 12


def made(recipe="vae", **options):
    """A session and its batches; the eighth of each epoch is smaller than the others."""
    job = prepare(
        digits_for(recipe), recipe,
        **{"latent": 3, "epochs": 3, "batch": 150, "precision": "fp32", **options},
    )  # fmt: skip
    session = job.run().state
    session.model.train()
    return session, job.batches


def curve(do, session, batches, updates=UPDATES):
    """What each update says, and the averaged weights at the end."""
    steps = [do(batch) for batch, _ in zip(batches.from_step(), range(updates), strict=False)]
    said = [
        [s.number, s.rows, s.rate, float(s.loss.total), *map(float, s.loss.terms.values())]
        for s in steps
    ]
    return torch.tensor(said), [p.detach().clone() for p in session.averaged.parameters()]


def spoiled(batch, by):
    return Batch.whole(batch.parts[0].rows.map(lambda t: t * by))


def both(*args, **options):
    """The same training asked for and recorded."""
    session, batches = made(*args, **options)
    asked = curve(lambda batch: updated(session, batch), session, batches)
    session, batches = made(*args, **options)
    tape = Tape()
    recorded = CapturedUpdates(session, tape)
    return asked, curve(recorded.update, session, batches), tape, recorded


@pytest.mark.slow
@pytest.mark.parametrize("recipe", OF_NUMBERS)
def test_a_recording_is_the_same_training(recipe):
    asked, played, tape, recorded = both(recipe, decay="cosine")
    assert recorded.refused == ""
    assert tape.recordings == 1
    assert tape.plays >= UPDATES - WARM - 3
    assert torch.allclose(asked[0], played[0], rtol=1e-3, atol=1e-4)
    for one, other in zip(asked[1], played[1], strict=True):
        assert torch.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize(
    "options",
    [
        {"kl_warmup": 0.9},
        {"precision": "bf16"},
        {"clip": 0.5, "ema": 0.0},
        {"decay": "cosine"},
        {"binarize": "dynamic"},
        {"trim": 2.0},
    ],
    ids=str,
)
def test_whatever_changes_from_update_to_update_changes(options):
    asked, played, tape, _ = both(**options)
    assert tape.plays > 0
    assert torch.allclose(asked[0], played[0], rtol=1e-3, atol=1e-4)


def test_what_a_recording_would_keep_still_is_found(monkeypatch):
    """A number from Python that is not in the schedule: it is not verified, training goes on."""
    from vaekit.objectives import objective as objectives

    calls = iter(range(1, 10**6))
    honest = objectives.elbo_terms

    def drifting(t):
        return {k: v * next(calls) for k, v in honest(t).items()}

    session, batches = made()
    tape = Tape()
    recorded = CapturedUpdates(session, tape)
    asked, batches_again = made()
    monkeypatch.setattr(objectives, "elbo_terms", drifting)
    with pytest.warns(UserWarning, match="not captured: it does something else"):
        played = curve(recorded.update, session, batches)
    monkeypatch.setattr(objectives, "elbo_terms", honest)
    expected = curve(lambda batch: updated(asked, batch), asked, batches_again)
    assert tape.plays == 1
    assert torch.allclose(expected[0][:, 3], played[0][:, 3], rtol=1e-5)


@pytest.mark.parametrize(
    "ask", [lambda t: t.sum().item(), lambda t: t[t < 0]], ids=["item", "mask"]
)
def test_what_waits_for_a_number_is_not_recorded(ask):
    session, batches = made()

    def asking(t):
        ask(t.log_px)
        return t.log_px.sum() * 0

    session.objective = session.objective.plus(Term("asking", 1.0, asking))
    tape = Tape()
    recorded = CapturedUpdates(session, tape)
    with pytest.warns(UserWarning, match="updates are not captured: .* has to be waited for"):
        curve(recorded.update, session, batches)
    assert tape.recordings == 0


def test_a_failed_recording_is_done_without():
    class Broken(Tape):
        def capture(self, work):
            raise RuntimeError("operation not permitted\nCUDA error: ...")

    session, batches = made()
    with pytest.warns(UserWarning, match="not captured: operation not permitted; training"):
        played = curve(CapturedUpdates(session, Broken()).update, session, batches)
    session, batches = made()
    asked = curve(lambda batch: updated(session, batch), session, batches)
    assert torch.allclose(asked[0], played[0], rtol=1e-5)


@pytest.mark.parametrize("bad", [2, WARM + 1, WARM + 2, 8, 10])
def test_divergence_is_found_later_and_nothing_is_learned_since(bad, tmp_path):
    """The weights are those before the update, in whatever way it was done."""
    session, batches = made()
    expected, again = made()
    for batch, number in zip(again.from_step(), range(1, bad), strict=False):
        assert updated(expected, batch).number == number
    recorded = CapturedUpdates(session, Tape())
    for batch, number in zip(batches.from_step(), range(1, UPDATES), strict=False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            recorded.update(spoiled(batch, torch.nan) if number == bad else batch)
    with pytest.raises(Diverged, match="reconstruction became nan") as error:
        save_checkpoint(tmp_path, session, {})
    assert error.value.step == bad
    assert session.step == bad - 1
    for one, other in zip(session.tensors().items(), expected.tensors().items(), strict=True):
        assert one[0] == other[0]
        assert torch.allclose(one[1], other[1], atol=1e-5), one[0]  # an update moves by 1e-3


def test_the_end_of_training_is_looked_at():
    session, batches = made(epochs=1)
    recorded = CapturedUpdates(session, Tape())
    worse = (spoiled(b, torch.inf) for b in batches.from_step())
    with pytest.raises(Diverged):
        for batch, _ in zip(worse, range(session.steps), strict=False):
            recorded.update(batch)


def test_a_resumed_run_goes_on_as_it_would_have():
    session, batches = made()
    asked = curve(lambda batch: updated(session, batch), session, batches)
    session, batches = made()
    for batch, _ in zip(batches.from_step(), range(5), strict=False):
        updated(session, batch)
    held = {name: tensor.clone() for name, tensor in session.tensors().items()}
    again, _ = made()
    again.restore(5, held)
    recorded = CapturedUpdates(again, Tape())
    said = [
        float(recorded.update(batch).loss.total)
        for batch, _ in zip(batches.from_step(5), range(UPDATES - 5), strict=False)
    ]
    assert torch.allclose(asked[0][5:, 3], torch.tensor(said), rtol=1e-5)


@pytest.mark.parametrize("recipe", OF_NUMBERS)
def test_an_update_stays_on_its_device(recipe):
    """On the device that holds no numbers, whatever mixes devices or waits is an error."""
    source = digits_for(recipe)
    built = prepare(source, recipe, latent=3, epochs=1).built
    assert on_meta(built, (1, 8, 8), source.conditions().widths) == ""


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_likelihoods_stay_on_their_device(likelihood):
    built = recipes.recipe("vae")((1, 8, 8), latent=3, likelihood=likelihood)
    assert on_meta(built, (1, 8, 8)) == ""


def on_meta(built: Built, shape, widths={}):  # noqa: B006
    """What an update of a model on the meta device asked for, if anything."""
    model, objective = built.model.to(META), built.objective.to(META)
    given = {name: torch.empty(16, width, device=META) for name, width in widths.items()}
    rows = Rows(torch.empty(16, *shape, device=META), given)
    weights = [torch.empty((), device=META) for _ in objective.weights(0)]
    with WarmupCheck(META) as heard:
        objective.weighed(model, rows, weights).total.backward()
    assert all(p.grad is None or p.grad.device == META for p in model.parameters())
    return heard.found


def test_a_rehearsal_hears_what_comes_from_elsewhere():
    with WarmupCheck(META) as heard:
        torch.rand(3).to(META)
    assert heard.found == "_to_copy"


def test_a_whole_run_is_the_same(tmp_path, monkeypatch):
    """Epochs, metrics, checkpoints and the best weights, through every door of training."""
    settings = {"latent": 3, "epochs": 3, "batch": 150, "precision": "fp32", "checkpoint_every": 5}
    asked = vaekit.fit("digits", out=tmp_path / "asked", **settings)
    tape = Tape()
    monkeypatch.setattr("vaekit.training.loop.can_be_captured", lambda session: True)
    monkeypatch.setattr("vaekit.training.loop.CudaGraphs", lambda device: tape)
    played = vaekit.fit("digits", out=tmp_path / "played", **settings)
    assert tape.plays > 0
    lines = [read_metrics(tmp_path / name / "metrics.jsonl") for name in ("asked", "played")]
    for one, other in zip(*lines, strict=True):
        assert one.keys() == other.keys()
        for key in one.keys() - {"seconds", "split"}:
            assert one[key] == pytest.approx(other[key], rel=1e-4)
    for a, b in zip(asked.model.parameters(), played.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_one_process_on_a_gpu_records():
    session, _ = made()
    assert not can_be_captured(session)
    session.device = torch.device("cuda", 0)
    assert can_be_captured(session)
    session.capture = False
    assert not can_be_captured(session)
    session.capture, session.plan = True, replace(session.plan, parts=2)
    assert not can_be_captured(session)


def test_meters_wait_for_nothing():
    """They add up on the device, and read when they are asked."""
    session, batches = made()
    meter = Meter()
    steps = [
        updated(session, batch) for batch, _ in zip(batches.from_step(), range(3), strict=False)
    ]
    with WarmupCheck(torch.device("cpu")) as heard:
        for step in steps:
            meter.add(step)
    assert heard.found == ""
    mean = sum(float(s.loss.total) * s.rows for s in steps) / sum(s.rows for s in steps)
    assert meter.means()["loss"] == pytest.approx(mean)


on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


@on_a_gpu
@pytest.mark.parametrize("recipe", ["dense_vae", "keras_mnist", "iwae"])
def test_cuda_graphs_are_the_same_training(recipe):
    found = []
    for wanted in (False, True):
        job = prepare(open_source("digits"), recipe, latent=3, epochs=3, batch=150)
        session = job.run(Placement(torch.device("cuda", 0))).state
        recorded = CapturedUpdates(session, CudaGraphs(session.device)) if wanted else None
        do = recorded.update if recorded else lambda batch, s=session: updated(s, batch)
        batches = job.run(Placement(torch.device("cuda", 0))).batches
        session.model.train()
        found.append(curve(do, session, batches))
        assert recorded is None or recorded.replay is not None
    assert torch.allclose(found[0][0], found[1][0], rtol=0.02)


@on_a_gpu
def test_training_on_a_gpu_keeps_rows_there():
    job = prepare(open_source("digits"), "vae", latent=3, epochs=1)
    run = job.run(Placement(torch.device("cuda", 0)))
    assert run.batches.values.device.type == "cuda"
    for _ in train(run.state, run.batches.from_step()):
        pass
