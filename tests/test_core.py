"""Traces, bounds, penalties and objectives: units, shapes, weights, refusals."""

import itertools
import math

import pytest
import torch
from parts import (
    BOUNDS,
    CRITICS,
    ESTIMATES,
    LIKELIHOODS,
    OF_MEANS,
    OF_THE_DECODER,
    PENALTIES,
    POSTERIORS,
    VECTOR,
    model,
    rows,
)
from torch import distributions as D
from torch import nn

from vaekit.conditionals import Conditional, StandardNormal
from vaekit.distributions import exact_kl
from vaekit.families import DiagonalNormal, PointMass, likelihood
from vaekit.models import VAE
from vaekit.models.drawing import Generator, at_mean, observed
from vaekit.models.trace import trace
from vaekit.networks import Join, dense
from vaekit.objectives import Critic, Objective, Term
from vaekit.objectives.bounds import elbo, reconstruction
from vaekit.objectives.penalties import free_bits, mean_kl_per_dimension, rate
from vaekit.objectives.schedules import at, cosine, cyclical, product, ramp, rise
from vaekit.rows import Rows


@pytest.mark.parametrize("posterior", POSTERIORS.values(), ids=POSTERIORS.keys())
@pytest.mark.parametrize("samples", [1, 4])
def test_traces_are_particles_by_rows(posterior, samples):
    m = model(posterior)
    t = trace(m, rows(m.likelihood.family), samples=samples)
    for name in ("log_px", "log_pz", "log_qz", "kl", "log_weight"):
        assert getattr(t, name).shape == (samples, 7), name
    assert t.latents["z"].value.shape == (samples, 7, 3)
    assert torch.allclose(t.log_weight.exp().sum(0), torch.ones(7))
    latent = t.latents["z"]
    assert exact_kl(latent.posterior, latent.prior) is None or (t.kl >= 0).all()
    assert t.has_density


@pytest.mark.parametrize("bound", BOUNDS.values(), ids=BOUNDS.keys())
@pytest.mark.parametrize("make", LIKELIHOODS.values(), ids=LIKELIHOODS.keys())
def test_bounds_give_one_number_per_row_and_move_every_weight(bound, make):
    m = model(data=make(VECTOR))
    t = trace(m, rows(m.likelihood.family), samples=3)
    values = bound(t)
    assert values.shape == (7,)
    assert torch.isfinite(values).all()
    values.sum().backward()
    for name, parameter in m.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("name", BOUNDS)
def test_a_rows_bound_does_not_depend_on_its_neighbours(name):
    m, bound = model(), (BOUNDS | OF_MEANS)[name]
    x = rows(m.likelihood.family)
    whole = bound(trace(m, x, samples=3, rule=at_mean))
    alone = torch.cat([bound(trace(m, row[None], samples=3, rule=at_mean)) for row in x])
    assert torch.allclose(whole, alone, atol=1e-5)
    assert torch.allclose(
        bound(trace(m, x.flip(0), samples=3, rule=at_mean)), whole.flip(0), atol=1e-5
    )


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_nats_per_row_and_have_gradients(name):
    m, penalty = model(), PENALTIES[name]
    x = rows(m.likelihood.family, 8)
    once = penalty(trace(m, x, rule=at_mean))
    twice = penalty(trace(m, torch.cat([x, x]), rule=at_mean))
    assert once.shape == ()
    if name not in ESTIMATES:
        assert torch.allclose(once, twice, atol=1e-5)
    penalty(trace(m, x)).backward()
    side = m.likelihood if name in OF_THE_DECODER else m.posterior
    assert side.net[-2].weight.grad.abs().sum() > 0


def test_loss_does_not_change_with_batch_size():
    m, x = model(), rows(model().likelihood.family, 8)
    objective = Objective(lambda t: elbo(t), Term("rate", 0.5, rate))
    with torch.no_grad():
        torch.manual_seed(0)
        m.posterior.net[-2].weight.zero_()
        m.posterior.net[-2].bias[3:] = -30
    whole = objective(m, x, 0).total
    halves = [objective(m, part, 0).total for part in x.split(4)]
    assert torch.allclose(whole, torch.stack(halves).mean(), atol=1e-3)


