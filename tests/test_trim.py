"""Rows far below the others of their batch teach nothing, where that is asked for."""

import numpy as np
import pytest
import torch
from parts import LinearGaussian

import vaekit
from vaekit import BadInput
from vaekit.models.trace import trace
from vaekit.objectives import Objective
from vaekit.objectives.bounds import elbo
from vaekit.objectives.objective import typical
from vaekit.recipes import RECIPES, options
from vaekit.recipes.recipe import needs_given

QUICK = {"latent": 2, "width": 16, "epochs": 60, "batch": 100, "seed": 0, "quiet": True}


def test_robust_standard_deviations_are_those_of_normal_values():
    values = torch.distributions.Normal(5.0, 2.0).icdf(torch.linspace(0.0005, 0.9995, 1000))
    kept = typical(values, 2.0)
    assert kept.float().mean() == pytest.approx(0.9772, abs=0.001)  # Phi(2)
    assert not kept[0]
    assert kept[-1]


def test_outliers_do_not_move_the_limit():
    values = torch.cat([torch.linspace(-1, 1, 60), torch.full((40,), -1e6)])
    assert typical(values, 3.0).tolist() == [True] * 60 + [False] * 40


@pytest.mark.parametrize("values", [torch.zeros(7), torch.tensor([3.0])])
def test_values_that_are_all_the_same_are_typical(values):
    assert typical(values, 3.0).all()


def test_the_loss_is_the_mean_over_typical_rows_and_others_have_no_gradient():
    case = LinearGaussian(full=False)
    x = case.density.sample((50,))
    x[7] += 40.0
    x.requires_grad_()
    torch.manual_seed(0)
    values = elbo(trace(case.model, x))
    torch.manual_seed(0)
    loss = Objective(elbo, trim=6.0)(case.model, x).total
    kept = typical(values, 6.0)
    assert not kept[7]
    assert kept.sum() > 45
    assert torch.allclose(loss, -values[kept].mean())
    (slope,) = torch.autograd.grad(loss, x)
    assert (slope[7] == 0).all()
    assert (slope[kept] != 0).any(1).all()


def test_a_tenth_of_anomalies_does_not_teach_a_trimmed_model():
    random = np.random.default_rng(0)
    usual = random.normal(size=(900, 1)) * np.ones(4) + 0.2 * random.normal(size=(900, 4))
    odd = 3.0 * np.array([1, -1, 1, -1]) + 0.2 * random.normal(size=(100, 4))
    rows = np.concatenate([usual, odd]).astype(np.float32)
    gap = {}
    for trim in (0.0, 3.0):
        model = vaekit.fit(rows, "vae", likelihood="gaussian", scale="0.5", trim=trim, **QUICK)
        scores = model.log_likelihood(rows, samples=20, seed=0)
        gap[trim] = np.mean(scores[:900]) - np.mean(scores[900:])
    assert gap[3.0] > 2 * gap[0.0], gap


def test_a_batch_that_is_cut_in_parts_is_refused():
    rows = np.random.default_rng(0).normal(size=(300, 3))
    with pytest.raises(BadInput, match="the trim looks at a batch as a whole"):
        vaekit.fit(rows, "vae", trim=3.0, parts=2, **QUICK)


TRIMMING = {name: make for name, make in RECIPES.items() if "trim" in options(make)}


@pytest.mark.parametrize("name", TRIMMING)
def test_every_recipe_that_has_the_option_obeys_it(name):
    make = TRIMMING[name]
    kind = "bernoulli" if name == "pixel_vae" else "gaussian"
    given = {"given": {"label": 3}} if needs_given(make) else {}
    built = make(shape=(1, 16, 16), trim=4.0, likelihood=kind, rows=100, steps=10, **given)
    assert built.objective.trim == 4.0


@pytest.mark.parametrize("name", ["ladder_vae", "mvae", "m2_vae", "table_vae", "burda"])
def test_recipes_with_an_objective_of_their_own_do_not_have_it(name):
    assert name not in TRIMMING
