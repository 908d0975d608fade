"""A discriminator in place of pixels: what it learns, and whom its word reaches."""

import math

import pytest
import torch
from parts import VECTOR, model, rows
from torch import nn

from vaekit.conditionals import Conditional, StandardNormal
from vaekit.families import DiagonalNormal, likelihood
from vaekit.models import VAE
from vaekit.models.trace import trace
from vaekit.networks import dense
from vaekit.objectives import Objective, Term
from vaekit.objectives.bounds import elbo
from vaekit.objectives.similarity import Discriminator, apart_from_pixels, seen


class Prior(nn.Module):
    """A posterior that is the prior."""

    has_density, event_shape = True, (1,)

    def forward(self, x):
        return StandardNormal(1)().expand((len(x),))


def identity():
    """A model whose rows, rebuilt and drawn alike, are N(0, 1) but for a hair."""
    family = likelihood("gaussian", (1,), scale=0.01)
    return VAE(StandardNormal(1), Prior(), Conditional(nn.Identity(), family))


def test_at_its_best_its_logit_is_the_log_ratio_of_densities():
    """Of data N(1, 1) and what is made, N(0, 1), it is x - 1/2; of the same it is 0, and its loss
    log 2."""
    torch.manual_seed(0)
    for shift in (1.0, 0.0):
        critic, m = Discriminator(dense((1,), (16,), [16], "silu"), 16), identity()
        optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
        for _ in range(150 if shift else 40):
            _, own = critic(trace(m, shift + torch.randn(400, 1)))
            optimizer.zero_grad()
            own.backward()
            optimizer.step()
        x = torch.linspace(-1, 2, 7)[:, None]
        with torch.no_grad():
            wanted = shift * (x - 0.5)
            assert torch.allclose(critic.logit(x), wanted, atol=0.3)
            _, own = critic(trace(m, shift + torch.randn(20_000, 1)))
        if not shift:
            assert own.item() == pytest.approx(math.log(2), abs=0.01)
        else:
            assert own.item() < math.log(2) - 0.05


def test_sure_ones_pay_for_their_slope():
    """By steep / 2 times its square, in the numbers that features are made of."""
    torch.manual_seed(0)
    m, x = identity(), torch.randn(50, 1)
    own = {}
    for steep in (0.0, 3.0):
        torch.manual_seed(1)
        critic = Discriminator(nn.Linear(1, 2), 2, steep=steep, rescale=Halved())
        torch.manual_seed(2)
        own[steep] = critic(trace(m, x))[1].item()
    still = (x / 2).requires_grad_()
    (slope,) = torch.autograd.grad(critic.head(critic.net(still)).sum(), still)
    wanted = 3 / 2 * slope.square().mean().item()
    assert wanted > 1e-9
    assert own[3.0] - own[0.0] == pytest.approx(wanted, rel=1e-3)


class Halved(nn.Module):
    """Numbers half as large."""

    def forward(self, x):
        return x / 2


def test_features_do_not_grow():
    torch.manual_seed(0)
    critic, x = Discriminator(dense((3,), (8,), [8]), 8), torch.randn(5, 3)
    before = critic.features(x)
    assert torch.allclose(before.square().mean(1), torch.ones(5), atol=1e-2)
    last = [m for m in critic.net.modules() if isinstance(m, nn.Linear)][-1]
    last.weight.data *= 100
    last.bias.data *= 100
    assert torch.allclose(critic.features(x), before, atol=1e-2)


