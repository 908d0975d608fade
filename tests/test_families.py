"""Laws of every family: shapes, one number per row, gradients, ranges with messages that help."""

import pytest
import torch
from parts import IMAGE, LIKELIHOODS, POSTERIORS, VECTOR, rows

from vaekit.data_init import data_init, moments
from vaekit.families import PointMass, likelihood
from vaekit.families.base import half_exp
from vaekit.system.checks import BadInput

SHAPES = {"vector": VECTOR, "image": IMAGE}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("make", LIKELIHOODS.values(), ids=LIKELIHOODS.keys())
class TestLikelihoods:
    def test_one_number_per_row(self, make, shape):
        family = make(shape)
        d = family(torch.randn(7, *family.raw_shape))
        x = d.sample()
        assert family.event_shape == shape
        assert x.shape == (7, *shape)
        assert d.log_prob(x).shape == (7,)
        assert torch.isfinite(d.log_prob(x)).all()
        assert d.mean.shape == (7, *shape)

    def test_samples_are_in_range(self, make, shape):
        family = make(shape)
        family.range.check(rows(family, 200), "this family")

    def test_rows_are_independent(self, make, shape):
        family = make(shape)
        raw, x = torch.randn(7, *family.raw_shape), rows(family)
        whole = family(raw).log_prob(x)
        alone = torch.cat([family(raw[i : i + 1]).log_prob(x[i : i + 1]) for i in range(7)])
        assert torch.allclose(whole, alone, rtol=1e-5, atol=1e-5)

    def test_density_sums_over_the_event(self, make, shape):
        family = make(shape)
        d, x = family(torch.randn(7, *family.raw_shape)), rows(family)
        parts = d.base_dist.log_prob(x)
        assert parts.shape == (7, *shape)
        assert torch.allclose(d.log_prob(x), parts.flatten(1).sum(1), rtol=1e-5)

    def test_every_parameter_and_raw_number_matters(self, make, shape):
        family = make(shape)
        raw = torch.randn(40, *family.raw_shape, requires_grad=True)
        family(raw).log_prob(rows(family, 40)).sum().backward()
        assert torch.isfinite(raw.grad).all()
        assert (raw.grad.abs().sum(0) > 0).all()
        for parameter in getattr(family, "parameters", list)():
            assert (parameter.grad.abs() > 0).all()

    def test_extreme_raw_numbers_stay_finite(self, make, shape):
        family = make(shape)
        raw = torch.randn(7, *family.raw_shape) * 30
        raw.requires_grad_()
        log_prob = family(raw).log_prob(rows(family))
        log_prob.sum().backward()
        assert torch.isfinite(log_prob).all()
        assert torch.isfinite(raw.grad).all()


@pytest.mark.parametrize("family", POSTERIORS.values(), ids=POSTERIORS.keys())
def test_posterior_families(family):
    raw = torch.randn(7, *family.raw_shape, requires_grad=True)
    q = family(raw)
    z = q.rsample()
    assert q.batch_shape == (7,)
    assert z.shape == (7, *family.event_shape)
    assert q.log_prob(z.detach()).shape == (7,)
    (q.log_prob(z.detach()) + z.sum(-1)).sum().backward()
    assert (raw.grad.abs().sum(0) > 0).all()


def test_full_covariance_can_be_any():
    family = POSTERIORS["full"]
    target = torch.tensor([[2.0, 0.6, -0.3], [0.6, 1.0, 0.2], [-0.3, 0.2, 0.5]])
    lower = torch.linalg.cholesky(target)
    raw_diagonal = (lower.diagonal() - 1e-4).expm1().log()
    filled = lower.tril(-1) + torch.diag(raw_diagonal)
    rows_, columns = torch.tril_indices(3, 3)
    raw = torch.cat([torch.zeros(3), filled[rows_, columns]])[None]
    assert torch.allclose(family(raw).covariance_matrix[0], target, atol=1e-5)


def test_half_exp_is_a_log_variance():
    raw = torch.tensor([0.0, 2.0, -200.0, 200.0])
    scale = half_exp(raw)
    assert torch.allclose(scale[:2], torch.tensor([1.0, torch.e]))
    assert torch.isfinite(scale).all()
    assert (scale > 0).all()


def test_scales_come_from_where_they_should():
    raw = torch.randn(5, 6)
    assert likelihood("gaussian", (6,), scale=0.3)(raw).base_dist.scale.unique().tolist() == [
        pytest.approx(0.3)
    ]
    assert not list(likelihood("gaussian", (6,), scale=0.3).parameters())
    assert likelihood("gaussian", (6,), scale="shared").raw_scale.shape == ()
    assert likelihood("gaussian", (6,), scale="element").raw_scale.shape == (6,)
    family = likelihood("gaussian", (6,), scale="network")
    assert family(torch.randn(5, 12)).base_dist.scale.std(0).gt(0).all()


