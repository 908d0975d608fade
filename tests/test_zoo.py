"""Each variant has the property that it exists for: against closed forms, or after a short training."""

import math
from types import SimpleNamespace as Stands

import numpy as np
import pytest
import scipy.integrate
import torch
from torch import distributions as D
from torch import nn

from vaekit.conditionals import Conditional, StandardNormal
from vaekit.data_init import data_init
from vaekit.families import PointMass, likelihood
from vaekit.models import VAE
from vaekit.models.trace import trace
from vaekit.networks import dense
from vaekit.objectives import discrepancies
from vaekit.objectives.critics import Adversary, TotalCorrelation, squared_slope
from vaekit.objectives.penalties import code_norm, decoder_norm, decoder_slope
from vaekit.recipes import RECIPES, parts, recipe
from vaekit.recipes.recipe import options
from vaekit.rows import Rows
from vaekit.system.checks import BadInput, Unsuited

DIMS = 3
SMALL = {"latent": DIMS, "width": 16, "depth": 1, "likelihood": "gaussian"}


def with_codes(q, rows):
    """What of a trace penalties on codes look at; the codes are drawn from a known distribution."""
    z = Stands(value=q.sample((1, rows)), prior=StandardNormal(DIMS)(), posterior=q)
    return Stands(latents={"z": z}, rows=range(rows))


def normal(shift=0.0, scale=1.0):
    return D.Independent(D.Normal(torch.full((DIMS,), shift), scale), 1)