def test_objectives_normal_form():
    m, x = model(), rows(model().likelihood.family)
    torch.manual_seed(1)
    t = trace(m, x, samples=2)
    torch.manual_seed(1)
    loss = Objective(
        elbo,
        Term("rate", ramp(0.0, 1.0, 10), rate),
        Term("free_bits", 2.0, free_bits(5.0)),
        samples=2,
    )(m, x, 5)
    by_hand = -elbo(t).mean() + 0.5 * rate(t) + 2.0 * free_bits(5.0)(t)
    assert torch.allclose(loss.total, by_hand)
    assert set(loss.terms) == {"reconstruction", "kl", "rate", "free_bits"}
    assert torch.allclose(loss.terms["reconstruction"], -reconstruction(t).mean())
    assert torch.allclose(loss.terms["kl"], t.kl.mean())
    assert not any(v.requires_grad for v in loss.terms.values())


def test_beta_one_is_the_plain_objective():
    m, x = model(), rows(model().likelihood.family)
    torch.manual_seed(1)
    plain = Objective(elbo)(m, x, 0).total
    torch.manual_seed(1)
    assert torch.equal(plain, Objective(elbo).plus(Term("rate", 0.0, rate))(m, x, 0).total)


def test_free_bits_make_each_dimension_cost_at_least_its_floor():
    m, x = model(), rows(model().likelihood.family)
    t = trace(m, x)
    kl = mean_kl_per_dimension(t)["z"]
    floor = kl.median().item()
    total = rate(t) + free_bits(floor)(t)
    assert torch.allclose(total, kl.clamp_min(floor).sum(), atol=1e-5)


def test_free_bits_need_gaussians():
    m = model(PointMass(3))
    with pytest.raises(TypeError, match="latent 'z'"):
        free_bits(1.0)(trace(m, rows(m.likelihood.family)))


def test_an_autoencoder_has_no_kl():
    m = model(PointMass(3))
    x = rows(m.likelihood.family)
    loss = Objective(reconstruction)(m, x, 0)
    assert set(loss.terms) == {"reconstruction"}
    assert torch.isfinite(loss.total)
    assert Objective(elbo)(m, x, 0).total == math.inf


class Linear(Critic):
    """A penalty that owns weights."""

    def __init__(self, **how):
        super().__init__(**how)
        self.net = nn.Linear(3, 1)

    def forward(self, t):
        z = t.latents["z"].value[0]
        frozen = {k: v.detach() for k, v in self.net.named_parameters()}
        value = torch.func.functional_call(self.net, frozen, (z,)).mean()
        return value, self.net(z.detach()).square().mean()


@pytest.mark.parametrize("make", [Linear, *CRITICS.values()], ids=["linear", *CRITICS])
def test_a_critic_and_the_model_do_not_touch_each_others_gradients(make):
    m, critic = model(), make()
    objective = Objective(reconstruction, Term("critic", 0.0, critic))
    assert set(objective.parameters()) == set(critic.parameters())
    x = rows(m.likelihood.family)
    torch.manual_seed(2)
    Objective(reconstruction)(m, x, 0).total.backward()
    alone = [p.grad.clone() for p in m.parameters()]
    m.zero_grad()
    torch.manual_seed(2)
    loss = objective(m, x, 0)
    (loss.total + loss.own).backward()
    assert all(torch.allclose(p.grad, g) for p, g in zip(m.parameters(), alone, strict=True))
    assert all(p.grad.abs().sum() > 0 for p in critic.parameters())
    assert "critic" in loss.terms


def test_undeclared_event_dimensions_are_refused():
    class Loose(nn.Module):
        def forward(self, z):
            return D.Normal(torch.zeros(len(z), 6), 1.0)

    m = model()
    m.likelihood = Loose()
    with pytest.raises(TypeError, match="declare the likelihood's event dimensions"):
        trace(m, torch.zeros(7, 6))


def test_a_latent_without_a_posterior_is_refused():
    from vaekit.models.drawing import Recorder, from_posterior

    with pytest.raises(TypeError, match="give the model its x"):
        model()(Recorder(4, 1, from_posterior))


