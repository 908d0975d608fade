"""q(z|x) fitted to each row: against posteriors that are known."""

import numpy as np
import pytest
import torch
from parts import LinearGaussian
from torch import nn

import vaekit
from vaekit.conditionals import Conditional, Vamp
from vaekit.evaluation import refine
from vaekit.evaluation.refining import Refinement, moved
from vaekit.families import DiagonalNormal
from vaekit.models import VAE
from vaekit.models.trace import trace
from vaekit.system.checks import BadInput


class Clueless(nn.Module):
    """An encoder that says the same of every row."""

    def forward(self, x):
        return torch.zeros(len(x), 4)


class Likelihood(nn.Module):
    """x = z / 2 + m + s e, a number from each latent: the posterior of a row is diagonal."""

    def forward(self, z):
        return torch.distributions.Independent(torch.distributions.Normal(z / 2 + 1, 0.5), 1)


def clueless():
    family = DiagonalNormal(2)
    prior = LinearGaussian(latent=2).model.prior.float()
    return VAE(prior, Conditional(Clueless(), family), Likelihood())


X = torch.tensor([[3.0, 0.0], [2.0, -1.0], [0.0, 1.5]])


def log_p(x):
    """Each number is normal with mean 1 and variance 1/4 + 1/4."""
    return torch.distributions.Normal(1.0, 0.5**0.5).log_prob(x).sum(1)


def test_a_clueless_encoder_loses_what_the_posterior_of_a_row_has_more():
    found = refine(clueless(), X)
    assert torch.allclose(found.fitted, log_p(X), atol=0.02)
    assert torch.allclose(found.log_likelihood, log_p(X), atol=0.02)
    assert found.family_gap.abs().max() < 0.02
    assert (found.encoder_gap > 0.1).all()


def test_what_an_exact_encoder_gives_cannot_be_bettered():
    model = clueless()
    spread = torch.tensor(0.5**0.5)  # posterior: mean x - 1, variance 1 / (1 + 1)
    raw = model.posterior.family

    class Exact(nn.Module):
        def forward(self, x):
            free = torch.log(torch.expm1(spread)).expand(len(x), 2)
            return torch.cat([x - 1, free], 1)

    model.posterior = Conditional(Exact(), raw)
    found = refine(model, X)
    assert found.encoder_gap.abs().max() < 0.02


def test_the_model_is_left_as_it_was():
    model = clueless()
    before = refine(model, X, steps=3, seed=1)
    again = refine(model, X, steps=3, seed=1)
    assert torch.equal(before.fitted, again.fitted)
    assert not model.posterior.net._forward_hooks


@pytest.mark.parametrize("pseudo", [2, 3])
def test_what_a_prior_asks_the_encoder_is_not_moved(pseudo):
    """Not even where it asks of as many rows as are refined."""
    model = clueless()
    model.prior = Vamp(model.posterior, (2,), 2, pseudo)
    before = model.prior().log_prob(X)
    move = torch.ones(3, 4)
    with moved(model, move):
        assert torch.equal(model.prior().log_prob(X), before)
        latent = trace(model, X).latents["z"]
        assert torch.allclose(latent.log_p[0], model.prior().log_prob(latent.value[0]))
        assert torch.equal(latent.posterior.mean, torch.ones(3, 2))
    assert not model.prior._forward_hooks
    assert not model.prior._forward_pre_hooks
    assert (refine(model, X, steps=3).encoder_gap > 0).all()


@pytest.mark.parametrize("recipe", ["mmvae", "mmvae_plus", "mopoe"])
def test_mixtures_of_experts_are_fitted_by_draws_of_each(recipe):
    """Gradients do not follow the choice of an expert; rows of which a modality is missing have
    one that nothing chooses."""
    rows = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
    rows[::5, 2:] = np.nan
    model = vaekit.fit(rows, recipe, modalities="0-1,2-3", epochs=1, latent=2, width=8, quiet=True)
    found = refine(model.model, model.rows(rows[:12], "all"), steps=60)
    assert found.encoder_gap.mean() > 0.02
    assert found.encoder_gap.min() > -0.05
    assert found.fitted.isfinite().all()


def test_a_q_whose_draws_no_gradient_follows_is_refused():
    class Cut(nn.Module):
        event_shape, raw_shape, has_density = (2,), (4,), True

        def forward(self, raw):
            return torch.distributions.MixtureSameFamily(
                torch.distributions.Categorical(logits=raw[:, :2]),
                DiagonalNormal(2)(raw[:, None].expand(-1, 2, -1)),
            )

    model = clueless()
    model.posterior = Conditional(Clueless(), Cut())
    with pytest.raises(BadInput, match="gradients do not follow"):
        refine(model, X, steps=1)


def test_means_and_words():
    found = refine(clueless(), X, steps=3)
    told = Refinement.of(found)
    assert told.encoder_gap == pytest.approx(found.encoder_gap.mean().item(), rel=1e-5)
    assert told.rows == 3
    assert Refinement.of(refine(clueless(), X[:1], steps=1)).encoder_error is None


@pytest.mark.parametrize(
    ("recipe", "options", "said"),
    [
        ("ladder_vae", {"network": "dense"}, "2 latents"),
        ("vq_vae", {"network": "dense"}, "no way: q"),
        ("autoencoder", {}, "are points"),
    ],
)
def test_models_without_such_a_q_say_so(recipe, options, said):
    model = vaekit.fit("digits", recipe, epochs=1, width=8, quiet=True, latent=2, **options)
    with pytest.raises(BadInput, match=said):
        refine(model.model, model.rows("digits", "test")[:2], steps=1)


def test_a_trained_model_tells_what_its_encoder_loses(tmp_path):
    model = vaekit.fit("digits", latent=2, width=16, epochs=1, quiet=True)
    scores = model.evaluate(samples=5, refined_rows=4)
    told = scores.to_dict()
    assert told["refined_rows"] == 4
    assert told["encoder_gap"] > 0
    assert any(f.name == "encoder's gap" for group in scores.figures for f in group.each)