def factors(rows=400, width=6, noise=0.3, seed=0):
    """x = W z + s e with three factors."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.randn(3, width, generator=generator)
    z = torch.randn(rows, 3, generator=generator)
    return z @ w + noise * torch.randn(rows, width, generator=generator)


def made(name, **options):
    """A small model of six real numbers, and its objective."""
    return recipe(name)(shape=(6,), **{**SMALL, **options})


def trained(name, x, updates=300, lr=5e-3, batch=100, **options):
    """A model and its objective after some updates."""
    torch.manual_seed(0)
    m, objective = made(name, **options)
    data_init(m, x)
    groups = [{"params": m.parameters()}]
    groups += [{"params": critic.parameters(), "lr": critic.lr} for critic in objective.critics]
    optimizer = torch.optim.Adam(groups, lr)
    for step in range(updates):
        loss = objective(m, Rows(x[torch.randint(len(x), (batch,))]), step)
        optimizer.zero_grad()
        (loss.total + loss.own).backward()
        optimizer.step()
    with torch.no_grad():
        return m.eval(), objective(m, Rows(x), updates)


def test_the_kl_ends_at_its_capacity():
    _, loss = trained("capacity_vae", factors(), 200, capacity=3.0, rise=0.5, steps=200)
    assert loss.terms["kl"].item() == pytest.approx(3.0, abs=0.3)


def test_beta_falls_by_equal_factors_and_alpha_with_it():
    objective = made("beta_tcvae", beta=10, alpha=5, beta_start=40, fall=0.5, steps=100).objective
    for step, factor in ((0, 4.0), (25, 2.0), (50, 1.0), (100, 1.0)):
        _, beta, alpha = objective.weights(step)
        assert (beta, alpha) == pytest.approx((10 * factor - 1, 5 * factor - 1))
    assert made("beta_tcvae", beta=10).objective.weights(0)[1:] == [9.0]
    by_default = made("beta_tcvae", beta=2, beta_start=60, fall=0.5, steps=100).objective
    assert by_default.weights(0)[1:] == pytest.approx([59, 29])
    with pytest.raises(BadInput, match="beta cannot fall from 40 to 0"):
        made("beta_tcvae", beta=0, beta_start=40)


def test_beside_a_critic_what_numbers_tell_is_weighed_too():
    how = {"gamma": 7, "beta": 2, "beta_start": 18, "fall": 0.5, "steps": 100}
    objective = made("factor_vae", **how).objective
    for step, beta in ((0, 18), (25, 6), (50, 2), (100, 2)):
        assert objective.weights(step)[1:] == pytest.approx([7, beta - 1])
    assert made("factor_vae").objective.weights(0)[1:] == [10]
    for beta, start in ((0, 40), (3, 0.5)):
        with pytest.raises(BadInput, match=f"beta cannot fall from {start} to {beta}"):
            made("factor_vae", beta=beta, beta_start=start)


def test_the_capacity_rises_in_a_line():
    objective = made("capacity_vae", capacity=8.0, gamma=5.0, rise=0.5, steps=100).objective
    assert [objective.weights(step) for step in (0, 25, 50, 100)] == [
        [0.0, 5.0, goal] for goal in (0.0, 4.0, 8.0, 8.0)
    ]


def test_a_capacity_holds_the_mean_over_rows_and_not_each_row():
    """|mean KL - C|, not mean |KL - C|: rows of 1 and 3 nats lie at a capacity of 2."""
    (term,) = made("capacity_vae").objective.terms
    two = Stands(log_weight=torch.zeros(1, 2), kl=torch.tensor([[1.0, 3.0]]))
    assert term.penalty(two, 2.0).item() == 0
    assert term.penalty(two, 5.0).item() == 3


def test_the_kls_weight_rises_in_cycles():
    objective = made("cyclical_vae", cycles=2, steps=100).objective
    found = [objective.weights(step)[0] for step in (0, 10, 25, 40, 50, 60, 75, 99, 100)]
    assert found == pytest.approx([0, 0.4, 1, 1, 0, 0.4, 1, 1, 1])


def expected_likeness(kernel, shift, variance):
    """E k(a, b) of a difference that is N(shift, variance I)."""
    total = 0.0
    for width in discrepancies.WIDTHS:
        h = 2 * DIMS * width

        def laplace(t, h=h):  # E exp(-t |a - b|^2 / h)
            spread = 1 + 2 * t * variance / h
            return spread ** (-DIMS / 2) * math.exp(-t * DIMS * shift**2 / (h * spread))

        if kernel == "rbf":
            total += laplace(1.0)
        else:
            total += scipy.integrate.quad(lambda t: math.exp(-t) * laplace(t), 0, np.inf)[0]
    return total / len(discrepancies.WIDTHS)


@pytest.mark.parametrize("kernel", discrepancies.KERNELS)
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.7, 1.0), (0.0, 0.4)])
def test_the_discrepancy_is_right_on_average_for_few_rows(kernel, shift, scale):
    """Of N(m, s^2 I) from N(0, I), in closed form; a biased estimate of 5 rows would be off by
    about (1 - E k) / 5 each."""
    q = normal(shift, scale)
    exact = (
        expected_likeness(kernel, 0, 2 * scale**2)
        + expected_likeness(kernel, 0, 2)
        - 2 * expected_likeness(kernel, shift, 1 + scale**2)
    )
    penalty = discrepancies.mmd(kernel)
    found = torch.stack([penalty(with_codes(q, 5)) for _ in range(500)])
    error = found.std() / len(found) ** 0.5
    assert abs(found.mean() - exact) < 4 * error
    assert error < 0.01
    assert (exact > 0.05) == (shift != 0 or scale != 1)


def test_the_discrepancy_of_one_row_is_nothing():
    assert discrepancies.mmd()(with_codes(normal(), 1)) == 0


def test_codes_say_more_where_the_kl_would_silence_them():
    """With so weak a likelihood the ELBO's best codes say nothing. InfoVAE's say more, and are
    N(0, 1) as a whole."""
    x, weak = factors(noise=0.5), {"latent": 1, "scale": "5.0"}
    plain, _ = trained("vae", x, **weak)
    info, _ = trained("info_vae", x, alpha=1.0, strength=30.0, **weak)
    said = [trace(m, x).kl.mean().item() for m in (plain, info)]
    assert said[0] < 0.01
    assert said[1] > 0.5
    z = trace(info, x).latents["z"].value[0].detach()
    assert abs(z.mean()) < 0.3
    assert z.var() == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize("kind", ["diagonal", "full", "low_rank", "point"])
def test_the_covariance_of_codes_is_that_of_their_mixture(kind):
    """Cov[z] of a mixture of the posteriors of all rows, by a million draws."""
    family = parts.posterior_family(kind, DIMS)
    q = family(torch.randn(4, *family.raw_shape))
    z = q.rsample((250_000,)).flatten(0, 1)
    gap = (z.T.cov() - torch.eye(DIMS)).square()
    on = gap.diagonal().sum()
    t = Stands(latents={"z": Stands(posterior=q)})
    found = discrepancies.disentangled_covariance(2.0)(t)
    assert found.item() == pytest.approx((gap.sum() + on).item(), rel=0.03)
    gap = (q.mean.T.cov(correction=0) - torch.eye(DIMS)).square()
    found = discrepancies.disentangled_covariance(0.0, of_means=True)(t)
    assert found.item() == pytest.approx((gap.sum() - gap.diagonal().sum()).item(), rel=1e-4)


def test_a_posterior_whose_covariance_is_not_known_is_refused():
    q = D.Dirichlet(torch.ones(2, DIMS))
    with pytest.raises(Unsuited, match="the covariance of this posterior is not known"):
        discrepancies.disentangled_covariance()(Stands(latents={"z": Stands(posterior=q)}))


@pytest.mark.parametrize("of", ["means", "codes"])
def test_codes_do_not_vary_together(of):
    """The covariance of the means, or of draws, is the identity after training."""
    x = factors()
    m, _ = trained("dip_vae", x, of=of, strength=30.0, lr=1e-2)
    q = m.posterior(x)
    c = (q.mean.T.cov() + (0 if of == "means" else torch.diag(q.variance.mean(0)))).detach()
    assert torch.allclose(c, torch.eye(DIMS), atol=0.2)
    assert (c - torch.diag(c.diagonal())).abs().max() < 0.1


def test_strengths_that_would_drive_codes_from_the_prior_are_refused():
    with pytest.raises(BadInput, match=r"alpha and strength must come to at least 1, not 0.7"):
        made("info_vae", alpha=0.2, strength=0.5)


def test_codes_of_a_wasserstein_autoencoder_are_normal_as_a_whole():
    x = factors()
    m, loss = trained("wae", x, 200, strength=100.0)
    z = m.posterior(x).mean.detach()
    apart = (z.T.cov() - torch.eye(DIMS)).abs().max()
    assert apart < 0.3
    assert "kl" not in loss.terms
    assert not m.has_density


def learned(critic, q, updates=250, rows=256):
    """A critic that has seen codes of a known distribution."""
    optimizer = torch.optim.Adam(critic.parameters(), 3e-3)
    for _ in range(updates):
        _, own = critic(with_codes(q, rows))
        optimizer.zero_grad()
        own.backward()
        optimizer.step()
    return critic


def test_a_critic_learns_the_total_correlation():
    """Of correlated normals it is - log det R / 2, here 0.35 nats."""
    torch.manual_seed(0)
    r = torch.full((DIMS, DIMS), 0.5).fill_diagonal_(1.0)
    q = D.MultivariateNormal(torch.tensor([1.0, 0.0, -1.0]), r)
    critic = learned(TotalCorrelation(DIMS, 32), q)
    with torch.no_grad():
        value, own = critic(with_codes(q, 20_000))
        assert value.item() == pytest.approx(-r.logdet().item() / 2, abs=0.08)
        assert own < math.log(2) - 0.05


def test_an_adversary_learns_how_codes_differ_from_the_prior():
    """The mean log ratio of N(1, I) and N(0, I) is their KL, 3 / 2 nats; of the prior itself a critic
    can say nothing, and its penalty is log 2."""
    torch.manual_seed(0)
    far, near = normal(1.0), normal()
    critic = learned(Adversary(DIMS, 32), far)
    with torch.no_grad():
        z = far.sample((20_000,))
        ratio = critic.net(z).mean().item()
    assert ratio == pytest.approx(D.kl_divergence(far, near).item(), abs=0.15)
    value, own = learned(Adversary(DIMS, 32), near, 50)(with_codes(near, 20_000))
    assert value.item() == pytest.approx(math.log(2), abs=0.02)
    assert own.item() == pytest.approx(math.log(2), abs=0.02)


def test_a_critic_pays_for_its_slope():
    """Of a plane it is the squared length of its weights; a half of it, times steep, is added to
    what the critic minimises, and the penalty stays as it is."""
    plane = nn.Linear(DIMS, 1)
    y = torch.randn(5, DIMS, requires_grad=True)
    slope = squared_slope(plane, y)
    slope.backward()
    assert slope.item() == pytest.approx(plane.weight.square().sum().item(), rel=1e-5)
    assert torch.allclose(plane.weight.grad, 2 * plane.weight)
    assert y.grad is None
    critic = Adversary(DIMS, 32)
    critic.net, codes = plane, with_codes(normal(1.0), 50)
    found = []
    for critic.steep in (0.0, 3.0):
        torch.manual_seed(0)
        found.append([v.item() for v in critic(codes)])
    (value, own), (same, more) = found
    assert value == same
    assert more - own == pytest.approx(1.5 * slope.item(), rel=1e-4)


def test_codes_that_a_critic_cannot_tell_from_the_prior_are_normal_as_a_whole():
    x = factors()
    m, loss = trained("adversarial_autoencoder", x, critic_width=64, critic_lr=5e-3)
    z = m.posterior(x).mean.detach()
    assert torch.allclose(z.T.cov(), torch.eye(DIMS), atol=0.5)
    assert torch.allclose(z.mean(0), torch.zeros(DIMS), atol=0.3)
    assert not m.has_density
    assert set(loss.terms) == {"reconstruction", "adversary"}


def test_a_critic_in_the_loss_makes_codes_factorise():
    """Codes L e of correlation 0.9: L learns to make them independent of what the critic learns."""
    torch.manual_seed(0)
    lower = torch.nn.Parameter(torch.tensor([[1.0, 0.0], [0.9, 0.19**0.5]]))
    critic = TotalCorrelation(2, 32)
    groups = [{"params": [lower]}, {"params": critic.parameters(), "lr": 5e-3}]
    optimizer = torch.optim.Adam(groups, 5e-3)
    for _ in range(400):
        z = Stands(value=torch.randn(1, 256, 2) @ lower.T)
        value, own = critic(Stands(latents={"z": z}))
        optimizer.zero_grad()
        (value + own).backward()
        optimizer.step()
    one, other = torch.nn.functional.normalize(lower.detach(), dim=1)
    assert abs(one @ other) < 0.2


def straight_decoder(x):
    """An autoencoder of six numbers whose decoder is linear, and its matrix in the units of x."""
    code, data = PointMass(DIMS), likelihood("gaussian", (6,), scale=1.0)
    encode, decode = (dense(*s, []) for s in (((6,), (DIMS,)), ((DIMS,), (6,))))
    m = VAE(StandardNormal(DIMS), Conditional(encode, code), Conditional(decode, data))
    data_init(m, x)
    return m, decode[-2].weight, decode[-2].weight * data.gain[:, None]


def test_a_linear_decoder_is_as_steep_as_its_weights():
    """The squared derivatives of z W^T come to |W|^2 everywhere, whether gradients are kept or not."""
    x = factors(20_000)
    m, weight, w = straight_decoder(x)
    steep = w.square().sum().item()
    with torch.no_grad():
        assert decoder_slope(trace(m, x)).item() == pytest.approx(steep, rel=0.03)
    found = decoder_slope(trace(m, x[:5000]))
    assert found.item() == pytest.approx(steep, rel=0.05)
    (gradient,) = torch.autograd.grad(found, weight)
    wanted = 2 * w * m.likelihood.family.gain[:, None]
    assert torch.allclose(gradient, wanted, atol=0.1 * wanted.abs().max().item())


def test_norms_of_codes_and_weights_by_hand():
    x = factors(50)
    m, *_ = straight_decoder(x)
    t = trace(m, x)
    assert code_norm(t).item() == pytest.approx((m.posterior(x).mean ** 2).sum(1).mean().item() / 2)
    by_hand = sum((p**2).sum().item() for p in m.likelihood.parameters())
    assert decoder_norm(t).item() == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("name", "option", "term"),
    [
        ("rae_l2", "decoder_norm", "decoder_norm"),
        ("rae_gp", "slope", "decoder_slope"),
        ("rae_gp", "norm", "code_norm"),
    ],
)
def test_what_is_weighed_grows_small(name, option, term):
    x, off = factors(), {"norm": 0.0, "slope": 0.0, "decoder_norm": 0.0}
    known = options(RECIPES[name])
    off = {n: v for n, v in off.items() if n in known}
    found = [trained(name, x, updates=100, **{**off, option: w})[1].terms for w in (0.0, 0.3)]
    assert found[1][term] < found[0][term] / 1.5
    assert len(found[0]) == 3
    assert "kl" not in found[0]


def test_the_learned_deviation_is_the_best_one():
    """Of a Gaussian it is the root of the mean squared error, which needs no training to find."""
    x = factors()
    m, _ = trained("sigma_vae", x, updates=250)
    t = trace(m, x, samples=20)
    p = t.likelihood.base_dist
    squares = ((p.mean - x.repeat(20, 1)) / m.likelihood.family.gain).square()
    sigma = (p.stddev / m.likelihood.family.gain).mean()
    assert sigma.item() == pytest.approx(squares.mean().sqrt().item(), rel=0.05)


def test_codes_keep_to_a_rate_that_is_free():
    """With so weak a likelihood the ELBO's best rate is 0."""
    x, weak = factors(noise=0.5), {"latent": 1, "scale": "5.0"}
    _, loss = trained("rate_floor_vae", x, updates=500, batch=1000, floor=0.8, **weak)
    assert loss.terms["kl"].item() == pytest.approx(0.8, abs=0.1)
    assert loss.terms["rate_floor"] < 0.1
