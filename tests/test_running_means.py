"""Running means: they follow what batches say, whatever else training does."""

import copy

import numpy as np
import pytest
import torch
from graphs import listed as listed_model
from graphs import some_rows
from tape import Tape
from test_recorded import curve, made, spoiled
from test_resume import Killed, check_goes_on, job_for
from test_zoo import factors

import vaekit
from vaekit.distributions.codebooks import NearestEntries, listed
from vaekit.evaluation.codebooks import codebook_use
from vaekit.families.codebooks import RunningCodebook
from vaekit.models.trace import trace
from vaekit.objectives import codebooks
from vaekit.system.checks import BadInput
from vaekit.training import Diverged
from vaekit.training.cuda_graphs import WARM, CapturedUpdates
from vaekit.training.loop import updated

RUNNING = {"recipe": "vq_vae", "codebook": "running", "places": 3, "entries": 8, "noise": 0.0}


def codes_of(encoded, book):
    """A trace whose codes are the entries of a list nearest to these, (rows, places, size)."""
    t = trace(listed_model(), some_rows(0, len(encoded)))
    q = NearestEntries(encoded, book)
    t.latents["z"] = t.latents["z"].__class__(**{**vars(t.latents["z"]), "posterior": q})
    return t


def moved(book, encoded, revival=0.0):
    """One update of a list alone."""
    move = torch.optim.SGD(book.parameters(), 1 - book.memory)
    _, own = codebooks.following(book, 0.25, revival)(codes_of(encoded, book.book))
    own.backward()
    move.step()
    move.zero_grad()


def test_they_are_the_running_means_of_the_paper():
    """N <- gamma N + (1 - gamma) n, m <- gamma m + (1 - gamma) sum of what was given, e = m / N, in
    float64, entry by entry."""
    torch.manual_seed(0)
    book = RunningCodebook(5, 2, memory=0.8)
    counts, sums = book.counts.detach().double(), book.sums.detach().double()
    for _ in range(20):
        given = torch.randn(30, 2, 2)
        entries = sums / counts[:, None]
        for k in range(5):
            mine = (given.double()[:, :, None] - entries).norm(dim=-1).argmin(-1) == k
            counts[k] = 0.8 * counts[k] + 0.2 * mine.sum() / 60
            sums[k] = 0.8 * sums[k] + 0.2 * given.double()[mine].sum(0) / 60
        moved(book, given)
    assert torch.allclose(book.counts.double(), counts, atol=1e-6)
    assert torch.allclose(book.book.double(), sums / counts[:, None], atol=1e-4)
    assert book.counts.sum().item() == pytest.approx(1.0)


def test_an_entry_in_little_use_begins_anew_where_a_row_is():
    """Codes are near (1, 0); the other entry's share falls below a tenth of an even one."""
    book = RunningCodebook(2, 2, memory=0.5)
    start = torch.tensor([[1.0, 0.0], [9.0, 9.0]])
    book.sums.data.copy_(start / 2)
    for update in range(1, 5):
        moved(book, torch.tensor([1.0, 0.0]).expand(10, 1, 2), revival=0.1)
        assert book.counts[1].item() == pytest.approx(0.5 ** (update + 1), rel=1e-5)
    given = torch.tensor([1.0, 0.0]) + 0.1 * torch.randn(10, 1, 2)
    moved(book, given, revival=0.1)
    assert book.counts[1].item() == pytest.approx(0.5)
    assert (given[:, 0] - book.book[1]).norm(dim=1).min() < 1e-5
    before = copy.deepcopy(book)
    before.counts.data[1] = 1e-9
    moved(before, given, revival=0.0)
    assert before.counts[1] < 1e-8


@pytest.mark.parametrize("memory", [0.3, 0.9])
def test_an_entry_that_nobody_chooses_stays_where_it_is(memory):
    """Its count and its sum come to next to nothing, and its mean is what it was."""
    book = RunningCodebook(2, 2, memory=memory)
    book.sums.data.copy_(torch.tensor([[1.0, 0.0], [9.0, -9.0]]) / 2)
    for _ in range(400):
        moved(book, torch.tensor([1.0, 0.0]).expand(10, 1, 2), revival=0.0)
    assert book.counts[1] < 1e-9
    assert book.book[1].tolist() == pytest.approx([9.0, -9.0], rel=1e-4)


