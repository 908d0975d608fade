"""Latents in layers: exact where it can be known, and whole at every door."""

import math

import numpy as np
import pytest
import torch
from torch import distributions as D
from torch import nn

import vaekit
from vaekit.codec import blocks
from vaekit.codec.graphs import fixed_point_copy
from vaekit.conditionals import StandardNormal
from vaekit.evaluation import (
    anneal,
    encode,
    latent_health,
    log_likelihood,
    log_likelihood_per_row,
)
from vaekit.evaluation.scores import elbo_terms
from vaekit.models import Ladder, Rung
from vaekit.models.drawing import Recorder, at_mean, decoding
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae
from vaekit.recipes.hierarchical import ladder_vae
from vaekit.rows import Rows
from vaekit.runs.inspect import as_text, describe
from vaekit.system.checks import BadInput
from vaekit.system.seeding import seeded

NOISE = 0.5


class Given(nn.Module):
    """A conditional made of a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *given):
        return self.function(*given)


def normal(mean, scale):
    return D.Independent(D.Normal(mean, torch.as_tensor(scale).expand_as(mean)), 1)


def linear_ladder(spoiled=0.0):
    """x = a z + b z1 + noise, one number each, with its exact posteriors (``spoiled`` moves them),
    and log p(x)."""
    a, b = 0.8, 1.5
    left = b**2 + NOISE**2  # variance of x given z
    whole = a**2 + left

    def first(x):
        return normal(a * x / whole + spoiled, math.sqrt(left / whole))

    def second(x, z):
        return normal(b * (x - a * z) / left + spoiled, NOISE / math.sqrt(left))

    rungs = [
        Rung(StandardNormal(1), Given(first), Given(lambda z: z)),
        Rung(StandardNormal(1), Given(second), Given(lambda z1, z: a * z + b * z1)),
    ]
    stages = [nn.Identity(), nn.Identity()]
    model = Ladder(stages, rungs, Given(lambda mean: normal(mean, NOISE)))
    return model, D.Normal(0.0, math.sqrt(whole))


def test_with_exact_posteriors_the_elbo_is_the_likelihood():
    model, p = linear_ladder()
    x = torch.tensor([[0.3], [-2.0], [4.0]])
    t = trace(model, x, samples=7)
    sampled = t.log_px + t.log_pz - t.log_qz
    assert torch.allclose(sampled, p.log_prob(x).T.expand(7, 3), atol=1e-5)


def test_with_others_the_bounds_keep_their_order():
    model, p = linear_ladder(spoiled=0.2)
    x = torch.tensor([[0.3], [-2.0], [4.0]])
    with seeded(0, "bounds"):
        means = [
            bound(trace(model, x.repeat(5000, 1), samples=k)).mean()
            for bound, k in ((elbo, 1), (iwae, 2), (iwae, 100))
        ]
    truth = p.log_prob(x).mean()
    assert means[0] < means[1] < means[2] < truth + 0.01
    assert means[2] == pytest.approx(truth.item(), abs=0.02)


def test_posteriors_are_told_of_every_particle_above():
    """With K particles, the posterior of the second latent has K rows for each row of x."""
    model, _ = linear_ladder()
    t = trace(model, torch.zeros(4, 1), samples=3)
    assert t.latents["z"].posterior.batch_shape == (4,)
    assert t.latents["z1"].posterior.batch_shape == (12,)
    assert t.kl.shape == (3, 4)


def built(shape, likelihood="bernoulli", spread=0.05, **options):
    with seeded(0, "made"):
        model = ladder_vae(shape=shape, likelihood=likelihood, **options).model.eval()
        for parameter in model.parameters():
            parameter.data += spread * torch.randn_like(parameter)
    return model


SHAPES = [
    {"shape": (5,), "latent": 3, "width": 16, "depth": 3},
    {"shape": (1, 16, 16), "latent": 4, "width": 8},
    {"shape": (3, 17, 20), "latent": 4, "width": 8, "planes": 1},
]


@pytest.mark.parametrize("options", SHAPES[:2])
def test_scores_of_rows_do_not_depend_on_their_neighbours(options):
    model = built(**options)
    x = torch.rand(6, *options["shape"]).round()
    together = log_likelihood_per_row(model, x, samples=30)
    apart = torch.cat([log_likelihood_per_row(model, row[None], samples=30) for row in x])
    assert torch.allclose(together, apart, atol=1e-4)


def test_common_noise_scores_as_independent_noise_does():
    model, x = built(**SHAPES[0]), torch.rand(6, 5).round()
    common = log_likelihood_per_row(model, x, samples=2000)
    independent = log_likelihood(model, x, samples=2000)
    away = (common.double() - independent.value.double()).abs()
    assert (away < 6 * independent.standard_error + 0.01).all()


@pytest.mark.parametrize("options", SHAPES)
def test_codes_hold_all_layers(options):
    """Decoding the codes of rows is what the model makes of those rows at its means."""
    model = built(**options)
    x = torch.rand(6, *options["shape"]).round()
    with torch.inference_mode():
        codes = encode(model, x)
        assert codes.shape == (6, sum(model.latents.values()))
        rebuilt = model(decoding(model.latents, codes)).mean
        assert torch.allclose(rebuilt, model(Recorder(6, 1, at_mean), Rows(x)).mean, atol=1e-5)


def test_health_adds_up_to_the_kl():
    model = built((5,), latent=3, width=16)
    x = torch.rand(4000, 5).round()
    whole = trace(model, x).kl.mean().item()
    assert latent_health(model, x).kl.sum().item() == pytest.approx(whole, rel=0.02)


@pytest.mark.parametrize("likelihood", ["bernoulli", "beta_binomial"])
@pytest.mark.parametrize("options", SHAPES)
def test_a_ladder_compresses(options, likelihood):
    """Bit by bit, at the rate of its ELBO but for the start."""
    model = built(likelihood=likelihood, **options)
    top = 2 if likelihood == "bernoulli" else 256
    rows = np.random.default_rng(0).integers(0, top, (60, *options["shape"]))
    packed = blocks.compress(fixed_point_copy(model), rows)
    assert (blocks.decompress(fixed_point_copy(model), packed, 60, options["shape"]) == rows).all()
    terms = elbo_terms(model, torch.from_numpy(rows).float())
    wanted = -(terms[0] - terms[1]).sum().item() / math.log(2)
    assert 0.98 * wanted < 8 * len(packed) < 1.1 * wanted + 1000


def test_a_ladder_passes_every_door(tmp_path):
    trained = vaekit.fit(
        "digits", recipe="ladder_vae", latent=3, width=32, epochs=3, out=tmp_path / "run"
    )
    again = vaekit.load(tmp_path / "run")
    rows = trained.source.values[:5]
    assert np.array_equal(again.encode(rows), trained.encode(rows))
    assert again.latent == 6
    assert again.encode(rows).shape == (5, 6)
    assert again.reconstruct(rows).shape == (5, 1, 8, 8)
    assert again.sample(4).shape == (4, 8, 8)
    assert again.interpolate(rows[:2], rows[2:4], steps=3).shape == (2, 3, 1, 8, 8)
    scores = trained.evaluate()
    assert scores.elbo <= scores.log_likelihood + 0.1
    assert "rungs.1.posterior" in as_text(describe(trained))


def test_convolutions_alone_make_no_ladder():
    with pytest.raises(BadInput, match="dense or residual, not conv"):
        ladder_vae(shape=(1, 16, 16), likelihood="bernoulli", network="conv")


@pytest.mark.long
def test_annealing_finds_the_likelihood_through_layers():
    """From posteriors that are wrong, and from the prior, to the known log p(x)."""
    model, p = linear_ladder(spoiled=0.5)
    x = torch.tensor([[0.3], [-2.0], [2.5]])
    for start in ("posterior", "prior"):
        found = anneal(model, x, steps=200, chains=32, start=start)
        away = (found.value - p.log_prob(x)[:, 0]).abs()
        assert (away < 4.5 * found.standard_error).all()
        assert found.standard_error.max() < 0.1
