"""Multi-sample bounds: identities that hold exactly, order, and gradients without bias."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from parts import LinearGaussian, model, rows
from torch import distributions as D
from torch import nn

from vaekit.conditionals import Conditional, EvenLabels, StandardNormal
from vaekit.families import DiagonalNormal, OneHot, likelihood
from vaekit.models import VAE, Graph, Labelled
from vaekit.models.drawing import enumerated, observed
from vaekit.models.trace import replay, trace
from vaekit.networks import Join, dense
from vaekit.objectives.bounds import (
    ciwae,
    dreg,
    elbo,
    iwae,
    miwae,
    path_elbo,
    piwae,
    renyi,
    tvo,
)
from vaekit.recipes import RECIPES
from vaekit.rows import Rows

WRONG = LinearGaussian(shift=0.15, stretch=1.3, full=False)
BOUNDS = {
    "iwae": iwae,
    "dreg": dreg,
    "path_elbo": path_elbo,
    "miwae": miwae(4),
    "piwae": piwae(4),
    "ciwae": ciwae(0.3),
    "renyi": renyi(0.5),
    "tvo": tvo(5),
}


def particles(samples=16):
    torch.manual_seed(7)
    return trace(WRONG.model, WRONG.x, samples=samples)


def sampled_elbo(t):
    return t.log_ratio.mean(0)


class TestIdentities:
    @pytest.mark.parametrize("name", ["iwae", "dreg", "path_elbo", "ciwae", "renyi", "tvo"])
    def test_one_particle_is_the_elbo(self, name):
        t = particles(1)
        assert torch.allclose(BOUNDS[name](t), sampled_elbo(t))

    def test_one_group_of_one_is_the_elbo(self):
        t = particles(1)
        assert torch.allclose(miwae(1)(t), sampled_elbo(t))
        assert torch.allclose(piwae(1)(t), sampled_elbo(t))

    def test_groups_are_not_swapped_with_particles(self):
        """M = 1 group of K is IWAE-K; M = K groups of one is the ELBO. Not the reverse."""
        t = particles()
        assert torch.allclose(miwae(1)(t), iwae(t))
        assert torch.allclose(miwae(16)(t), sampled_elbo(t))
        assert (miwae(16)(t) < miwae(4)(t)).all()
        assert (miwae(4)(t) < miwae(1)(t)).all()

    def test_groups_must_divide(self):
        with pytest.raises(ValueError, match="16 samples cannot be put into 3 equal groups"):
            miwae(3)(particles())

    def test_values_of_surrogates_are_the_bounds(self):
        t = particles()
        assert torch.allclose(dreg(t), iwae(t))
        assert torch.allclose(piwae(4)(t), iwae(t))
        assert torch.allclose(path_elbo(t), sampled_elbo(t))

    def test_combinations_lie_between(self):
        t = particles()
        assert torch.allclose(ciwae(0.0)(t), iwae(t))
        assert torch.allclose(ciwae(1.0)(t), sampled_elbo(t))
        assert torch.allclose(ciwae(0.25)(t), 0.25 * sampled_elbo(t) + 0.75 * iwae(t))

    def test_renyi_goes_from_iwae_to_elbo(self):
        t = particles()
        assert torch.allclose(renyi(0.0)(t), iwae(t))
        assert torch.allclose(renyi(1.0)(t), sampled_elbo(t))
        assert torch.allclose(renyi(1 - 1e-6)(t), sampled_elbo(t), atol=1e-4)
        values = [renyi(a)(t) for a in (0.0, 0.3, 0.7, 1.0)]
        assert all((a > b).all() for a, b in pairwise(values))

    def test_thermodynamic_bound(self):
        t = particles()
        assert torch.allclose(tvo(1)(t), sampled_elbo(t))
        assert (tvo(5)(t) > sampled_elbo(t)).all()
        assert (tvo(50)(t) > tvo(2)(t)).all()

    @pytest.mark.parametrize("near", [0.0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-5, -1e-5, 1e-3])
    def test_renyi_keeps_its_digits_near_order_1(self, near):
        """In float32, with log weights near -90: as exactly as in float64 by the series."""
        t = particles()
        ratio = -90 + 3 * torch.randn(5, 400)
        shares = torch.full((5, 400), -math.log(5))
        t = replace(
            t, log_px=ratio, log_pz=0 * ratio, log_qz=0 * ratio, log_weight=shares, kl_weight=1.0
        )
        exact = ratio.double()
        mean = exact.mean(0)
        apart = exact - mean
        series = near / 2 * apart.square().mean(0) + near**2 / 6 * apart.pow(3).mean(0)
        assert torch.allclose(renyi(1 - near)(t).double(), mean + series, atol=2e-4)

    def test_renyi_below_order_0_is_no_lower_bound(self):
        t = trace(WRONG.model, WRONG.x, samples=20_000)
        assert (renyi(-3.0)(t) > WRONG.log_px).all()
        assert "Below 0 it is no lower bound" in " ".join(renyi.__doc__.split())

    def test_thermodynamic_integral_is_log_p_with_many_points(self):
        torch.manual_seed(0)
        t = trace(WRONG.model, WRONG.x, samples=20_000)
        assert torch.allclose(tvo(400, 1e-4)(t), WRONG.log_px, atol=0.05)

    def test_all_are_below_log_p_on_average(self):
        torch.manual_seed(0)
        runs = [trace(WRONG.model, WRONG.x, samples=16) for _ in range(400)]
        for name, bound in BOUNDS.items():
            mean = torch.stack([bound(t) for t in runs]).mean(0)
            assert (mean < WRONG.log_px).all(), name


def two_layers():
    """q(z0|x) q(z1|z0, x), with weights shared by nothing."""

    class Two(Graph):
        def __init__(self):
            super().__init__()
            self.q0 = Conditional(nn.Linear(6, 4), DiagonalNormal(2))
            self.q1 = Conditional(Join(nn.Linear(8, 4)), DiagonalNormal(2))
            self.p1 = Conditional(nn.Linear(2, 4), DiagonalNormal(2))
            self.latents = {"z0": 2, "z1": 2}
            self.likelihood = Conditional(
                Join(nn.Linear(4, 12)), likelihood("gaussian", (6,), scale="network")
            )

        @property
        def posteriors(self):
            return [self.q0, self.q1]

        @property
        def priors(self):
            return [StandardNormal(2).double(), self.p1]

        def walk(self, draw, rows):
            x = rows.x
            prior = D.Independent(D.Normal(torch.zeros(2).double(), 1.0), 1)
            z0 = draw("z0", prior, None if x is None else self.q0(x))
            z1 = draw("z1", self.p1(z0), None if x is None else self.q1(draw.tile(x), z0))
            return z0, z1

    torch.manual_seed(11)
    return Two().double()


def one_layer():
    torch.manual_seed(11)
    code = DiagonalNormal(2)
    m = VAE(
        StandardNormal(2),
        Conditional(nn.Linear(6, 4), code),
        Conditional(nn.Linear(2, 12), likelihood("gaussian", (6,), scale="network")),
    )
    return m.double()


MODELS = {"one layer": one_layer, "two layers": two_layers}


def gradient_samples(m, bound, samples, repeats, rows_=200):
    """``repeats`` gradients, each the mean over ``rows_`` copies of the same two rows."""
    x = torch.tensor([[0.5, -1, 0.3, 2, 0, 1], [1, 1, -0.4, 0, -2, 0.2]], dtype=torch.float64)
    found = []
    for _ in range(repeats):
        m.zero_grad()
        bound(trace(m, x.repeat(rows_ // 2, 1), samples=samples)).mean().backward()
        found.append(torch.cat([p.grad.flatten() for p in m.parameters()]))
    return torch.stack(found)


def named(m, prefix):
    """Which entries of the flat gradient belong to parameters whose name starts so."""
    return torch.cat(
        [torch.full((p.numel(),), n.startswith(prefix)) for n, p in m.named_parameters()]
    )


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(
    ("estimator", "reference"),
    [
        (dreg, iwae),
        (path_elbo, sampled_elbo),
        (ciwae(0.3), lambda t: 0.3 * sampled_elbo(t) + 0.7 * iwae(t)),
    ],
    ids=["dreg", "path_elbo", "ciwae"],
)
def test_gradients_are_unbiased(kind, estimator, reference):
    """Against a reference of 10^5 draws, every entry within its standard errors."""
    m = MODELS[kind]()
    torch.manual_seed(1)
    truth = gradient_samples(m, reference, 8, 500)
    torch.manual_seed(2)
    found = gradient_samples(m, estimator, 8, 250)
    error = (truth.var(0) / len(truth) + found.var(0) / len(found)).sqrt() + 1e-12
    gaps = (truth.mean(0) - found.mean(0)) / error
    assert gaps.square().mean().sqrt() < 1.6
    assert gaps.abs().max() < 4.5


def test_the_check_of_gradients_can_fail():
    """Plain path derivatives of IWAE (scores dropped, weights not squared) are biased."""

    def biased(t):
        return torch.logsumexp(
            t.log_weight + t.log_px + t.log_pz - replay(t, frozen=True).log_qz, 0
        )

    m = one_layer()
    truth, found = gradient_samples(m, iwae, 8, 500), gradient_samples(m, biased, 8, 250)
    error = (truth.var(0) / len(truth) + found.var(0) / len(found)).sqrt() + 1e-12
    assert ((truth.mean(0) - found.mean(0)).abs() / error).max() > 6


@pytest.mark.parametrize("kind", MODELS)
def test_double_reparameterisation_lowers_the_encoders_noise(kind):
    m = MODELS[kind]()
    prefix = "posterior" if kind == "one layer" else "q"
    where = named(m, prefix)
    torch.manual_seed(3)
    plain = gradient_samples(m, iwae, 64, 60, 20)[:, where].var(0).sum()
    double = gradient_samples(m, dreg, 64, 60, 20)[:, where].var(0).sum()
    assert double < plain


def test_piwae_gives_each_side_its_own_gradient():
    m = one_layer()
    torch.manual_seed(1)
    found = gradient_samples(m, piwae(4), 8, 300)
    torch.manual_seed(2)
    decoder = gradient_samples(m, iwae, 8, 300)
    torch.manual_seed(3)
    encoder = gradient_samples(m, miwae(4), 8, 300)
    q = named(m, "posterior")
    for where, truth in ((q, encoder), (~q, decoder)):
        error = (truth.var(0) / 300 + found.var(0) / 300).sqrt()[where] + 1e-12
        gaps = (truth.mean(0) - found.mean(0))[where] / error
        assert gaps.abs().max() < 4.5


def test_replaying_says_the_same():
    for m in (one_layer(), two_layers()):
        t = trace(m, torch.randn(5, 6, dtype=torch.float64), samples=3)
        again = replay(t)
        assert torch.allclose(again.log_ratio, t.log_ratio)
        assert replay(t, frozen=True).log_px.requires_grad
        assert not replay(t, frozen=True, fixed=True).log_px.requires_grad


def labelled(classes=4):
    torch.manual_seed(5)

    code = DiagonalNormal(3)
    inner = VAE(
        StandardNormal(3),
        Conditional(Join(dense((6 + classes,), code.raw_shape, [8])), code),
        Conditional(Join(dense((3 + classes,), (6,), [8])), likelihood("bernoulli", (6,))),
    )
    label = Conditional(nn.Linear(6, classes), OneHot(classes))
    return Labelled(EvenLabels(classes), label, inner)


class TestLabels:
    x = torch.randint(0, 2, (5, 6), generator=torch.Generator().manual_seed(1)).float()

    def test_enumerating_equals_summing_by_hand(self):
        m, classes = labelled(), 4
        t = trace(m, self.x, samples=classes, named={"y": enumerated(classes)})
        assert torch.allclose(t.log_weight.exp().sum(0), torch.ones(5), atol=1e-6)
        q = torch.softmax(m.posterior.net(self.x), -1)
        by_hand = 0
        for k in range(classes):
            inner = t.log_px[k] - t.latents["z"].kl[k] + math.log(1 / classes) - q[:, k].log()
            by_hand = by_hand + q[:, k] * inner
        assert torch.allclose(elbo(t), by_hand, atol=1e-4)

    def test_enumeration_times_samples_is_a_sum_of_iwae_bounds(self):
        """log sum_y p(y) mean_k p(x, z_k | y) / q(z_k | x, y), whatever q(y|x) is."""
        m, classes, samples = labelled(), 4, 6
        t = trace(m, self.x, samples=classes * samples, named={"y": enumerated(classes)})
        inner = t.log_px + t.latents["z"].log_p - t.latents["z"].log_q
        per_label = torch.logsumexp(inner.unflatten(0, (samples, classes)), 0) - math.log(samples)
        by_hand = torch.logsumexp(per_label + math.log(1 / classes), 0)
        assert torch.allclose(iwae(t), by_hand, atol=1e-4)

    def test_grouped_bounds_weigh_enumerated_labels(self):
        """Below log p(x), one group is IWAE, and PIWAE's gradient for q is MIWAE's."""
        m = labelled()
        parts = list(m.posteriors[0].parameters())

        def of(bound):
            torch.manual_seed(2)
            return bound(trace(m, self.x, samples=48, named={"y": enumerated(4)}))

        def slopes(bound):
            return torch.cat([g.flatten() for g in torch.autograd.grad(of(bound).sum(), parts)])

        assert torch.allclose(of(miwae(1)), of(iwae), atol=1e-5)
        assert (of(miwae(4)) < of(iwae) + 1e-6).all()
        assert torch.allclose(slopes(piwae(4)), slopes(miwae(4)), atol=1e-5)

    def test_more_samples_tighten_the_bound(self):
        m = labelled()
        with torch.no_grad():
            few, many = (
                torch.stack([
                    iwae(trace(m, self.x, samples=4 * k, named={"y": enumerated(4)})) for _ in range(300)
                ]).mean(0)
                for k in (1, 10)
            )  # fmt: skip
        assert (many > few).all()

    def test_observed_labels(self):
        m = labelled()
        y = torch.eye(4)[[0, 1, 2, 3, 0]]
        t = trace(m, self.x, named={"y": observed(y)})
        assert torch.allclose(t.latents["y"].log_p, torch.tensor(1 / 4).log().expand(1, 5))
        assert elbo(t).shape == (5,)


def test_bounds_of_a_bernoulli_model_give_gradients_everywhere():
    for name, bound in BOUNDS.items():
        m = model()
        bound(trace(m, rows(m.likelihood.family), samples=8)).sum().backward()
        for parameter, p in m.named_parameters():
            assert p.grad is not None, (name, parameter)
            assert torch.isfinite(p.grad).all()
            assert p.grad.abs().sum() > 0, (name, parameter)


def test_a_second_pass_has_the_noise_of_the_first():
    """Layers that draw in training, as the jitter of the encoder and dropout of what is given, draw
    the same when a bound runs the model again: log q(z | x) is that of the q that z came from."""
    model, _ = RECIPES["conditional_vae"](
        shape=(1, 6, 6), given={"label": 3}, network="dense", width=8, latent=2, noise=0.5, drop=0.5,
        likelihood="bernoulli",
    )  # fmt: skip
    model.train()
    rows = Rows((torch.rand(20, 1, 6, 6) < 0.5).float(), {"label": torch.eye(3).repeat(7, 1)[:20]})
    t, other = trace(model, rows, samples=3), trace(model, rows, samples=3)
    assert not torch.equal(t.log_qz, other.log_qz)
    for again in (replay(t), replay(replay(t, frozen=True), fixed=True)):
        assert torch.equal(again.log_qz, t.log_qz)
        assert torch.equal(again.log_px, t.log_px)


@pytest.mark.parametrize(("plain", "by_paths", "samples"), [(iwae, dreg, 4), (elbo, path_elbo, 1)])
def test_gradients_along_paths_with_noise_in_layers(plain, by_paths, samples):
    """On average those of the bound; were the noise of the second pass another one, they would push
    posteriors of one row apart."""
    made, _ = RECIPES["vae"](
        shape=(1, 4, 4), network="dense", width=8, latent=2, noise=1.0, likelihood="bernoulli"
    )
    made.train()
    *_, weight, bias = made.posterior.parameters()
    with torch.no_grad():
        weight.mul_(5.0)  # so that noise of layers moves posteriors by more than their spread
        bias[2:] = -2.0
    x = (torch.rand(4, 1, 4, 4) < 0.5).float()

    def slope(bound):
        draws = [
            torch.autograd.grad(bound(trace(made, x, samples=samples)).mean(), bias)[0]
            for _ in range(300)
        ]
        every = torch.stack(draws)
        return every.mean(0), every.std(0) / 300**0.5

    (mean, error), (other, its) = slope(plain), slope(by_paths)
    assert ((other - mean).abs() < 4.5 * (error.square() + its.square()).sqrt()).all()
