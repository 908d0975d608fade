"""What an estimate says of its own error is so, or it says that it is not to be believed."""

import math

import numpy as np
import pytest
import torch
from torch import distributions as D
from torch import nn

import vaekit
from vaekit.conditionals import StandardNormal
from vaekit.evaluation import anneal, bound_curve, log_likelihood, sandwich
from vaekit.evaluation.annealing import Annealed
from vaekit.evaluation.scores import annealed_part, elbo_terms, score, with_annealing
from vaekit.evaluation.tails import Sums, pareto, spread, tail_length
from vaekit.models import VAE
from vaekit.models.trace import trace
from vaekit.pages.panels import bits_by_place

ROWS, REPEATS = 10, 60


class Fixed(nn.Module):
    """N(shift, scale^2) in ``dim`` dimensions, whatever the input."""

    def __init__(self, dim, shift, scale):
        super().__init__()
        self.dim, self.shift, self.scale = dim, shift, scale

    def forward(self, x):
        loc = torch.full((len(x), self.dim), self.shift)
        return D.Independent(D.Normal(loc, self.scale), 1)


class Blind(nn.Module):
    """p(x|z) = N(0, 1), whatever z: then p(z|x) = p(z), and log p(x) is known."""

    def forward(self, z):
        return D.Independent(D.Normal(torch.zeros(len(z), 1), 1.0), 1)


def estimates(dim, shift, scale, samples):
    model = VAE(StandardNormal(dim), Fixed(dim, shift, scale), Blind())
    found = log_likelihood(model, torch.zeros(ROWS * REPEATS, 1), samples=samples)
    off = found.value.double() + math.log(2 * math.pi) / 2
    means = off.unflatten(0, (REPEATS, ROWS)).mean(1)
    errors = found.standard_error.double().unflatten(0, (REPEATS, ROWS)).square().sum(1).sqrt()
    return found, means, errors / ROWS


@pytest.mark.parametrize(
    ("dim", "shift", "scale", "samples"),
    [
        (2, 0.1, 1.2, 100),
        (10, 0.0, 1.3, 1000),
        (10, 0.0, 0.8, 1000),
        (10, 0.0, 0.75, 1000),
        (10, 0.4, 1.0, 1000),
        (30, 0.0, 1.3, 1000),
        (30, 0.0, 0.85, 1000),
        (10, 0.0, 0.7, 1000),
        (30, 0.0, 1.3, 100),
        (10, 0.0, 0.6, 1000),
        (30, 0.0, 0.7, 1000),
        (50, 0.1, 1.3, 1000),
    ],
)
def test_the_truth_is_within_two_errors_or_there_is_a_warning(dim, shift, scale, samples):
    found, means, errors = estimates(dim, shift, scale, samples)
    covered = (means.abs() < 2 * errors).double().mean().item()
    assert covered >= 0.9 or not found.trusted
    if found.effective.median() >= 100:
        assert found.trusted
        assert 0.7 < errors.mean() / means.std() < 1.6
    if found.effective.median() < 30:
        assert not found.trusted


def test_one_sample_says_nothing_of_its_error():
    model = VAE(StandardNormal(2), Fixed(2, 0.0, 1.2), Blind())
    found = score(model, torch.zeros(5, 1), samples=1)
    assert found.density.sampling_error is None
    assert found.to_dict()["sampling_error"] is None
    assert found.doubts == ()


def test_few_effective_samples_are_said_in_words():
    model = VAE(StandardNormal(30), Fixed(30, 0.0, 0.7), Blind())
    found = score(model, torch.zeros(20, 1), samples=200)
    assert "log p(x) is not to be believed" in found.diagnosis
    assert found.doubts
    assert found.doubts[0] in found.diagnosis
    good = VAE(StandardNormal(2), Fixed(2, 0.0, 1.1), Blind())
    assert not score(good, torch.zeros(20, 1), samples=200).doubts


@pytest.mark.parametrize("shape", [-0.3, 0.1, 0.4, 0.8])
def test_the_tail_s_shape_is_found(shape):
    v = np.random.default_rng(0).random((400, 200))
    x = torch.from_numpy(np.sort(2 * (v**-shape - 1) / shape, 1))
    found, scale = pareto(x)
    assert found.mean() == pytest.approx((200 * shape + 5) / 210, abs=0.04)
    assert scale.mean() == pytest.approx(2, rel=0.1)


def test_sums_do_not_depend_on_their_pieces():
    w = 2 * torch.randn(90, 4, dtype=torch.float64)
    whole, parts = Sums.of(w, 20), Sums.of(w[:7], 20)
    for start in range(7, 90, 7):
        parts = parts.joined(Sums.of(w[start : start + 7], 20), 20)
    for a, b in zip(spread(whole, 90), spread(parts, 90), strict=True):
        assert torch.allclose(a, b)


def test_the_elbo_s_and_the_curve_s_errors_are_the_spread_of_rows():
    model = VAE(StandardNormal(3), Fixed(3, 0.3, 0.8), Blind())
    x = torch.randn(50, 1)
    terms = elbo_terms(model, x)
    elbo = terms[0] - terms[1]
    found = score(model, x, samples=4).density
    assert found.elbo_error == pytest.approx(elbo.std().item() / math.sqrt(50))
    curve = bound_curve(model, x, most=64)
    error = log_likelihood(model, x, samples=64).mean_error
    assert curve.error[-1] == pytest.approx(error, rel=0.2)


