"""Mistakes found elsewhere in likelihoods and estimates of log p(x), and why they cannot happen here.

Each test names a mistake in a line ("Elsewhere: ...") and shows that it is not made.
"""

from dataclasses import replace

import numpy as np
import pytest
import scipy.stats
import torch
from parts import LIKELIHOODS, LinearGaussian, model, rows

import vaekit
from vaekit.evaluation import log_likelihood
from vaekit.evaluation.scores import elbo_terms
from vaekit.families import likelihood
from vaekit.models.drawing import Generator, at_mean
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae, miwae

WRONG = LinearGaussian(shift=0.15, stretch=1.3, full=False)


def test_log_p_has_the_sign_its_name_says():
    """Elsewhere: a function called negative log-likelihood returns the positive one."""
    found = log_likelihood(WRONG.model, WRONG.x, samples=5000)
    assert torch.allclose(found.value.double(), WRONG.log_px, atol=0.2)
    assert found.mean == pytest.approx(found.value.mean().item())


@pytest.mark.parametrize("samples", [1, 50, 150, 250])
def test_the_number_of_samples_is_obeyed(samples):
    """Elsewhere: 1, 50, 150, 250 samples asked for become 100, 100, 100, 200."""
    drawn = []
    m = model()
    m.likelihood.net.register_forward_hook(lambda _, inputs, __: drawn.append(len(inputs[0])))
    x = rows(m.likelihood.family)
    found = log_likelihood(m, x, samples=samples)
    assert sum(drawn) == samples * len(x)
    assert found.samples == samples


def test_the_divisor_is_the_number_drawn():
    """Elsewhere: ceil(n / k) k samples are drawn and log n subtracted: +0.18 nats for 1,000 by 300."""
    exact = LinearGaussian()
    for samples in (999, 1000, 20_011):
        found = log_likelihood(exact.model, exact.x, samples=samples)
        assert torch.allclose(found.value.double(), exact.log_px, atol=1e-4)


def test_evaluation_encodes_a_row_once():
    """Elsewhere: each row is copied as often as there are samples and encoded every time."""
    seen = []
    m = model()
    m.posterior.net.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    log_likelihood(m, rows(m.likelihood.family), samples=500)
    assert sum(seen) == 7


def test_evaluation_keeps_no_graph():
    """Elsewhere: log p(x) is computed with gradients on, and memory fills."""
    m = model()
    assert not log_likelihood(m, rows(m.likelihood.family), samples=3).value.requires_grad


def test_groups_and_particles_are_not_swapped():
    """Elsewhere: MIWAE's softmax runs over the wrong axis: M = 1, K = 64 gives the plain ELBO."""
    t = trace(WRONG.model, WRONG.x, samples=64)
    assert torch.allclose(miwae(1)(t), iwae(t))
    assert (miwae(1)(t) > t.log_ratio.mean(0)).all()


def test_the_printed_bound_is_the_bound():
    """Elsewhere: the logged value is the weighted mean of log weights, below the true -log p."""
    t = trace(WRONG.model, WRONG.x, samples=50)
    weighted = (torch.softmax(t.log_ratio, 0) * t.log_ratio).sum(0)
    assert torch.allclose(iwae(t), t.log_ratio.exp().mean(0).log())
    assert (weighted > iwae(t)).all()


def test_better_reconstructions_weigh_more():
    """Elsewhere: a perfect and a bad reconstruction get weights 0.27 and 0.73."""
    m = model()
    x = rows(m.likelihood.family)
    t = trace(m, x, samples=200)
    t = replace(t, log_pz=torch.zeros_like(t.kl), log_qz=torch.zeros_like(t.kl))
    weights = torch.softmax(t.log_ratio, 0)
    best, worst = t.log_px.argmax(0), t.log_px.argmin(0)
    assert (weights.gather(0, best[None]) > weights.gather(0, worst[None])).all()


def test_weights_vary_by_sample():
    """Elsewhere: importance weights use the closed-form KL, the same for every sample."""
    t = trace(WRONG.model, WRONG.x, samples=5)
    assert (t.log_qz - t.log_pz).std(0).gt(0.05).all()


def test_normal_densities_are_whole():
    """Elsewhere: log densities lack their constants, or have a precedence error in the exponent."""
    x, loc = torch.randn(2, 5, 6)
    family = likelihood("gaussian", (6,), scale=0.7)
    ours = family(loc).log_prob(x).numpy()
    theirs = scipy.stats.norm(loc.numpy(), 0.7).logpdf(x.numpy()).sum(1)
    assert np.allclose(ours, theirs, atol=1e-4)


def test_squared_error_is_no_likelihood_of_unit_variance_in_disguise():
    """Elsewhere: "mse" assumes variance 1 and leaves its constant out of the loss."""
    narrow, wide = (likelihood("gaussian", (6,), scale=s) for s in (0.1, 1.0))
    x = torch.zeros(1, 6)
    assert narrow(x).log_prob(x) - wide(x).log_prob(x) == pytest.approx(6 * np.log(10), rel=1e-4)


def test_pixels_are_summed_not_averaged():
    """Elsewhere: squared error averaged over pixels against a KL summed over latents."""
    for name, make in LIKELIHOODS.items():
        small, large = make((3,)), make((6,))
        raw = torch.randn(4, *small.raw_shape)
        blocks = small.raw_shape[0] // 3
        doubled = raw.unflatten(1, (blocks, 3)).repeat(1, 1, 2).flatten(1)
        x = small(raw).sample()
        one, two = small(raw).log_prob(x), large(doubled).log_prob(x.repeat(1, 2))
        assert torch.allclose(two, 2 * one, rtol=1e-4, atol=1e-4), name


