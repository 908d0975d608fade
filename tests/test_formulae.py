"""Formulae as they stand in papers, computed a second way: with NumPy, SciPy, or by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from parts import LinearGaussian, model, rows
from torch import distributions as D

from vaekit.codec import posteriors
from vaekit.codec.fixed_point import ONE
from vaekit.data import Batches, Representation, open_source
from vaekit.data.source import source
from vaekit.evaluation.annealing import anneal
from vaekit.evaluation.likelihood import LogLikelihood, bound_curve
from vaekit.evaluation.tails import Sums, pareto, spread
from vaekit.families import FullNormal, LowRankNormal, likelihood
from vaekit.models.trace import trace
from vaekit.objectives import Objective, Term, penalties
from vaekit.objectives.bounds import elbo, tvo
from vaekit.recipes import RECIPES
from vaekit.rows import Rows
from vaekit.runs.job import prepare
from vaekit.runs.run import run_in
from vaekit.training import Plan, TrainingState, read_metrics, train


@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("first", [0.025, 0.2])
def test_the_thermodynamic_bound_is_a_left_riemann_sum_over_points_even_in_log(number, first):
    """Masrani et al. 2019: 0, then evenly spaced in log from the first point to 1."""
    wrong = LinearGaussian(shift=0.15, stretch=1.3, full=False)
    t = trace(wrong.model, wrong.x, samples=16)
    ratio = t.log_ratio.detach().numpy()
    points = [0.0, *np.geomspace(first, 1.0, number)]
    total = np.zeros(ratio.shape[1])
    for low, high in pairwise(points):
        w = np.exp(low * ratio)
        total += (high - low) * (w * ratio).sum(0) / w.sum(0)
    assert np.allclose(tvo(number, first)(t).detach(), total)
    usual = tvo(number)(t), tvo(number, 0.025)(t)
    assert torch.equal(*usual)


@pytest.mark.parametrize("cap", [0.5, 0.8])
def test_averaged_weights_are_those_of_the_recursion(cap):
    """After update t: a <- d a + (1 - d) w with d = min(cap, (1 + t) / (10 + t))."""
    m = model()
    data = source("x", rows(m.likelihood.family, 40))
    state = TrainingState(m, Objective(elbo), Plan(ema=cap, lr=1e-2), 20)

    def weights(of):
        return torch.cat([p.detach().flatten() for p in of.parameters()]).double().clone()

    by_hand = weights(m)
    for t, _ in enumerate(train(state, Batches(data, Representation((6,)), 8).from_step()), 1):
        d = min(cap, (1 + t) / (10 + t))
        by_hand = d * by_hand + (1 - d) * weights(m)
    assert t == 20
    assert torch.allclose(weights(state.averaged), by_hand, atol=1e-6)
    assert (weights(m) - by_hand).abs().max() > 1e-4


def test_epochs_are_compared_with_the_kl_at_its_last_weight(tmp_path):
    """While the KL is warmed up, validation weighs it as at the end: its loss is -ELBO."""
    options = {"latent": 2, "width": 8, "epochs": 3, "likelihood": "beta_binomial"}
    job = prepare(open_source("digits"), kl_warmup=1.0, **options)
    run_in(tmp_path, job.run())
    lines = read_metrics(tmp_path / "metrics.jsonl")
    checked = [line for line in lines if line["split"] == "validation"]
    assert len(checked) == 3
    for line in checked:
        assert line["loss"] == pytest.approx(line["reconstruction"] + line["kl"], rel=1e-5)


@pytest.mark.parametrize("raw", [-3.0, 0.0, 4.0])
def test_students_t_has_one_more_degree_of_freedom_than_a_softplus(raw):
    family = likelihood("student_t", (3,), scale=0.7)
    family.raw_freedom.data.fill_(raw)
    x = torch.randn(5, 3)
    expected = scipy.stats.t(1 + math.log1p(math.exp(raw)), scale=0.7).logpdf(x).sum(1)
    assert np.allclose(family(torch.zeros(5, 3)).log_prob(x).detach(), expected, atol=1e-4)


@pytest.mark.parametrize("samples", [2, 5, 20])
def test_the_error_of_a_mean_of_few_weights_is_their_standard_error(samples):
    """Too few to show a tail: sd / (mean sqrt(n)), the sd with n - 1."""
    logs = 0.2 * torch.randn(samples, 30, dtype=torch.float64)
    w = logs.exp().numpy()
    by_hand = w.std(0, ddof=1) / w.mean(0) / math.sqrt(samples)
    found = spread(Sums.of(logs, 10), samples)
    assert (by_hand < 0.5).all()
    assert np.allclose(found.error, by_hand)
    assert np.allclose(found.effective, w.sum(0) ** 2 / (w**2).sum(0))


def zhang_and_stephens(x):
    """Their quick estimate, as its authors' code has it; the shape drawn to 1/2 by ten numbers."""
    n, m = len(x), 30 + int(math.sqrt(len(x)))
    quartile = x[int(n / 4 + 0.5) - 1]
    b = 1 / x[-1] + (1 - np.sqrt(m / (np.arange(1, m + 1) - 0.5))) / (3 * quartile)
    k = np.array([np.log1p(-each * x).mean() for each in b])
    fit = np.array(
        [n * (math.log(-each / shape) - shape - 1) for each, shape in zip(b, k, strict=True)]
    )
    w = np.array([1 / np.exp(fit - one).sum() for one in fit])
    b = (b * w).sum() / w.sum()
    k = np.log1p(-b * x).mean()
    return (n * k + 10 * 0.5) / (n + 10), -k / b


