"""Densities at the ends of their ranges: large counts, far logits, tiny scales, odd units."""

import math

import mpmath
import numpy as np
import pytest
import scipy.stats
import torch
from parts import LIKELIHOODS, VECTOR, model, rows
from torch import distributions as D

from vaekit.data_init import data_init, moments
from vaekit.distributions import (
    Affine,
    BetaBinomial,
    CategoricalLevels,
    ContinuousBernoulli,
    DiscretizedLogistic,
    LevelMixture,
    LowRankNormal,
    NegativeBinomial,
    Poisson,
    draw_with_density,
    is_discrete,
)
from vaekit.evaluation import bound_curve, elbo_per_row, log_likelihood, log_likelihood_per_row
from vaekit.evaluation.scores import score
from vaekit.families import likelihood

COUNTS = [0, 1, 2, 7, 100, 10_000, 10**6, 10**8, 2**31]
SHARES = [0.5, 0.999, 1.0, 1.0001, 1.5]
SIZES = [1e-4, 0.3, 1.0, 50.0, 1e4, 1e7, 1e9]


def close(ours, right, nats=1e-4):
    """To so many nats, or to what float32 can say of a larger number."""
    return abs(ours - right) <= nats + 2e-7 * abs(right)


def pairs_of_count_and_mean():
    """Means near each count and far from it, as float32 has them."""
    means = [float(np.float32(max(k, 1) * share)) for k in COUNTS for share in SHARES]
    return [(k, m) for k in COUNTS for m in [*means, 2.0**-13, 2.0**-7]]


def log_ways(k, r):
    with mpmath.workdps(40):
        return mpmath.loggamma(k + r) - mpmath.loggamma(r) - mpmath.loggamma(k + 1)


