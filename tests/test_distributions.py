"""Every density sums or integrates to one, and every sampler draws from its density."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from torch import distributions as D

from vaekit.distributions import (
    BetaBinomial,
    CategoricalLevels,
    ContinuousBernoulli,
    DiscretizedLogistic,
    Point,
    StudentT,
    common_draws,
    draw_with_density,
    exact_kl,
    kl_per_dimension,
)

LEVELS = {
    "logistic": lambda: DiscretizedLogistic(torch.tensor([3.0, -2.0, 9.6]), torch.tensor([0.8, 0.3, 4.0]), 9),
    "narrow logistic": lambda: DiscretizedLogistic(torch.tensor([4.2]), torch.tensor([1e-3]), 9),
    "wide logistic": lambda: DiscretizedLogistic(torch.tensor([4.2]), torch.tensor([1e4]), 9),
    "beta-binomial": lambda: BetaBinomial(torch.tensor([0.4, 2.0, 30.0]), torch.tensor([0.3, 5.0, 2.0]), 9),
    "categorical": lambda: CategoricalLevels(logits=torch.randn(3, 9)),
    "mixture": lambda: D.MixtureSameFamily(
        D.Categorical(logits=torch.randn(2, 3)),
        DiscretizedLogistic(torch.rand(2, 3) * 8, torch.rand(2, 3) + 0.2, 9),
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", LEVELS.values(), ids=LEVELS.keys())
class TestLevels:
    def all_values(self, d):
        return torch.arange(9.0).view(-1, *[1] * len(d.batch_shape)).expand(9, *d.batch_shape)

    def test_sums_to_one(self, make):
        d = make()
        total = d.log_prob(self.all_values(d)).exp().sum(0)
        assert torch.allclose(total, torch.ones(d.batch_shape), atol=1e-5)

    def test_sampler_matches_density(self, make):
        d, n = make(), 40_000
        draws = d.sample((n,))
        assert draws.min() >= 0
        assert draws.max() <= 8
        expected = d.log_prob(self.all_values(d)).exp()
        seen = torch.stack([(draws == k).float().mean(0) for k in range(9)])
        error = (expected * (1 - expected) / n).sqrt() + 1e-4
        assert ((seen - expected).abs() < 5 * error).all()

    def test_mean_is_the_mean_of_the_density(self, make):
        d = make()
        values = self.all_values(d)
        assert torch.allclose(d.mean, (values * d.log_prob(values).exp()).sum(0), atol=1e-3)

    def test_expand_keeps_densities(self, make):
        d = make()
        x = d.sample()
        wide = d.expand((4, *d.batch_shape))
        assert torch.allclose(wide.log_prob(x), d.log_prob(x).expand(4, *x.shape))


def test_modes_are_the_likeliest_levels():
    for name in ("logistic", "wide logistic", "beta-binomial", "categorical"):
        d = LEVELS[name]()
        values = torch.arange(9.0)[:, None].expand(9, *d.batch_shape)
        likeliest = d.log_prob(values).max(0).values
        assert torch.allclose(d.log_prob(d.mode), likeliest, atol=1e-5), name


def test_discretized_logistic_against_its_definition_in_high_precision():
    loc, scale = 3.3, 0.7
    edges = np.array([-np.inf, *(np.arange(8) + 0.5), np.inf])
    expected = np.diff(scipy.stats.logistic.cdf(edges, loc, scale))
    d = DiscretizedLogistic(torch.tensor(loc).double(), torch.tensor(scale).double(), 9)
    assert np.allclose(d.log_prob(torch.arange(9.0).double()).exp().numpy(), expected, rtol=1e-10)


def test_discretized_logistic_keeps_digits_far_in_the_tail():
    d = DiscretizedLogistic(torch.tensor(0.0), torch.tensor(0.1), 256)
    tail = d.log_prob(torch.tensor([100.0, 200.0]))
    assert torch.allclose(tail[0] - tail[1], torch.tensor(1000.0), rtol=1e-4)


def test_beta_binomial_against_scipy():
    ours = BetaBinomial(torch.tensor(2.5).double(), torch.tensor(0.7).double(), 17)
    values = torch.arange(17.0).double()
    theirs = scipy.stats.betabinom(16, 2.5, 0.7).logpmf(values.numpy())
    assert np.allclose(ours.log_prob(values).numpy(), theirs)


def test_a_point_has_no_finite_density():
    q = Point(torch.tensor([[1.0, 2.0]]))
    assert q.log_prob(torch.tensor([[1.0, 2.0]])) == math.inf
    assert q.log_prob(torch.tensor([[1.0, 2.1]])) == -math.inf
    prior = D.Independent(D.Normal(torch.zeros(2), 1.0), 1)
    assert exact_kl(q, prior).tolist() == [math.inf]
    assert q.expand((3, 1)).rsample().shape == (3, 1, 2)
    assert q.variance.eq(0).all()


def gaussian_pairs():
    loc, scale = torch.randn(4, 3), torch.rand(4, 3) + 0.3
    factor = torch.randn(4, 3, 2) * 0.5
    tril = torch.randn(4, 3, 3).tril(-1) + torch.diag_embed(scale)
    prior = D.Independent(
        D.Normal(torch.tensor([0.3, -0.2, 0.1]), torch.tensor([1.0, 2.0, 3.0])), 1
    )
    return {
        "diagonal": (D.Independent(D.Normal(loc, scale), 1), prior),
        "full": (D.MultivariateNormal(loc, scale_tril=tril), prior),
        "low rank": (D.LowRankMultivariateNormal(loc, factor, scale**2), prior),
    }


@pytest.mark.parametrize("name", gaussian_pairs().keys())
def test_exact_kl_equals_a_million_draws(name):
    torch.manual_seed(3)
    q, p = gaussian_pairs()[name]
    z = q.sample((1_000_000,))
    ratio = q.log_prob(z) - p.log_prob(z)
    error = ratio.std(0) / 1000
    assert ((exact_kl(q, p) - ratio.mean(0)).abs() < 4 * error).all()


def test_exact_kl_equals_torchs_between_full_covariances():
    for q, p in gaussian_pairs().values():
        full_p = D.MultivariateNormal(p.mean, torch.diag_embed(p.variance))
        full_q = D.MultivariateNormal(
            q.mean, getattr(q, "covariance_matrix", torch.diag_embed(q.variance))
        )
        assert torch.allclose(exact_kl(q, p), D.kl_divergence(full_q, full_p), atol=1e-4)


def test_exact_kl_of_classes_equals_torchs():
    torch.manual_seed(0)
    q, p = D.OneHotCategorical(logits=torch.randn(5, 4)), D.OneHotCategorical(logits=torch.randn(4))
    sure = D.OneHotCategorical(probs=torch.tensor([0.0, 1.0, 0.0, 0.0]))
    for one, other in ((q, p), (sure, p), (p, sure), (sure, sure)):
        assert torch.allclose(exact_kl(one, other), D.kl_divergence(one, other), atol=1e-6)


def test_unknown_kl_is_none():
    cauchy = D.Independent(D.Cauchy(torch.zeros(2, 3), 1.0), 1)
    normal = D.Independent(D.Normal(torch.zeros(3), 1.0), 1)
    full = D.MultivariateNormal(torch.zeros(3), torch.eye(3))
    assert exact_kl(cauchy, normal) is None
    assert exact_kl(full, D.Independent(D.Laplace(torch.zeros(3), 1.0), 1)) is None
    assert kl_per_dimension(cauchy, normal) is None


def test_kl_per_dimension_adds_up_for_independent_dimensions():
    q, p = gaussian_pairs()["diagonal"]
    assert torch.allclose(kl_per_dimension(q, p).sum(-1), exact_kl(q, p), atol=1e-5)
    assert kl_per_dimension(*gaussian_pairs()["full"]).shape == (4, 3)


@pytest.mark.parametrize("name", [*gaussian_pairs().keys(), "point"])
def test_common_draws_follow_q_and_ignore_neighbours(name):
    torch.manual_seed(4)
    q = Point(torch.randn(4, 3)) if name == "point" else gaussian_pairs()[name][0]
    torch.manual_seed(5)
    z = common_draws(q, 100_000)
    assert z.shape == (100_000, 4, 3)
    assert torch.allclose(z.mean(0), q.mean, atol=0.03)
    assert torch.allclose(z.var(0), q.variance, rtol=0.05, atol=0.01)
    if name == "full":
        centred = z - z.mean(0)
        seen = torch.einsum("kbi,kbj->bij", centred, centred) / len(z)
        assert torch.allclose(seen, q.covariance_matrix, atol=0.05)


def test_common_draws_of_an_unknown_family_say_so():
    with pytest.raises(NotImplementedError, match="Cauchy"):
        common_draws(D.Independent(D.Cauchy(torch.zeros(2, 3), 1.0), 1), 5)


def test_draws_come_with_their_density():
    q, _ = gaussian_pairs()["full"]
    z, log_q = draw_with_density(q, torch.Size([6]))
    assert torch.allclose(log_q, q.log_prob(z))
    d = D.Bernoulli(torch.full((2,), 0.4))
    z, log_q = draw_with_density(d, torch.Size([6]))
    assert torch.allclose(log_q, d.log_prob(z))


def test_students_t_is_torchs():
    """It differs in what it waits for, not in what it says."""
    df, loc, scale = torch.tensor([1.5, 4.0]), torch.randn(3, 2), torch.rand(3, 2) + 0.1
    ours, theirs = StudentT(df, loc, scale), D.StudentT(df, loc, scale)
    x = torch.randn(5, 3, 2)
    assert torch.equal(ours.log_prob(x), theirs.log_prob(x))
    assert torch.equal(ours.mean, theirs.mean)
    wide = ours.expand((7, 3, 2))
    assert wide.batch_shape == (7, 3, 2)
    assert torch.equal(wide.log_prob(x[0]), theirs.expand((7, 3, 2)).log_prob(x[0]))
    torch.manual_seed(0)
    one = ours.rsample((2,))
    torch.manual_seed(0)
    assert torch.equal(one, theirs.rsample((2,)))


def test_a_beta_binomial_tells_its_parameters():
    """And by them its mean, (L - 1) a / (a + b)."""
    a, b = torch.tensor([0.4, 2.0]), torch.tensor([0.3, 5.0])
    p = BetaBinomial(a, b, 9)
    assert torch.equal(p.concentration1, a)
    assert torch.equal(p.concentration0, b)
    assert torch.allclose(p.mean, 8 * p.concentration1 / (p.concentration1 + p.concentration0))


def test_the_mean_of_a_steep_continuous_bernoulli_has_its_gradient():
    """d mean / d l is the variance, 1 / l^2 far out."""
    logits = torch.tensor([-3000.0, -90, -20, 0.1, 60, 120, 1e9]).requires_grad_()
    p = ContinuousBernoulli(logits)
    (slope,) = torch.autograd.grad(p.mean.sum(), logits, create_graph=True)
    assert torch.allclose(slope, p.variance, rtol=1e-4)
    assert torch.allclose(slope[[0, 1, 5]], logits[[0, 1, 5]] ** -2, rtol=1e-4)
    (bend,) = torch.autograd.grad(slope.sum() + p.variance.sum(), logits)
    assert torch.isfinite(bend).all()