def test_adapting_changes_units_not_the_density():
    x = torch.randn(500, 6) * torch.tensor([1.0, 10, 100, 0.1, 1, 1]) + 5
    plain = likelihood("gaussian", (6,), scale=2.0)
    moved = likelihood("gaussian", (6,), scale=2.0)
    data_init(moved, x)
    mean, spread = moments(x)
    raw = torch.randn(7, 6)
    same = plain(raw * spread + mean)
    assert torch.allclose(moved(raw).log_prob(x[:7]), same.log_prob(x[:7]), rtol=1e-5)


def test_images_adapt_per_channel():
    x = torch.rand(50, 2, 4, 3)
    x[:, 1] = x[:, 1] * 9 + 4
    x[:, 0, 0, 0] = 0
    mean, spread = moments(x)
    assert mean.shape == spread.shape == (2, 4, 3)
    assert len(spread[0].unique()) == 1
    assert spread[1, 0, 0] > 5 * spread[0, 0, 0]


def test_a_constant_column_does_not_divide_by_zero():
    x = torch.randn(50, 3)
    x[:, 1] = 7.0
    family = likelihood("gaussian", (3,))
    data_init(family, x)
    assert torch.isfinite(family(torch.zeros(50, 3)).log_prob(x)).all()


def test_counts_start_at_the_mean_of_the_data():
    x = torch.poisson(torch.tensor([0.5, 40.0, 900.0]).expand(400, 3))
    for name in ("poisson", "negative_binomial"):
        family = likelihood(name, (3,))
        data_init(family, x)
        start = family(torch.zeros(1, *family.raw_shape)).mean
        assert torch.allclose(start[0], x.mean(0), rtol=0.01)


def test_negative_binomial_has_the_stated_variance():
    family = likelihood("negative_binomial", (1,))
    d = family(torch.tensor([[3.0, 1.0]])).base_dist
    size = d.total_count
    assert torch.allclose(d.variance, d.mean + d.mean**2 / size, rtol=1e-4)


def test_student_t_has_heavier_tails_than_the_normal():
    t, n = likelihood("student_t", (1,)), likelihood("gaussian", (1,))
    far = torch.tensor([[20.0]])
    assert t(torch.zeros(1, 1)).log_prob(far) > n(torch.zeros(1, 1)).log_prob(far) + 50


@pytest.mark.parametrize("shape", [(6,), (2, 3, 3)])
def test_categorical_puts_levels_where_they_belong(shape):
    family = likelihood("categorical", shape, levels=4)
    raw = torch.randn(2, *family.raw_shape)
    d = family(raw)
    first = raw.unflatten(1, (4, shape[0]))[:, :, 0]
    got = d.base_dist.logits[:, 0].movedim(-1, 1)
    assert torch.allclose(torch.log_softmax(first, 1), got, atol=1e-5)


BAD = {
    "bernoulli": (torch.tensor([[0.0, 255.0]]), "divide by the largest value"),
    "continuous_bernoulli": (
        torch.tensor([[-0.5, 0.5]]),
        "run from -0.5 to 0.5: for numbers with a sign use likelihood='gaussian'",
    ),
    "discretized_logistic": (torch.tensor([[0.0, 0.5]]), "fractions"),
    "categorical": (torch.tensor([[0.0, 256.0]]), r"whole numbers in \[0, 255\]"),
    "beta_binomial": (torch.tensor([[-1.0, 3.0]]), "run from -1 to 3"),
    "poisson": (torch.tensor([[-1.0, 3.0]]), "counts are 0, 1, 2"),
    "negative_binomial": (torch.tensor([[1.5, 3.0]]), "counts are 0, 1, 2"),
    "gaussian": (torch.tensor([[1.5, float("nan")]]), r"the first in row 0 at \(1,\)"),
    "laplace": (torch.tensor([[1.5, float("inf")]]), "NaN or infinite"),
    "logistic_mixture": (torch.tensor([[1.0, 300.0]]), "run from 1 to 300"),
    "student_t": (torch.tensor([[float("nan"), 1.0]]), "finite"),
}


@pytest.mark.parametrize("name", BAD)
def test_values_out_of_range_are_named(name):
    x, message = BAD[name]
    with pytest.raises(BadInput, match=message) as caught:
        likelihood(name, (2,)).range.check(x, name)
    assert name in str(caught.value)


def test_unknown_likelihood_suggests_a_near_one():
    with pytest.raises(BadInput, match="did you mean 'gaussian'"):
        likelihood("gausian", (2,))


def test_a_point_family_is_its_raw_numbers():
    raw = torch.randn(4, 3)
    assert torch.equal(PointMass(3)(raw).mean, raw)


@pytest.mark.parametrize("name", ["gaussian", "laplace", "student_t", "continuous_bernoulli"])
def test_continuous_densities_integrate_to_one(name):
    family = likelihood(name, (1,))
    with torch.no_grad():
        d = family(torch.tensor([[0.4]]))
    low, high = (0.0, 1.0) if name == "continuous_bernoulli" else (-4000.0, 4000.0)
    grid = torch.linspace(low, high, 2_000_001, dtype=torch.float64)
    density = d.log_prob(grid[:, None]).exp()
    assert torch.trapezoid(density, grid) == pytest.approx(1.0, abs=2e-3)