class TestWhatItSees:
    """Of p(x|z) with a mean of 0.3."""

    p = torch.distributions.Independent(
        torch.distributions.Bernoulli(torch.full((4000, 2), 0.3)), 1
    )

    def test_means_where_they_may_be_rows(self):
        assert torch.equal(seen(self.p, torch.zeros(4000, 2), coarse=False), self.p.mean)

    def test_draws_where_they_may_not(self):
        torch.manual_seed(0)
        found = seen(self.p, torch.ones(4000, 2), coarse=True)
        assert {*found.unique().tolist()} == {0.0, 1.0}
        assert found.mean().item() == pytest.approx(0.3, abs=0.03)

    def test_means_beside_grey_rows(self):
        """A Bernoulli likelihood also takes values between 0 and 1."""
        x = torch.ones(4000, 2)
        x[:2000, 1] = 0.5
        found = seen(self.p, x, coarse=True)
        assert torch.allclose(found[:2000], self.p.mean[:2000])
        assert {*found[2000:].unique().tolist()} == {0.0, 1.0}

    def test_the_gradient_is_the_means(self):
        chance = torch.full((3, 2), 0.3, requires_grad=True)
        p = torch.distributions.Independent(torch.distributions.Bernoulli(chance), 1)
        seen(p, torch.ones(3, 2), coarse=True).sum().backward()
        assert torch.equal(chance.grad, torch.ones(3, 2))


def gradients(**strengths):
    """Of a small model's encoder and decoder, and of the critic."""
    torch.manual_seed(1)
    m = model(DiagonalNormal(3), likelihood("gaussian", VECTOR, scale="shared"))
    critic = Discriminator(dense(VECTOR, (8,), [8]), 8, strengths.get("strength", 0.0))
    term = Term("similarity", strengths.get("similarity", 1.0), critic)
    objective = Objective(apart_from_pixels(strengths.get("pixels", 0.0)), term)
    torch.manual_seed(2)
    loss = objective(m, rows(m.likelihood.family), 0)
    (loss.total + loss.own).backward()
    parts = {"encoder": m.posterior, "decoder": m.likelihood.net, "noise": m.likelihood.family}
    found = {n: [p.grad for p in part.parameters()] for n, part in parts.items()}
    return found | {"critic": [p.grad for p in critic.parameters()]}, loss


def alike(some, others):
    return all(
        (a is None and b is None) or torch.allclose(a, b, atol=1e-6)
        for a, b in zip(some, others, strict=True)
    )


class TestWhomItReaches:
    def test_what_fools_it_moves_the_decoder_alone(self):
        (calm, _), (fooling, _) = gradients(), gradients(strength=5.0)
        assert alike(calm["encoder"], fooling["encoder"])
        assert alike(calm["critic"], fooling["critic"])
        assert not alike(calm["decoder"], fooling["decoder"])

    def test_its_features_move_encoder_and_decoder(self):
        (blind, _), (seeing, _) = gradients(similarity=0.0), gradients()
        for part in ("encoder", "decoder"):
            assert not alike(blind[part], seeing[part])
        assert alike(blind["critic"], seeing["critic"])
        assert all(g is None or not g.any() for g in blind["decoder"])

    def test_pixels_say_the_noise(self):
        assert all(g is None or not g.any() for g in gradients()[0]["noise"])
        assert all(g.any() for g in gradients(pixels=0.01)[0]["noise"])

    def test_epochs_are_compared_by_the_elbo(self):
        _, loss = gradients(strength=3.0)
        compared = (loss.total - loss.theirs).item()
        wanted = (loss.terms["reconstruction"] + loss.terms["kl"]).item()
        assert compared == pytest.approx(wanted, rel=1e-5)


def test_the_bound_is_the_elbo_with_another_gradient():
    m = model()
    t = trace(m, rows(m.likelihood.family))
    assert torch.allclose(apart_from_pixels(0.3)(t), elbo(t))
    whole = torch.autograd.grad(elbo(t).sum(), m.posterior.net[1].weight, retain_graph=True)[0]
    same = torch.autograd.grad(apart_from_pixels(1.0)(t).sum(), m.posterior.net[1].weight)[0]
    assert torch.allclose(whole, same)


def test_its_gradient_is_that_of_so_much_likelihood_and_all_of_the_kl():
    m = model()
    t, weight = trace(m, rows(m.likelihood.family)), m.posterior.net[1].weight
    half, wanted = apart_from_pixels(0.5)(t).sum(), (0.5 * t.log_px - t.kl).sum()
    pair = (torch.autograd.grad(v, weight, retain_graph=True)[0] for v in (half, wanted))
    assert torch.allclose(*pair)
