"""Sequences time by time: nothing is told by what comes later, all of them together have a probability
of one, and they are drawn so."""

from itertools import product

import numpy as np
import pytest
import torch

import vaekit
from vaekit.families import likelihood
from vaekit.families.known import WithKnown
from vaekit.families.steps import Steps
from vaekit.interfaces.cli import run
from vaekit.models.trace import replay, trace
from vaekit.networks.inputs import Hats
from vaekit.networks.series import SeriesShape
from vaekit.recipes import recipe


def steps(name, series, **how):
    """A family, whose weights are no longer small."""
    torch.manual_seed(0)
    base = likelihood(name, (series.times * series.features,), **how)
    family = Steps(base, series, 3, 5, symbols=name == "categorical")
    with torch.no_grad():
        for weights in family.net.parameters():
            weights.add_(0.5 * torch.randn_like(weights))
    return family


LAYOUTS = [SeriesShape(4, 1), SeriesShape(2, 2), SeriesShape(2, 2, first=True)]
times_of = {
    s: torch.tensor([[t for t in range(s.times) if i in s.at(t)] for i in range(4)])[:, 0]
    for s in LAYOUTS
}


@pytest.mark.parametrize("name", ["categorical", "gaussian", "logistic_mixture"])
@pytest.mark.parametrize("series", LAYOUTS)
def test_a_time_depends_on_those_before_it_alone(series, name):
    family, x = steps(name, series, levels=3), torch.tensor([[0.4, 1.3, 0.8, 1.6]]).requires_grad_()
    raw = family.predicted(x, torch.randn(1, 3))
    time = times_of[series]
    for place in range(raw.shape[1]):
        (gradient,) = torch.autograd.grad(raw[0, place], x, retain_graph=True)
        own = time[place % 4]  # blocks of raw numbers lie one after the other
        assert torch.equal(gradient[0].abs() > 0, time < own)


@pytest.mark.parametrize("series", LAYOUTS)
def test_all_sequences_have_a_probability_of_one_and_are_drawn_so(series):
    family = steps("categorical", series, levels=3)
    every = torch.tensor(list(product(range(3), repeat=4))).float()
    features = torch.randn(3)
    with torch.no_grad():
        p = family(features.expand(len(every), -1)).log_prob(every).exp()
        assert p.sum().item() == pytest.approx(1, abs=1e-5)
        assert p.max() < 0.9
        made = family(features[None]).sample((4000,))[:, 0]
    place = (made * torch.tensor([27, 9, 3, 1])).sum(1).long()
    found = torch.bincount(place, minlength=len(every)) / 4000
    assert ((found - p).abs() < 5 * (p * (1 - p) / 4000).sqrt() + 1e-3).all()


@pytest.mark.parametrize("name", ["categorical", "gaussian"])
@pytest.mark.parametrize("series", LAYOUTS)
def test_going_on_by_a_time_is_as_seeing_all_before_it(series, name):
    """What stands for a row is, at each time, what stands for that time given those before."""
    family = steps(name, series, levels=3)
    p = family(torch.randn(7, 3))
    x = p.mean
    assert torch.allclose(family.likeliest(p.given(x)), x, atol=1e-5)
    assert torch.allclose(p.each(x).sum(1), p.log_prob(x), atol=1e-5)


def test_some_times_are_hidden_in_training_alone_and_again_in_a_second_pass():
    m, _ = recipe("sequence_vae")(
        shape=(9,), levels=3, latent=2, width=4, likelihood="categorical", word_dropout=0.5
    )
    x = torch.randint(0, 3, (20, 9)).float()
    t = trace(m, x)
    assert t.likelihood.kept.float().mean().item() == pytest.approx(0.5, abs=0.15)
    assert torch.allclose(replay(t).log_px, t.log_px, atol=1e-5)
    assert not torch.allclose(trace(m, x).log_px, t.log_px, atol=1e-3)
    m.eval()
    assert trace(m, x).likelihood.kept is None


def test_what_is_known_has_no_part_in_it():
    family = steps("gaussian", SeriesShape(2, 2), scale=1.0)
    known, value = torch.tensor([False, True, False, False]), torch.tensor([0.0, 7, 0, 0])
    p, x = WithKnown(family, known, value)(torch.randn(5, 3)), torch.randn(5, 4)
    x[:, 1] = 7
    assert (p.sample()[:, 1] == 7).all()
    assert torch.allclose(p.log_prob(x), family(p.features).each(x)[:, ~known].sum(1), atol=1e-5)


def test_levels_are_hats_between_which_one_may_go():
    x = torch.tensor([[0.0, 2.0, 0.25]])
    assert Hats(3)(x).unflatten(1, (3, 3))[0].T.tolist() == [[1, 0, 0], [0, 0, 1], [0.75, 0.25, 0]]


def test_every_weight_has_a_gradient():
    m, _ = recipe("sequence_vae")(shape=(6,), levels=3, latent=2, width=4, likelihood="categorical")
    trace(m, torch.randint(0, 3, (8, 6)).float(), samples=2).log_ratio.sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in m.parameters())


def test_it_is_asked_at_the_command_line(tmp_path, capsys):
    rng, folder = np.random.default_rng(0), str(tmp_path / "run")
    np.save(tmp_path / "x.npy", rng.integers(0, 4, (40, 8)))
    small = ["--epochs", "1", "--latent", "2", "--width", "4", "--recurrent-width", "4"]
    asked = ["train", str(tmp_path / "x.npy"), "--recipe", "sequence_vae", "-o", folder, *small]
    assert run([*asked, "--word-dropout", "0.3", "--lag", "2"]) == 0
    for command in ("evaluate", "cite"):
        assert run([command, folder]) == 0
    assert "lagging" in capsys.readouterr().out.lower()
    assert run(["sample", folder, "-o", str(tmp_path / "new.npy"), "-n", "3"]) == 0
    new = np.load(tmp_path / "new.npy")
    assert new.shape == (3, 8)
    assert set(np.unique(new)) <= {0, 1, 2, 3}
    capsys.readouterr()
    assert run(["compress", folder, str(tmp_path / "x.npy")]) == 2
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_series_of_numbers_keep_their_shape():
    x = np.random.default_rng(0).normal(size=(40, 6, 2)).astype(np.float32)
    how = {"latent": 2, "width": 4, "recurrent_width": 4, "epochs": 1, "quiet": True}
    model = vaekit.fit(x, "sequence_vae", likelihood="gaussian", **how)
    assert model.sample(3).shape == model.reconstruct(x[:3]).shape == (3, 6, 2)
    assert np.isfinite(model.evaluate(samples=3).elbo)