def test_colour_channels_are_summed_too():
    """Elsewhere: cross-entropy averages the channel axis, so an RGB loss is a third."""
    grey, colour = likelihood("bernoulli", (1, 4, 4)), likelihood("bernoulli", (3, 4, 4))
    raw, x = torch.randn(2, 1, 4, 4), torch.randint(0, 2, (2, 1, 4, 4)).float()
    three = colour(raw.repeat(1, 3, 1, 1)).log_prob(x.repeat(1, 3, 1, 1))
    assert torch.allclose(three, 3 * grey(raw).log_prob(x), rtol=1e-5)


def test_decoders_reach_all_values():
    """Elsewhere: a decoder ends in a sigmoid, so standardised data cannot be fitted; or a logit is
    taken of a sigmoid, so that probabilities stay between 0.5 and 0.73."""
    raw = torch.linspace(-40, 40, 9)[:, None]
    p = likelihood("bernoulli", (1,))(raw).mean
    assert p.min() < 1e-6
    assert p.max() > 1 - 1e-6
    assert likelihood("gaussian", (1,))(raw).mean.min() < -30


@pytest.mark.parametrize("make", LIKELIHOODS.values(), ids=LIKELIHOODS.keys())
def test_nothing_overflows(make):
    """Elsewhere: a log-cosh loss is infinite two units away."""
    family = make((6,))
    for raw in (torch.full((2, *family.raw_shape), v) for v in (-80.0, 0.0, 80.0)):
        assert torch.isfinite(family(raw).log_prob(rows(family, 2))).all()


def test_categories_are_drawn_not_argmaxed():
    """Elsewhere: the likeliest category is always taken: a class of 5 % appears in 0.5 % of rows."""
    family = likelihood("categorical", (1,), levels=3)
    raw = torch.log(torch.tensor([0.05, 0.15, 0.8])).expand(20_000, 3)
    drawn = family(raw).sample()
    assert [(drawn == k).float().mean().item() for k in range(3)] == pytest.approx(
        [0.05, 0.15, 0.8], abs=0.01
    )


def test_large_logits_keep_their_order():
    """Elsewhere: tanh on logits makes 10 and 14 equal in float32, and the wrong one wins."""
    family = likelihood("categorical", (1,), levels=3)
    d = family(torch.tensor([[9.5, 14.0, 10.0]]))
    assert d.base_dist.probs.argmax() == 1
    assert d.base_dist.mode == 1


def test_the_test_elbo_is_an_elbo():
    """Elsewhere: in evaluation z is the posterior's mean, so the printed "ELBO" is not one."""
    m = model()
    x = rows(m.likelihood.family, 400)
    terms = elbo_terms(m, x)
    honest = (terms[0] - terms[1]).mean()
    by_mean = elbo(trace(m, x, rule=at_mean)).mean()
    draws = torch.stack([elbo(trace(m, x)) for _ in range(200)]).mean()
    assert abs(honest - draws) < 0.05
    assert abs(by_mean - draws) > 1e-3


def test_any_shape_can_be_evaluated():
    """Elsewhere: the evaluation reshapes to 1 x 28 x 28 whatever the data."""
    m = vaekit.fit(
        np.random.default_rng(0).integers(0, 9, (40, 5, 7, 3)).astype(np.uint8),
        latent=2,
        width=8,
        epochs=1,
    )
    assert np.isfinite(m.evaluate(samples=5).log_likelihood)


def test_grey_bernoulli_is_flagged():
    """Elsewhere: grey levels under a Bernoulli are reported as log-likelihood."""
    m = vaekit.fit("digits", likelihood="bernoulli", latent=2, width=8, epochs=1)
    assert "not a likelihood" in m.evaluate(samples=5).bits.bits_of


def test_generation_clips_before_it_rounds():
    """Elsewhere: 255 x is cast to bytes without clipping, so bright pixels wrap to black."""
    from vaekit.data import Representation

    r = Representation((1,), "uint8", 255.0)
    assert r.decode(torch.tensor([[1.3], [-0.2], [0.999]])).flatten().tolist() == [255, 0, 255]


def test_scores_do_not_change_from_call_to_call():
    """Elsewhere: anomaly scores use a random z: single scores change by 118 % between calls."""
    from sklearn.datasets import load_digits

    X = load_digits().data[:60]
    vae = vaekit.VAETransformer(2, epochs=2, options={"width": 8}, random_state=0).fit(X)
    assert np.array_equal(vae.score_samples(X), vae.score_samples(X))
    assert np.allclose(vae.score_samples(X[10:20]), vae.score_samples(X)[10:20])


def test_embeddings_are_means():
    """Elsewhere: embed, reconstruct and interpolate return random draws."""
    m = vaekit.fit("digits", latent=2, width=8, epochs=1)
    x = m.source.values[:5]
    assert np.array_equal(m.encode(x), m.encode(x))
    assert np.array_equal(m.reconstruct(x), m.reconstruct(x))
    assert np.array_equal(m.interpolate(x[:2], x[2:4]), m.interpolate(x[:2], x[2:4]))


def test_bad_values_are_not_averaged_away():
    """Elsewhere: an evaluation averages the finite rows only, or drops the last batch."""
    m = model()
    x = rows(m.likelihood.family, 513)
    x[-1] = float("nan")
    assert np.isnan(log_likelihood(m, x, samples=2).mean)
    assert log_likelihood(m, x, samples=2).value.shape == (513,)


def test_generators_draw_from_the_prior():
    """Elsewhere: pictures of the latent plane stop at +-1, as if the prior did."""
    m = model()
    seen = []
    m.likelihood.net.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    m(Generator(20_000))
    z = seen[0]
    assert z.abs().max() > 3
    assert z.std(0).sub(1).abs().max() < 0.05