@pytest.mark.parametrize(
    ("most", "sizes"), [(10, [1, 2, 4, 8, 10]), (16, [1, 2, 4, 8, 16]), (1, [1])]
)
def test_a_curve_goes_up_to_any_number_of_particles(most, sizes):
    model = VAE(StandardNormal(3), Fixed(3, 0.3, 0.8), Blind())
    x = torch.randn(2000, 1)
    curve = bound_curve(model, x, most=most)
    assert curve.particles == sizes
    for size, bound, error in zip(sizes, curve.bound, curve.error, strict=True):
        alone = log_likelihood(model, x, samples=size, seed=1)
        assert bound == pytest.approx(alone.mean, abs=4 * math.hypot(error, alone.mean_error))


class Coin(nn.Module):
    """p(x|z) = Bernoulli with logits 4 z: discrete, and all but certain for most z."""

    def forward(self, z):
        return D.Independent(D.Bernoulli(logits=4 * z.abs() + 3), 1)


def test_annealing_gives_no_discrete_row_a_probability_above_1():
    model = VAE(StandardNormal(6), Fixed(6, 0.0, 1.0), Coin())
    x = torch.ones(300, 6)
    found = anneal(model, x, steps=2, chains=1, leapfrog=1, start="posterior")
    raw = torch.logsumexp(found.log_weights, 0) - math.log(len(found.log_weights))
    assert found.most == 0
    assert found.value.max() <= 0
    assert torch.equal(found.value, raw.clamp_max(0))
    apart = sandwich(model, 50, steps=2, chains=1, leapfrog=1)
    assert apart.upper_value.max() <= 0
    assert (
        anneal(VAE(StandardNormal(1), Fixed(1, 0.0, 1.0), Blind()), x[:2, :1], steps=2).most > 1e9
    )


class Pointed(nn.Module):
    """A Student's t q, whose KL from a normal has to be sampled."""

    def forward(self, x):
        return D.Independent(D.StudentT(20.0, torch.zeros(len(x), 3), 0.7), 1)


def test_a_sampled_kl_is_the_mean_over_all_draws():
    model = VAE(StandardNormal(3), Pointed(), Blind())
    x = torch.zeros(400, 1)
    one = trace(model, x).kl[0].std().item()
    assert one > 0.1
    assert elbo_terms(model, x)[1].std().item() == pytest.approx(one / 4, rel=0.2)


class Folded(nn.Module):
    """p(x|z) = N(2|z|, 1/16) in each of eight dimensions: each has two modes."""

    def forward(self, z):
        return D.Independent(D.Normal(2 * z.abs(), 0.25), 1)


class OneMode(nn.Module):
    """q near the positive mode of each."""

    def forward(self, x):
        return D.Independent(D.Normal(x / 2, 0.125), 1)


def test_annealing_shows_what_a_poor_encoder_hides():
    """q knows one of two modes in each dimension, and so do samples of it."""
    dim = 4
    model = VAE(StandardNormal(dim), OneMode(), Folded())
    x = model.likelihood(torch.randn(40, dim)).sample()
    grid = torch.linspace(-7, 7, 20001, dtype=torch.float64)
    joint = D.Normal(2 * grid.abs(), 0.25).log_prob(x.double()[..., None])
    truth = torch.logsumexp(joint + D.Normal(0.0, 1.0).log_prob(grid), -1)
    truth = (truth + math.log((grid[1] - grid[0]).item())).sum(1)
    found = with_annealing(
        score(model, x, samples=100), model, x, count=40, steps=100, chains=8
    ).annealing
    short = truth.mean().item() - found.value
    assert -4 * found.error < short < max(found.gap, 0) + 4 * found.error + 0.05
    assert found.gap < 0.5
    hidden = truth.mean().item() - anneal(model, x, steps=100, start="posterior").mean
    assert hidden > 1.5


def test_annealing_and_its_sandwich_begin_alike():
    import inspect

    starts = [inspect.signature(f).parameters["start"].default for f in (anneal, sandwich)]
    assert starts == ["prior", "prior"]


def test_annealing_s_errors():
    w = torch.randn(8, 6, dtype=torch.float64)
    p = torch.softmax(w, 0)
    by_hand = ((8 * p.square().sum(0) - 1) / 7).sqrt()
    assert torch.allclose(Annealed(w, 0.5, 3).standard_error, by_hand)
    assert Annealed(w[:1], 0.5, 3).standard_error.isnan().all()
    model = VAE(StandardNormal(4), OneMode(), Folded())
    x = model.likelihood(torch.randn(12, 4)).sample()
    scores = score(model, x, samples=4)
    one = with_annealing(scores, model, x, count=12, steps=5, chains=1).annealing
    assert one.error is None
    same = annealed_part(x, 12, 0)
    found = anneal(model, same, steps=5, chains=4).standard_error.square().sum().sqrt() / 12
    many = with_annealing(scores, model, x, count=12, steps=5, chains=4).annealing
    assert many.error == pytest.approx(found.item(), rel=1e-4)


def test_bits_by_place_add_up_to_the_elbo():
    model = vaekit.fit("digits", latent=8, width=32, epochs=30)
    rows = model.rows(model.source, "test")[:100]
    where, latent = bits_by_place(model, rows)
    terms = elbo_terms(model.model, rows)
    bits = (terms[1] - terms[0]).mean().item() / math.log(2)
    assert where.sum() + latent == pytest.approx(bits, rel=0.004)


def test_the_error_of_a_logarithm_stays_one_of_a_logarithm():
    """Where one weight outweighs all others the relative error may be millions; its logarithm is
    not."""
    weights = torch.randn(100, 4, dtype=torch.float64) * 30
    found = spread(Sums.of(weights, tail_length(100) + 1), 100)
    assert (found.error < 40).all()
    calm = spread(Sums.of(weights / 300, tail_length(100) + 1), 100)
    by_hand = (weights / 300).exp()
    assert torch.allclose(calm.error, by_hand.std(0) / by_hand.mean(0) / 10, rtol=0.3)
