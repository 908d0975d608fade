"""Which likelihood a table in [0, 1] gets: that under which rows that were held out are likelier."""

import numpy as np
import pytest
import torch

import vaekit
from vaekit.data import open_source
from vaekit.data.source import source
from vaekit.distributions import ContinuousBernoulli
from vaekit.recipes import trial
from vaekit.recipes.choose import choose

RANDOM = np.random.default_rng(0)
CODES = RANDOM.normal(size=(400, 2)) @ RANDOM.normal(size=(2, 8))


def scaled(rows):
    """To [0, 1], as scikit-learn's MinMaxScaler does."""
    return (rows - rows.min(0)) / (rows.max(0) - rows.min(0))


def drawn():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return ContinuousBernoulli(logits=torch.tensor(3 * CODES)).sample().numpy()


TABLES = {
    "correlated, scaled": (
        lambda: scaled(CODES + 0.1 * RANDOM.normal(size=CODES.shape)),
        "gaussian",
    ),
    "even": (lambda: RANDOM.uniform(size=(300, 4)), "continuous_bernoulli"),
    "draws of a continuous Bernoulli": (drawn, "continuous_bernoulli"),
    "too few rows": (lambda: RANDOM.uniform(size=(12, 3)), "gaussian"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_held_out_rows_decide(kind):
    make, name = TABLES[kind]
    found = choose(open_source(make()))
    assert found.likelihood == name
    assert "[0, 1]" in found.why
    assert ("against" in found.why) == (kind != "too few rows")


def test_a_trial_repeats_and_looks_at_no_test_row():
    rows = torch.from_numpy(scaled(CODES))
    splits = dict(
        zip(("train", "validation", "test"), torch.arange(400).split([280, 60, 60]), strict=True)
    )
    names = ("gaussian", "continuous_bernoulli")
    found = trial.tried(source("data", rows, splits), names)
    other = rows.clone()
    other[-60:] = 0.5
    state = torch.get_rng_state()
    assert trial.tried(source("data", other, splits), names) == found
    assert torch.equal(torch.get_rng_state(), state)


def test_the_estimator_says_what_it_picked_and_does_not_take_far_rows_for_usual(capsys):
    rows = scaled(CODES)
    model = vaekit.VAETransformer(epochs=5, options={"width": 32}, random_state=0).fit(rows)
    assert model.likelihood_ == "gaussian"
    said = [line for line in capsys.readouterr().err.splitlines() if "[0, 1]" in line]
    assert len(said) == 1
    far = rows[:20].copy()
    far[:, 0] = 50.5
    assert model.score_samples(far).max() < model.score_samples(rows).min()
    vaekit.VAETransformer(epochs=1, options={"width": 8}, quiet=True, random_state=0).fit(rows)
    assert capsys.readouterr().err == ""