@pytest.mark.parametrize("number", [5, 18, 60])
@pytest.mark.parametrize("shape", [-0.4, 0.3, 0.9])
def test_tails_are_fitted_as_zhang_and_stephens_do(number, shape):
    v = np.random.default_rng(number).random((7, number))
    x = np.sort(3 * (v**-shape - 1) / shape, 1)
    found = np.stack(pareto(torch.from_numpy(x)), 1)
    assert np.allclose(found, [zhang_and_stephens(row) for row in x])


def mean_square(start, shape, scale, rarest):
    """The integral of (start + scale (v^-shape - 1) / shape)^2 over v from ``rarest`` to 1."""

    def value(v):
        return (start + scale * (v**-shape - 1) / shape) ** 2

    return scipy.integrate.quad(value, rarest, 1, epsabs=0, limit=500)[0]


@pytest.mark.parametrize("samples", [25, 100, 400])
@pytest.mark.parametrize("spread_of_logs", [1.0, 2.0])
def test_errors_expect_the_weights_that_a_tail_has_but_for_the_rarest(samples, spread_of_logs):
    """The largest weights give way to their distribution, as far as one in thirty times as many."""
    logs = spread_of_logs * torch.randn(samples, 6, dtype=torch.float64)
    found = spread(Sums.of(logs, 100), samples)
    number = math.ceil(min(samples / 5, 3 * math.sqrt(samples)))
    for row, error, tail in zip(logs.T.exp().numpy(), found.error, found.tail, strict=True):
        w = np.sort(row)
        start, above = w[-number - 1], w[-number:]
        shape, scale = zhang_and_stephens(above - start)
        beyond = number * mean_square(start, shape, scale, 1 / (30 * number))
        second = ((w[:-number] ** 2).sum() + beyond) / samples
        share = max(second, (w**2).mean()) / w.mean() ** 2
        relative = math.sqrt((share - 1) / (samples - 1))
        moved = relative if relative < 0.5 else 0.5 + math.log((1 + relative) / 1.5)
        assert error.item() == pytest.approx(moved, rel=1e-3)
        assert tail.item() == pytest.approx(shape)


def test_step_sizes_of_annealing_keep_their_aim():
    """The pilot aims at an acceptance of 0.65, which is told as a share of all moves."""
    exact = LinearGaussian(latent=3)
    found = anneal(exact.model, exact.x, steps=300, chains=8)
    assert found.acceptance == pytest.approx(0.65, abs=0.12)


def test_a_row_alone_is_all_of_its_batch():
    assert penalties.stratified_weights(1, 50).tolist() == [[1.0]]
    assert torch.allclose(penalties.stratified_weights(7, 50).sum(1), torch.ones(7))
    assert penalties.stratified_weights(7, 50).diagonal() == pytest.approx(torch.full((7,), 0.02))


@pytest.mark.parametrize("apart", [0.0, 30.0])
def test_what_codes_tell_of_their_rows(apart):
    """Nothing where all are alike; log N of N rows, of all of which a code tells its own alone."""
    m = model()
    t = trace(m, rows(m.likelihood.family))
    mean = apart * torch.arange(float(len(t.rows)))[:, None].expand(-1, 3)
    q = D.Independent(D.Normal(mean, torch.full_like(mean, 0.1)), 1)
    t.latents["z"] = t.latents["z"].__class__(
        **{**vars(t.latents["z"]), "posterior": q, "value": q.sample()[None]}
    )
    for even in (True, False):
        told = penalties.mutual_information(len(t.rows), even=even)(t).item()
        assert told == pytest.approx(math.log(len(t.rows)) if apart else 0.0, abs=1e-4)
    by_itself = penalties.information_by_dimension(t).item()  # of each of three numbers
    assert by_itself == pytest.approx(3 * math.log(len(t.rows)) if apart else 0.0, abs=1e-4)


