"""A whole life of a model in a second: made or refused, trained, asked, saved, asked again."""

import math

import numpy as np
import torch

from vaekit.data import Opening
from vaekit.families.base import BINARY, COUNTS, LEVELS, REAL, UNIT
from vaekit.families.catalogue import kind_of
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import needs_given, options
from vaekit.runs.job import prepare
from vaekit.runs.run import run_here
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput

ROWS, SMALL = 12, {"latent": 2, "width": 8, "depth": 1, "groups": 2, "pretraining": 3}
FOR_COUNTS = {"count_vae"}
FOR_PICTURES = {
    **dict.fromkeys(
        (
            "conv_vae",
            "residual_vae",
            "keras_mnist",
            "keras_mnist_fast",
            "autoencoder_kl",
            "ms_ssim_vae",
        ),
        (16, 16),
    ),
    "pixel_vae": (3, 3),
}
USUAL = {
    "count_vae": "negative_binomial",
    "not_miwae": "gaussian",
    "sequence_vae": "categorical",
}  # else bernoulli
HAVE_COMPONENTS = ("mixture", "vamp", "exemplar")
PLAN = {"epochs": 1, "batch": 6, "precision": "fp32"}
DRAWN = {
    BINARY: lambda rng, shape: rng.integers(0, 2, shape),
    UNIT: lambda rng, shape: rng.random(shape, dtype=np.float32),
    LEVELS: lambda rng, shape: rng.integers(0, 5, shape),
    COUNTS: lambda rng, shape: rng.poisson(3.0, shape),
    REAL: lambda rng, shape: rng.normal(size=shape).astype(np.float32),
}


def data_for(likelihood, shape):
    """Rows that a likelihood can describe, with labels."""
    rng = np.random.default_rng(0)
    x = DRAWN[kind_of(likelihood)](rng, (ROWS, *shape))
    return x, rng.integers(0, 2, ROWS)


def life(recipe, folder, *, likelihood=None, shape=(6,), gaps=0.0, **chosen):
    """What refused the model, or None if it lived well; some of its numbers may be missing."""
    likelihood = likelihood or USUAL.get(recipe, "bernoulli")
    x, labels = data_for(likelihood, shape)
    needs = needs_given(RECIPES[recipe])
    if gaps:
        x[np.random.default_rng(1).random(x.shape) < gaps] = np.nan
    source = Opening(given=("label",) if needs else (), gaps=gaps > 0).open(x, labels)
    known = options(RECIPES[recipe])
    small = {name: value for name, value in SMALL.items() if name in known}
    if "samples" in known:
        small["samples"] = 3
    if "prior_components" in known and chosen.get("prior") in HAVE_COMPONENTS:
        small["prior_components"] = 3
    try:
        job = prepare(source, recipe, likelihood=likelihood, **PLAN, **{**small, **chosen})
    except BadInput as error:
        return in_one_line(str(error))
    run = job.run()
    run_here(run)
    assert run.state.step == run.state.steps > 0
    assert math.isfinite(run.best)
    live(Trained(run.best_model(), job.config(), source), x, folder)
    return None


def in_one_line(refusal):
    """What is said, which must be one line of some length."""
    assert "\n" not in refusal
    assert 10 < len(refusal) < 500
    return refusal


def live(model, x, folder):
    """Everything that one asks of a trained model, before and after it is saved."""
    before = asked(model, x)
    model.save(folder)
    again = Trained.load(folder, model.source)
    for name, value in asked(again, x).items():
        assert np.array_equal(before[name], value), name
        assert np.isfinite(value).all(), name


def asked(model, x):
    """Codes, scores and samples."""
    given = {"label": [0] * len(x)} if model.config.conditions else None
    scores = model.evaluate(split="validation", samples=4).to_dict()
    found = {n: v for n, v in scores.items() if isinstance(v, float)}
    found["codes"] = model.encode(x, given=given)
    found["rebuilt"] = model.reconstruct(x, given=given)
    one = {"label": 0} if given else None
    found["samples"] = model.sample(3, seed=1, given=one)
    assert found["samples"].shape == (3, *np.shape(x)[1:])
    assert found["rebuilt"].shape == np.shape(x)
    if model.has_density:
        found["log p(x)"] = model.log_likelihood(x, samples=4, given=given)
    return found


def parameters(model):
    """Of a model, as one vector."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])