def test_poisson_is_right_from_0_to_2_to_the_31():
    for k, m in pairs_of_count_and_mean():
        mean = torch.tensor(m, requires_grad=True)
        found = Poisson(mean).log_prob(torch.tensor(float(k)))
        assert found.dtype == torch.float32
        with mpmath.workdps(40):
            right = float(k * mpmath.log(m) - m - mpmath.loggamma(k + 1))
        assert close(found.item(), right), (k, m, found.item(), right)
        found.backward()
        assert mean.grad.item() == pytest.approx((k - m) / m, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("r", SIZES)
def test_negative_binomial_is_right_from_0_to_2_to_the_31(r):
    r = float(np.float32(r))
    for k, m in pairs_of_count_and_mean():
        mean, size = (torch.tensor(v, requires_grad=True) for v in (m, r))
        found = NegativeBinomial(mean, size).log_prob(torch.tensor(float(k)))
        with mpmath.workdps(40):
            chances = r * mpmath.log1p(mpmath.mpf(m) / r) + k * mpmath.log1p(mpmath.mpf(r) / m)
            right = float(log_ways(k, r) - chances)
            slope = float(mpmath.digamma(k + r) - mpmath.digamma(r) - mpmath.log1p(mpmath.mpf(m) / r) + (mpmath.mpf(m) - k) / (m + r))  # fmt: skip
        assert close(found.item(), right), (k, m, found.item(), right)
        found.backward()
        assert mean.grad.item() == pytest.approx((k - m) * r / m / (m + r), rel=1e-5, abs=1e-6)
        assert size.grad.item() == pytest.approx(slope, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("levels", [2, 17, 256, 257, 4096, 10**6, 2**31])
def test_beta_binomial_is_right_to_2_to_the_31(levels):
    n = levels - 1
    for k in {0, 1, n // 3, n - 1, n}:
        for a, b in [(1e-3, 1e-3), (0.5, 3.0), (30.0, 2.0)]:
            a, b = float(np.float32(a)), float(np.float32(b))
            found = BetaBinomial(torch.tensor(a), torch.tensor(b), levels)
            found = found.log_prob(
                torch.tensor(k).double() if levels > 2**24 else torch.tensor(float(k))
            )
            with mpmath.workdps(40):
                log_beta = lambda a, b: mpmath.log(mpmath.beta(a, b))  # noqa: E731
                ways = -mpmath.log(n + 1) - log_beta(n - k + 1, k + 1)
                right = float(ways + log_beta(k + a, n - k + b) - log_beta(a, b))
            nats = 1e-4 if levels > 256 else 2e-4  # in float32, for speed
            assert close(found.item(), right, nats), (k, a, b, found.item(), right)


def test_float64_counts_are_scipys():
    k = torch.arange(0.0, 60.0, dtype=torch.float64)
    mean, size = torch.tensor([7.3, 2.4], dtype=torch.float64)
    assert np.allclose(Poisson(mean).log_prob(k), scipy.stats.poisson(7.3).logpmf(k), rtol=1e-10, atol=1e-10)  # fmt: skip
    theirs = scipy.stats.nbinom(size, size / (size + mean)).logpmf(k)
    d = NegativeBinomial(mean, size)
    assert np.allclose(d.log_prob(k), theirs, rtol=1e-10, atol=1e-10)
    assert d.variance == pytest.approx(7.3 + 7.3**2 / 2.4)
    draws = d.expand((200_000,)).sample().numpy()
    assert draws.mean() == pytest.approx(7.3, rel=0.01)
    assert draws.var() == pytest.approx(d.variance.item(), rel=0.03)


def test_a_true_model_of_large_counts_scores_what_it_should():
    x = np.random.default_rng(0).poisson(1e8, size=(400, 3))
    right = scipy.stats.poisson.logpmf(x, 1e8).sum(1)
    d = D.Independent(Poisson(torch.full((400, 3), 1e8)), 1)
    assert np.allclose(d.log_prob(torch.tensor(x).float()), right, atol=0.02)  # float32 rounds x


COUNTING = {
    "poisson": lambda m: Poisson(m, validate_args=False),
    "negative binomial": lambda m: NegativeBinomial(m, m),
    "beta-binomial": lambda m: BetaBinomial(m, m, 9),
    "continuous bernoulli": lambda m: ContinuousBernoulli(m, validate_args=False),
}


@pytest.mark.parametrize("make", COUNTING.values(), ids=COUNTING)
def test_densities_work_under_transforms_and_without_data(make):
    m, x = torch.rand(5, 3) + 0.1, torch.ones(5, 3)
    slopes = torch.func.vmap(torch.func.grad(lambda m, x: make(m).log_prob(x).sum()))(m, x)
    m.requires_grad_()
    make(m).log_prob(x).sum().backward()
    assert torch.allclose(slopes, m.grad)
    empty = make(torch.empty(5, 3, device="meta")).log_prob(torch.empty(5, 3, device="meta"))
    assert empty.shape == (5, 3)
    wide = make(m.detach()).expand((2, 5, 3))
    assert torch.allclose(wide.log_prob(x)[1], make(m).log_prob(x))
    assert wide.sample((4,)).shape == (4, 2, 5, 3)


DISCRETE = [n for n, make in LIKELIHOODS.items() if make(VECTOR).kind.discrete]


@pytest.mark.parametrize("name", DISCRETE)
def test_no_probability_is_above_one(name):
    family = LIKELIHOODS[name](VECTOR)
    x = rows(family, 60)
    x = torch.cat([x, torch.zeros_like(x), torch.full_like(x, min(family.range.high, 2.0**31))])
    for size in (0.1, 3.0, 100.0, 1e4):
        raw = torch.randn(len(x), *family.raw_shape).sign() * torch.rand(1) * size
        raw = torch.where(torch.rand(raw.shape) < 0.5, raw, torch.randn(raw.shape) * size)
        raw = raw.clamp(-1e4, 1e4).requires_grad_()
        found = family(raw).base_dist.log_prob(x)
        assert (found <= 0).all(), (size, found.max())
        found.sum().backward()
        assert torch.isfinite(found).all()
        assert torch.isfinite(raw.grad).all()


FAR = [0.0, 1e-30, 1e-6, 0.1, 1.0, 30.0, 1e4, 1e9, 2.0**31]


def extremes():
    """Every discrete distribution, with its parameters far apart, and values of all sizes."""
    a, b = torch.tensor(FAR)[:, None, None], torch.tensor(FAR)[:, None]
    counts = torch.tensor([0.0, 1, 2, 16, 100, 2**24, 2**31])
    yield Poisson(a.clamp_min(1e-30)), counts
    yield NegativeBinomial(a.clamp_min(1e-30), b.clamp_min(1e-6)), counts
    for levels in (2, 17, 256, 4096):
        k = torch.tensor([0.0, 1, (levels - 1) // 2, levels - 1])
        yield BetaBinomial(a.clamp(1e-6, 1e9), b.clamp(1e-6, 1e9), levels), k
        for sign in (1, -1):
            loc, scale = (sign * a).expand(9, 9, 1), b.clamp_min(1e-6).expand(9, 9, 1)
            yield DiscretizedLogistic(loc, scale, levels), k
            logits = torch.stack([loc, -loc], -1).clamp(-1e4, 1e4)
            parts = DiscretizedLogistic(torch.stack([loc, -loc], -1), scale[..., None], levels)
            yield LevelMixture(D.Categorical(logits=logits), parts), k
    logits = torch.cat([a, -a, a / 2], -1).clamp(-1e9, 1e9)
    yield CategoricalLevels(logits=logits), torch.tensor([0.0, 1, 2])[:, None, None]
    yield D.Bernoulli(logits=torch.cat([a, -a])), torch.tensor([0.0, 1.0])


def test_no_discrete_distribution_is_above_one_anywhere():
    for p, values in extremes():
        found = p.log_prob(values)
        assert is_discrete(p)
        assert (found <= 1e-6).all(), (p, found.max())
        assert not found.isnan().any(), p


def test_a_probability_above_one_is_an_error_wherever_scores_are_made():
    class Wrong(D.Bernoulli):
        def log_prob(self, value):
            return super().log_prob(value) + 1.0

    m = model()
    m.likelihood.family = type(
        "Family", (), {"__call__": lambda self, raw: D.Independent(Wrong(logits=0 * raw + 9), 1)}
    )()
    x = torch.ones(4, *VECTOR)
    for measure in (score, log_likelihood, elbo_per_row, log_likelihood_per_row, bound_curve):
        with pytest.raises(ArithmeticError, match="above 0"):
            measure(m, x)


def test_no_estimate_of_a_probability_is_above_one():
    """Rows that are certain: importance weights alone are noise around 1."""
    m = model()
    with torch.no_grad():
        for parameter in m.likelihood.net.parameters():
            parameter.fill_(40.0 * (parameter.dim() == 1))
    x = torch.ones(50, *VECTOR)
    found = log_likelihood(m, x, samples=10)
    assert (found.value <= 0).all()
    assert (found.value < 0).any()
    assert (log_likelihood_per_row(m, x, samples=10) <= 0).all()


LOGITS = [0.0, 1e-6, 1e-3, 0.0041, 0.0499, 0.05, 0.0501, 0.3, 0.5, 0.51, 2.0, 15.0, 50.0, 1000.0]


@pytest.mark.parametrize("logit", [s * v for v in LOGITS for s in (1, -1)])
class TestContinuousBernoulli:
    def test_integrates_to_one(self, logit):
        d = ContinuousBernoulli(torch.tensor(logit, dtype=torch.float32))
        near_end = np.concatenate([[0], np.logspace(-9, -1, 200_000), np.linspace(0.1, 1, 100_000)])
        x = near_end if logit < 0 else 1 - near_end[::-1]
        density = d.log_prob(torch.tensor(x)).double().exp()
        assert np.trapezoid(density.numpy(), x) == pytest.approx(1, abs=2e-4)

    def test_mean_and_variance(self, logit):
        d = ContinuousBernoulli(torch.tensor(logit, dtype=torch.float32))
        with mpmath.workdps(900):
            t = mpmath.mpf(float(np.float32(logit)))
            mean = 1 / (1 - mpmath.exp(-t)) - 1 / t if t else mpmath.mpf(1) / 2
            variance = 1 / t**2 - 1 / (4 * mpmath.sinh(t / 2) ** 2) if t else mpmath.mpf(1) / 12
        assert d.mean.item() == pytest.approx(float(mean), abs=1e-6)
        assert d.variance.item() == pytest.approx(float(variance), rel=1e-4)

    def test_gradient_of_the_density(self, logit):
        raw = torch.tensor(logit, requires_grad=True)
        d = ContinuousBernoulli(raw)
        d.log_prob(torch.tensor(0.3)).backward()
        assert raw.grad.item() == pytest.approx(0.3 - d.mean.item(), abs=1e-6)

    def test_quantiles_invert_shares(self, logit):
        d = ContinuousBernoulli(torch.tensor(logit, dtype=torch.float64))
        shares = torch.linspace(0.001, 0.999, 99, dtype=torch.float64)
        assert torch.allclose(d.cdf(d.icdf(shares)), shares, atol=1e-6)
        ends = ContinuousBernoulli(torch.tensor(logit)).icdf(torch.tensor([0.0, 1.0]))
        assert ends.tolist() == [0.0, 1.0]

    def test_draws(self, logit):
        torch.manual_seed(0)
        d = ContinuousBernoulli(torch.full((20_000,), logit, requires_grad=True))
        x = d.rsample()
        assert 0 <= x.min() <= x.max() <= 1
        error = d.variance.sqrt().max().item() / math.sqrt(20_000)
        assert x.mean().item() == pytest.approx(d.mean[0].item(), abs=5 * error + 1e-7)
        (slope,) = torch.autograd.grad(x.sum(), d.logits)
        assert torch.isfinite(slope).all()
        assert slope.mean().item() == pytest.approx(d.variance[0].item(), rel=0.05)


def test_continuous_bernoulli_entropy():
    d = ContinuousBernoulli(torch.tensor([-3.0, 0.1, 8.0]))
    theirs = D.ContinuousBernoulli(logits=d.logits).entropy()
    assert torch.allclose(d.entropy(), theirs, atol=1e-3)


@pytest.mark.parametrize("a", [1e-3, 2e-3, 5e-3, 0.1, 3.0])
def test_beta_binomial_sampler_at_its_floor(a):
    torch.manual_seed(0)
    d = BetaBinomial(torch.tensor(a), torch.tensor(a), 256)
    draws = d.sample((100_000,))
    k = torch.arange(64.0, 192.0)
    right = d.log_prob(k).exp().sum().item()
    seen = ((draws >= 64) & (draws < 192)).float().mean().item()
    assert seen == pytest.approx(right, abs=5 * math.sqrt(right / 100_000))
    assert draws.mean().item() == pytest.approx(127.5, abs=3)


@pytest.mark.parametrize("scale", [1.0, 0.05, 0.007, 2e-4, 1e-4])
def test_low_rank_densities_keep_their_digits(scale):
    torch.manual_seed(0)
    loc, factor = torch.randn(50, 8), torch.randn(50, 8, 2)
    q = LowRankNormal(loc, factor, torch.full((50, 8), scale**2))
    z, log_q = draw_with_density(q, torch.Size([20]))
    covariance = (
        factor.double() @ factor.double().mT
        + torch.eye(8).double() * q.cov_diag.double()[..., None]
    )
    right = D.MultivariateNormal(loc.double(), covariance).log_prob(z.double())
    assert (log_q - right).abs().max() < 0.01
    assert q.expand((3, 50)).log_prob(z[:3]).shape == (3, 50)


UNITS = [1e-12, 1e-9, 1.0, 1e6, 1e20]


@pytest.mark.parametrize("unit", UNITS)
class TestUnits:
    def test_moments(self, unit):
        x = torch.randn(500, 3, dtype=torch.float64) * torch.tensor([1.0, 2.0, 0.0]) + 1
        mean, spread = moments((x * unit).float())
        assert torch.allclose(mean.double(), x.mean(0) * unit, rtol=1e-6)
        deviation = x.std(0, correction=0)
        deviation[2] = (deviation[0] * deviation[1]).sqrt()  # nothing ever changes there
        assert torch.allclose(spread.double(), deviation * unit, rtol=1e-6)

    @pytest.mark.parametrize("scale", [0.5, "shared", "element", "network"])
    @pytest.mark.parametrize("name", ["gaussian", "laplace", "student_t"])
    def test_densities(self, name, scale, unit):
        torch.manual_seed(0)
        x = torch.randn(50, 3)
        one = likelihood(name, (3,), scale=scale)
        other = likelihood(name, (3,), scale=scale if isinstance(scale, str) else scale * unit)
        raw = torch.randn(50, *one.raw_shape)
        data_init(one, x)
        data_init(other, x * unit)
        change = other(raw).log_prob(x * unit) - one(raw).log_prob(x)
        assert torch.allclose(change, torch.tensor(-3 * math.log(unit)), atol=2e-3)
        assert torch.allclose(other(raw).mean, one(raw).mean * unit, rtol=1e-4)
        assert torch.isfinite(other(raw).sample()).all()


def test_moments_of_a_large_offset():
    x = torch.randn(5000, 2, dtype=torch.float64)
    mean, spread = moments(x + 1e12)
    assert torch.allclose(mean, x.mean(0) + 1e12, rtol=1e-14)
    assert torch.allclose(spread, x.std(0, correction=0), rtol=1e-3)
    assert torch.equal(moments(torch.full((50, 2), 3.3))[1], torch.ones(2))


def test_other_units_of_a_distribution():
    base, gain = D.Normal(torch.zeros(3), torch.tensor(2.0)), torch.tensor([0.1, 1.0, 10.0])
    ours, theirs = Affine(base, torch.tensor(5.0), gain), D.Normal(5.0, 2 * gain)
    x, shares = torch.randn(7, 3) + 5, torch.rand(7, 3)
    for name in ("mean", "stddev", "variance", "loc"):
        assert torch.allclose(getattr(ours, name).expand(3), getattr(theirs, name).expand(3))
    assert torch.allclose(ours.scale, theirs.scale)
    assert torch.allclose(ours.log_prob(x), theirs.log_prob(x), atol=1e-5)
    assert torch.allclose(ours.cdf(x), theirs.cdf(x), atol=1e-6)
    assert torch.allclose(ours.icdf(shares), theirs.icdf(shares), atol=1e-4)
    assert torch.allclose(ours.entropy(), theirs.entropy())
    assert torch.equal(ours.expand((7, 3)).log_prob(x), ours.log_prob(x))
