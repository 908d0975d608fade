"""A model shown in a few lines, and how its noise, memory and time are told."""

import dataclasses

import pytest
import torch
from parts import digits_for

import vaekit
from vaekit.data import open_source
from vaekit.networks import Jitter
from vaekit.recipes import RECIPES, options
from vaekit.recipes.recipe import call, takes_gaps
from vaekit.runs import forecast as forecasts
from vaekit.runs.forecast import forecast, forecast_scores
from vaekit.runs.job import prepare
from vaekit.system import memory


def test_a_model_is_printed_in_ten_lines(trained):
    shown = repr(vaekit.load(trained[0]))
    assert len(shown.splitlines()) <= 10
    assert max(map(len, shown.splitlines())) <= 120
    for said in ("vae", "digits", "beta_binomial", str(trained[0])):
        assert said in shown
    unsaved = dataclasses.replace(trained[1], folder=None)
    assert "memory" in repr(unsaved)
    page = vaekit.load(trained[0])._repr_html_()
    assert page.count("<tr>") == len(shown.splitlines())
    assert "<script" not in page


def test_noise_is_there_in_training_alone():
    layer, x = Jitter(0.5), torch.zeros(2000)
    assert 0.45 < layer.train()(x).std() < 0.55
    assert torch.equal(layer.eval()(x), x)


def test_a_model_without_word_of_noise_is_as_it_was():
    old = call(RECIPES["vae"], {"shape": (4,), "likelihood": "gaussian"}, stored=True).model
    new = call(RECIPES["vae"], {"shape": (4,), "likelihood": "gaussian", "noise": 0.2}).model
    assert not any(isinstance(m, Jitter) for m in old.modules())
    assert any(isinstance(m, Jitter) for m in new.modules())
    image = {"shape": (1, 4, 4), "levels": 17, "likelihood": "beta_binomial", "noise": None}
    assert any(isinstance(m, Jitter) for m in call(RECIPES["vae"], image).model.modules())
    assert old.state_dict().keys() == new.state_dict().keys()


SEEN_WITH_NOISE = [
    name
    for name, made in RECIPES.items()
    if (p := options(made).get("noise")) and p.default is None
]


@pytest.mark.parametrize(
    "recipe",
    sorted(n for n in {*SEEN_WITH_NOISE} - {"m2_vae"} if not takes_gaps(RECIPES[n])),
)
def test_few_pictures_are_seen_with_noise_and_many_are_not(recipe):
    arguments = prepare(digits_for(recipe), recipe).arguments
    for rows, noisy in ((7_999, True), (8_000, False)):
        model = call(RECIPES[recipe], {**arguments, "rows": rows}).model
        assert any(isinstance(m, Jitter) for m in model.modules()) == noisy


def test_what_takes_long_is_said_before(trained, monkeypatch):
    rows = open_source("digits")
    ask = (trained[1], rows, 50, 2, 10, 2)
    monkeypatch.setattr(forecasts, "_seconds", lambda run: run() and 0.0)
    assert forecast(*ask) is None
    monkeypatch.setattr(forecasts, "_seconds", lambda run: 10.0)
    told = forecast(*ask)
    assert told.startswith(
        "this will take about 8.2 min (1,797 rows of 50 samples, 2 of them annealed)"
    )
    assert "--limit 100 takes about 25 s" in told


def test_scoring_that_takes_long_is_said_before(trained, monkeypatch):
    ask = (trained[1], open_source("digits"), 100, 203)
    monkeypatch.setattr(forecasts, "_seconds", lambda run: run() and 0.0)
    assert forecast_scores(*ask) is None
    monkeypatch.setattr(forecasts, "_seconds", lambda run: 10.0)
    assert forecast_scores(*ask) == (
        "this will take about 16.7 min (2,000 rows of 100 samples, 203 of them held out to compare "
        "with); --samples 10 takes about 1.7 min"
    )
    assert "--samples" not in forecast_scores(*ask[:2], 10)


class Library:
    def __init__(self, takes):
        self.takes, self.asked = takes, []

    def __call__(self, what, value):
        self.asked.append((what, value))
        return int(value <= self.takes)


@pytest.mark.parametrize(("takes", "kept"), [(2**31, True), (2**27, False)])
def test_freed_memory_is_kept_where_glibc_lets_it(takes, kept, monkeypatch):
    library = Library(takes)
    monkeypatch.setattr(memory, "_mallopt", lambda: library)
    assert memory.keep_freed_memory({}) == kept
    assert (memory.MMAP, memory.LARGEST) in library.asked
    asked = len(library.asked)
    assert not memory.keep_freed_memory({"MALLOC_TOP_PAD_": "1"})
    assert len(library.asked) == asked
    monkeypatch.setattr(memory, "_mallopt", lambda: None)
    assert not memory.keep_freed_memory({})