def conditional_model():
    family = DiagonalNormal(3)
    return VAE(
        StandardNormal(3),
        Conditional(Join(dense((8,), family.raw_shape, [16])), family),
        Conditional(Join(dense((5,), (6,), [16])), likelihood("bernoulli", (6,))),
    )


def test_what_is_given_reaches_every_particle():
    m, x = conditional_model(), torch.randint(0, 2, (7, 6)).float()
    given = torch.randn(7, 2)
    t = trace(m, Rows(x, {"side": given}), samples=3)
    assert t.log_px.shape == (3, 7)
    by_hand = m.likelihood(t.latents["z"].value[1], given).log_prob(x)
    assert torch.allclose(t.log_px[1], by_hand, atol=1e-5)


def test_encoders_see_each_row_once_whatever_the_number_of_particles():
    seen = []
    m = model()
    m.posterior.net.register_forward_hook(lambda _, inputs, __: seen.append(len(inputs[0])))
    trace(m, torch.zeros(7, 6), samples=11)
    assert seen == [7]


def test_generating_and_decoding_use_the_same_model():
    m = model()
    assert m(Generator(5)).sample().shape == (5, 6)
    z = torch.randn(4, 3)
    assert torch.allclose(m(Generator(4, {"z": z})).mean, m.likelihood(z).mean)


def test_observed_latents_cost_their_prior_density():
    m, x, z = model(), torch.zeros(7, 6), torch.randn(7, 3)
    t = trace(m, x, samples=2, named={"z": observed(z)})
    assert torch.allclose(
        t.log_ratio, m.likelihood(z).log_prob(x) + m.prior().log_prob(z), atol=1e-5
    )
    assert torch.allclose(elbo(t), t.log_ratio.mean(0), atol=1e-5)


def test_schedules():
    rise = ramp(0.0, 2.0, 10)
    assert [at(rise, s) for s in (0, 5, 10, 99)] == [0.0, 1.0, 2.0, 2.0]
    assert at(3, 7) == 3.0
    fall = cosine(1.0, 0.0, 10)
    assert at(fall, 0) == 1.0
    assert at(fall, 5) == pytest.approx(0.5)
    assert at(fall, 10) == pytest.approx(0.0)
    saw = cyclical(0.0, 1.0, 100, cycles=4)
    assert [at(saw, s) for s in (0, 6.25, 12.5, 20, 25, 100)] == [0.0, 0.5, 1.0, 1.0, 0.0, 1.0]
    assert at(product(rise, fall), 5) == pytest.approx(0.5)


@pytest.mark.parametrize("steps", [*range(1, 13), 49, 100])
@pytest.mark.parametrize("cycles", [1, 2, 3, 4, 7, 50, 1000])
def test_every_cycle_comes_to_its_end(steps, cycles):
    """Never 0 all the time; as many cycles as asked for, or as there is room for."""
    saw = [at(cyclical(0.0, 1.0, steps, cycles), s) for s in range(steps + 1)]
    assert saw[-1] == saw[-2] == 1.0
    rises = sum(later >= 1.0 > now for now, later in itertools.pairwise(saw))
    assert rises == min(cycles, steps // 2)
    assert sum(saw[:-1]) >= steps / 2


@pytest.mark.parametrize("steps", range(1, 12))
@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 0.8, 1.0])
def test_a_rise_takes_its_share_but_not_all_there_is(steps, share):
    weights = [at(rise(2.0, share, steps), s) for s in range(steps)]
    assert sum(weights) > 0
    assert weights[int(share * steps) :] == [2.0] * (steps - int(share * steps))
    assert at(rise(2.0, share, steps), steps) == 2.0
    assert weights == sorted(weights)


def test_terms_have_names_of_their_own():
    twice = (Term("free_bits", 1.0, free_bits(1.0)), Term("free_bits", 2.0, free_bits(2.0)))
    with pytest.raises(ValueError, match="must differ"):
        Objective(elbo, *twice)
    with pytest.raises(ValueError, match="must differ"):
        Objective(elbo, Term("kl", 1.0, rate))