def test_what_numbers_tell_by_themselves_is_what_codes_tell_and_what_numbers_share():
    m = model()
    t = trace(m, rows(m.likelihood.family))
    of_codes = penalties.mutual_information(len(t.rows), even=True)(t)
    shared = penalties.total_correlation(len(t.rows), even=True)(t)
    assert (of_codes + shared).item() == pytest.approx(
        penalties.information_by_dimension(t).item(), rel=1e-5
    )


def test_weighed_alike_what_is_told_and_correlation_need_no_mixture():
    """alpha = beta: their sum is log q(z|x) less the marginals, whatever the joint is."""
    x, found = torch.randn(20, 5), []
    for weight in (1.0, 9.0):
        torch.manual_seed(0)
        built = RECIPES["beta_tcvae"](
            shape=(5,), likelihood="gaussian", latent=3, rows=20, beta=weight, alpha=weight
        )
        found.append(built.objective(built.model, x))
    plain, both = found
    each = both.terms["mutual_information"] + both.terms["total_correlation"]
    assert both.total.item() == pytest.approx((plain.total + 8 * each).item(), rel=1e-5)
    assert "mutual_information" not in plain.terms


def test_what_is_told_of_a_loss_holds_no_graph():
    m = model()
    loss = Objective(elbo, Term("rate", 0.5, penalties.rate))(m, rows(m.likelihood.family))
    assert loss.total.requires_grad
    assert [name for name, value in loss.terms.items() if value.requires_grad] == []
    expected = loss.terms["reconstruction"] + 1.5 * loss.terms["kl"]
    assert loss.total.item() == pytest.approx(expected.item(), rel=1e-5)


def test_errors_of_a_mean_over_rows():
    """Of sampling alone: sqrt(sum of squared errors) / n. With the rows': their sd / sqrt(n)."""
    value, error = torch.randn(7), torch.rand(7)
    found = LogLikelihood(value, error, torch.full((7,), 50.0), torch.zeros(7), 100)
    assert found.mean == pytest.approx(value.numpy().mean())
    assert found.mean_error == pytest.approx(value.numpy().std(ddof=1) / math.sqrt(7))
    assert found.sampling_error == pytest.approx(math.sqrt(sum(e**2 for e in error.tolist())) / 7)


@pytest.mark.parametrize(
    ("coded", "family"),
    [
        (posteriors.full, FullNormal(4)),
        (posteriors.full, FullNormal(4, tilt=0.3)),
        (posteriors.low_rank, LowRankNormal(4, 2)),
        (posteriors.low_rank, LowRankNormal(4, 2, tilt=0.3)),
    ],
)
def test_coded_covariances_are_those_of_the_posterior(coded, family):
    raw = torch.randn(5, *family.raw_shape, dtype=torch.float64).mul(ONE).round()
    found, wanted = coded(family, raw), family(raw / ONE)
    covariance = found.lower @ found.lower.transpose(0, 2, 1)
    assert np.allclose(found.mean, wanted.mean, atol=1e-3)
    assert np.allclose(covariance, wanted.covariance_matrix, atol=1e-2, rtol=1e-2)


def test_the_thermodynamic_bound_has_five_points_from_a_fortieth_by_default():
    """0, 0.025, 0.063, 0.158 and 0.398: each of the last four is 2.5 times the one before."""
    wrong = LinearGaussian(shift=0.15, stretch=1.3, full=False)
    t = trace(wrong.model, wrong.x, samples=16)
    ratio = t.log_ratio.detach().numpy()
    points, total = [0.0, 0.025, 0.025**0.75, 0.025**0.5, 0.025**0.25, 1.0], 0.0
    for low, high in pairwise(points):
        w = np.exp(low * ratio)
        total = total + (high - low) * (w * ratio).sum(0) / w.sum(0)
    assert np.allclose(tvo()(t).detach(), total)


def test_the_error_of_two_rows_bound_is_half_their_distance_and_one_has_none():
    """With the exact posterior every weight of a row is p(x)."""
    exact = LinearGaussian()
    two, one = (bound_curve(exact.model, Rows(exact.x[:n]), most=2) for n in (2, 1))
    apart = (exact.log_px[0] - exact.log_px[1]).abs().item()
    assert two.error == pytest.approx([apart / 2, apart / 2])
    assert np.isnan(one.error).all()