def test_no_gradient_but_their_own_moves_them_and_it_moves_nothing_else():
    book = RunningCodebook(4, 2)
    assert not book.book.requires_grad
    encoded = torch.randn(6, 2, 2, requires_grad=True)
    value, own = codebooks.following(book, 0.0, 0.1)(codes_of(encoded, book.book))
    assert not value.requires_grad
    near = (encoded - NearestEntries(encoded, book.book).entries).detach()
    assert value.item() == pytest.approx(near.square().sum((1, 2)).mean().item())
    own.backward()
    assert not encoded.grad.any()
    assert all(p.grad.any() for p in book.parameters())
    _, own = codebooks.following(book, 0.5, 0.1)(codes_of(encoded, book.book))
    own.backward()
    assert torch.allclose(encoded.grad, 2 * 0.5 * near / 6, atol=1e-6)


@pytest.mark.parametrize("how", [{"lr": 1e-9}, {"clip": 1e-9}, {"lag": 3}], ids=str)
def test_they_move_whatever_the_learning_rate(how):
    state, batches = made(**RUNNING, ema=0.5, **how)
    (book,) = (m for m in state.model.modules() if type(m) is RunningCodebook)
    own, averaged = {*book.parameters()}, [*state.averaged.parameters()]
    assert own.isdisjoint(state.parameters)
    for batch, _ in zip(batches.from_step(), range(3), strict=False):
        before, slow = book.counts.detach().clone(), [p.detach().clone() for p in averaged]
        with torch.no_grad():
            chosen = listed(state.model.posterior(batch.parts[0].rows.data)).chosen
        share = chosen.flatten().bincount(minlength=8) / chosen.numel()
        kept = state.share(state.step)
        updated(state, batch)
        assert torch.allclose(book.counts, 0.99 * before + 0.01 * share, atol=1e-6)
        assert all(p.grad is None for p in own)
        for old, new, now in zip(slow, averaged, state.model.parameters(), strict=True):
            assert torch.allclose(new, old + kept * (now - old), atol=1e-6)


def test_a_recording_moves_them_alike_until_a_number_is_not_finite():
    session, batches = made(**RUNNING)
    asked = curve(lambda batch: updated(session, batch), session, batches)
    session, batches = made(**RUNNING)
    tape = Tape()
    played = curve(CapturedUpdates(session, tape).update, session, batches)
    assert tape.plays > 0
    assert torch.allclose(asked[0], played[0], rtol=1e-3, atol=1e-4)
    for one, other in zip(asked[1], played[1], strict=True):
        assert torch.allclose(one, other, atol=1e-3)


def test_after_a_number_that_is_not_finite_they_stay():
    session, batches = made(**RUNNING)
    recorded, stream = CapturedUpdates(session, Tape()), batches.from_step()
    for _ in range(WARM + 3):
        recorded.update(next(stream))
    (book,) = (m for m in session.model.modules() if type(m) is RunningCodebook)
    before = book.sums.detach().clone()
    recorded.update(spoiled(next(stream), float("nan")))
    recorded.update(next(stream))
    assert torch.equal(book.sums, before)
    with pytest.raises(Diverged):
        recorded.check()


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    how = {"codebook": "running", "entries": 8, "ema": 0.9}
    check_goes_on(tmp_path, lambda: job_for("vq_vae", **how), Killed)


def test_few_codes_tell_most_of_a_row(tmp_path):
    x = factors()
    how = {"latent": 2, "places": 2, "entries": 16, "epochs": 12, "batch": 50, "lr": 5e-3}
    model = vaekit.fit(x, "vq_vae", codebook="running", quiet=True, **how)
    error = (model.reconstruct(x) - x).square().mean().item()
    assert error < 0.3 * x.var().item()
    assert codebook_use(model.model, model.rows(x)[:]).used > 12
    model.save(tmp_path / "m")
    again = vaekit.load(tmp_path / "m")
    assert all(map(np.array_equal, again.codes(x), model.codes(x)))


def test_a_memory_is_a_share():
    with pytest.raises(BadInput, match="memory must be at least 0 and below 1, not 1"):
        vaekit.fit(factors(), "vq_vae", codebook="running", memory=1.0)
    with pytest.raises(BadInput, match="memory does nothing: a free codebook has none"):
        vaekit.fit(factors(), "vq_vae", memory=0.9)
