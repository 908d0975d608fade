"""Priors that are fitted after training: a velocity's density, and a second stage's bound."""

import math

import pytest
import scipy.stats
import torch
from graphs import normal
from torch import distributions as D
from torch import nn

import vaekit
from vaekit.conditionals import PRIORS, Scaled, StandardNormal
from vaekit.conditionals.flow_matching import FlowMatching, VelocityNetwork
from vaekit.conditionals.manifold import Manifold
from vaekit.conditionals.second_stage import SecondStage
from vaekit.distributions.bounded import Marginal
from vaekit.distributions.carried import Carried
from vaekit.distributions.draws import own_noise
from vaekit.recipes import recipe
from vaekit.runs.refit import fit_density, plan_of, refit
from vaekit.system.checks import BadInput
from vaekit.system.seeding import seeded

MEAN, SCALE = torch.tensor([1.0, -2.0]), torch.tensor([0.5, 1.5])


class ToANormal:
    """The best velocity from N(0, I) to N(m, s^2), which is linear at each time."""

    def stretch(self, t):
        return (t * SCALE**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * SCALE**2)

    def __call__(self, z, t):
        return MEAN + self.stretch(t) * (z - t * MEAN)

    def with_divergence(self, z, t):
        return self(z, t), self.stretch(t).sum().expand(len(z))


def standard(dim=2):
    return StandardNormal(dim)()


def test_the_best_velocity_to_a_normal_gives_its_density_and_draws():
    known = D.Independent(D.Normal(MEAN, SCALE), 1)
    found = Carried(standard(), ToANormal())
    z = known.sample((3, 7))
    assert found.log_prob(z).shape == (3, 7)
    assert torch.allclose(found.log_prob(z), known.log_prob(z), atol=2e-3)
    assert torch.allclose(
        Carried(standard(), ToANormal(), 64).log_prob(z), known.log_prob(z), atol=1e-4
    )
    drawn = found.sample((20_000,))
    assert torch.allclose(drawn.mean(0), MEAN, atol=0.05)
    assert torch.allclose(drawn.std(0), SCALE, rtol=0.03)


def test_the_trace_of_a_velocity_is_that_of_its_derivatives():
    velocity, z = VelocityNetwork(3, 8).double(), torch.randn(5, 3).double()
    value, trace = velocity.with_divergence(z, 0.3)
    each = torch.stack([
        torch.autograd.functional.jacobian(lambda row: velocity(row[None], 0.3)[0], row).trace()
        for row in z
    ])  # fmt: skip
    assert torch.allclose(trace, each)
    assert torch.allclose(value, velocity(z, 0.3))


def test_the_misfit_of_the_best_velocity_is_what_cannot_be_known():
    r"""E|v - (z - e)|^2 at the best v is the variance of z - e given where the way stands."""
    prior = FlowMatching(StandardNormal(2), VelocityNetwork(2, 8))
    prior.velocity = torch.nn.Module()
    prior.velocity.forward = ToANormal()
    z = MEAN + SCALE * torch.randn(200_000, 2)
    t = torch.linspace(0, 1, 20_001)[:, None]
    left = SCALE**2 / ((1 - t) ** 2 + t**2 * SCALE**2)  # of each number
    assert prior.misfit(z).mean().item() == pytest.approx(left.mean(0).sum().item(), rel=0.01)


@pytest.mark.parametrize(
    ("name", "lost"), [("flow_matching", (-0.03, 0.12)), ("second_stage", (-0.01, 0.1))]
)
def test_codes_of_a_normal_get_its_density(name, lost):
    """Fitted to draws of a known distribution, it loses little of their entropy."""
    turn = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    known = D.MultivariateNormal(torch.tensor([5.0, -1.0]), scale_tril=turn)
    with seeded(1):
        train, held_out, test = (known.sample((n,)) for n in (2000, 500, 1000))
        inner = {
            "flow_matching": lambda: FlowMatching(StandardNormal(2), VelocityNetwork(2, 32)),
            "second_stage": lambda: SecondStage(StandardNormal(2), 32),
        }[name]()
    prior = Scaled(inner)
    prior.begin(train, train)
    how = plan_of(name, {"epochs": 40, "lr": 1e-2})
    fitted, _ = fit_density(prior, train[None], held_out[None], how)
    with torch.no_grad():
        gap = (known.log_prob(test) - fitted.eval()().log_prob(test)).mean().item()
    assert lost[0] < gap < lost[1]
    drawn = fitted().sample((5000,))
    assert torch.allclose(drawn.mean(0), known.mean, atol=0.1)
    assert torch.allclose(drawn.T.cov(), known.covariance_matrix, atol=0.15)


def linear(w, scale):
    """A normal around w times what is given."""
    return lambda given: D.Independent(D.Normal(w * given, torch.tensor(scale)), 1)


def test_a_marginal_is_bounded_from_below_and_right_on_average():
    """u ~ N(0, 1), z ~ N(2u, 0.25): z ~ N(0, 4.25), and p(u|z) is known."""
    exact = D.Independent(D.Normal(torch.zeros(1), math.sqrt(4.25)), 1)
    z = torch.tensor([[-3.0], [0.0], [1.0], [4.0]])
    best = linear(2 / 4.25, math.sqrt(0.25 / 4.25))
    wrong = linear(0.3, 0.5)
    p = Marginal(standard(1), linear(2.0, 0.5), best, 3)
    assert torch.allclose(p.log_prob(z), exact.log_prob(z), atol=1e-5)
    few, many = (
        torch.stack([Marginal(standard(1), linear(2.0, 0.5), wrong, n, fixed=False).log_prob(z)
                     for _ in range(times)])
        for n, times in ((2, 3000), (20_000, 3))
    )  # fmt: skip
    assert (few.mean(0) < exact.log_prob(z)).all()
    assert torch.allclose(few.exp().mean(0), exact.log_prob(z).exp(), rtol=0.25)
    assert torch.allclose(many.mean(0), exact.log_prob(z), atol=0.05)
    drawn = p.sample((20_000,))
    assert drawn.std().item() == pytest.approx(math.sqrt(4.25), rel=0.03)


def test_a_row_has_one_bound_whatever_stands_beside_it():
    p = Marginal(standard(1), linear(2.0, 0.5), linear(0.3, 0.5), 8)
    z = torch.randn(6, 1)
    whole = p.log_prob(z)
    assert torch.equal(whole, p.log_prob(z))
    assert torch.allclose(whole, torch.cat([p.log_prob(row) for row in z.split(1)]), atol=1e-6)
    fresh = Marginal(standard(1), linear(2.0, 0.5), linear(0.3, 0.5), 8, fixed=False)
    assert not torch.equal(fresh.log_prob(z), fresh.log_prob(z))


def mass(p, reach=8.0, points=161):
    """The integral of exp(log p(z)) over a square."""
    line = torch.linspace(-reach, reach, points)
    with torch.no_grad():
        each = p.log_prob(torch.cartesian_prod(line, line)).double().exp()
    return each.sum().item() * (line[1] - line[0]).item() ** 2


@pytest.mark.parametrize("seed", range(4))
def test_what_is_bounded_has_no_more_mass_than_a_density(seed):
    """The errors of codes cancel: with one noise for all of them the integral was up to 1.4."""
    with seeded(seed):
        prior = SecondStage(StandardNormal(2), 8).eval()
    assert mass(prior()) == pytest.approx(1, abs=0.03)
    narrow, wide = (linear(0.3, scale) for scale in (0.35, 0.6))
    for posterior in (narrow, wide):
        found = Marginal(standard(), linear(2.0, 1.0), posterior, 16 + seed)
        assert mass(found, 12.0) == pytest.approx(1, abs=0.03)


def test_errors_of_a_bound_are_those_of_independent_rows():
    """Codes of a known density, bounded by a poor posterior: the mean is below the truth by what
    fresh noise says, and above it nowhere."""
    exact = D.Independent(D.Normal(torch.zeros(2), math.sqrt(5)), 1)
    with seeded(0):
        z = exact.sample((20_000,))
        fresh, fixed = (
            Marginal(standard(), linear(2.0, 1.0), linear(0.3, 0.4), 4, fixed=fixed).log_prob(z)
            for fixed in (False, True)
        )
    truth = exact.log_prob(z).mean()
    assert fresh.mean() < truth - 0.02
    assert fixed.mean().item() == pytest.approx(fresh.mean().item(), abs=0.03)
    assert fixed.std().item() == pytest.approx(fresh.std().item(), rel=0.03)


def test_a_bound_bends_smoothly_with_the_code():
    with seeded(0):
        p, z = SecondStage(StandardNormal(5), 16).eval()(), torch.randn(400, 5)
    with torch.no_grad():
        moved = p.log_prob(torch.nextafter(z, torch.full_like(z, 99)))
        assert torch.allclose(moved, p.log_prob(z), atol=3e-5)
        assert (p.log_prob(z + 1e-4) - p.log_prob(z)).abs().max() < 0.05


def test_noise_of_a_row_is_normal_its_own_and_always_the_same():
    with seeded(1):
        x = torch.randn(500, 3)

    def noise(rows):
        with seeded(0):
            return own_noise(rows, 60)

    found = noise(x)
    assert scipy.stats.kstest(found.flatten().numpy(), "norm").pvalue > 0.01
    assert found.corrcoef().fill_diagonal_(0).mean().abs() < 0.02
    assert torch.allclose(noise(x[7:8]), found[7:8], atol=1e-5)
    assert torch.allclose(noise(x.flip(0)).flip(0), found, atol=1e-5)


def test_a_model_with_a_second_stage_is_not_likelier_than_the_truth():
    with seeded(0):
        rows = torch.randn(400, 4)
    model = vaekit.fit(rows.numpy(), latent=2, width=8, epochs=1, batch=500, quiet=True)
    found = refit(model, "second_stage", epochs=1).trained.evaluate(rows.numpy(), samples=20)
    truth = D.Independent(D.Normal(torch.zeros(4), 1.0), 1).log_prob(rows).mean().item()
    assert found.elbo < found.log_likelihood < truth


def test_what_is_not_known_is_said():
    model = vaekit.fit("digits", latent=2, width=8, epochs=1, batch=500)
    made = refit(model, "second_stage", epochs=1)
    assert "codes of test rows are at " in made.text
    with pytest.raises(BadInput, match="known from below alone: no annealing"):
        made.trained.evaluate(samples=2, annealed_rows=2, annealed_steps=3, chains=2)
    other = refit(model, "flow_matching", epochs=1)
    assert "at least" not in other.text
    assert "at most" not in other.text


@pytest.mark.parametrize("name", [n for n, kind in PRIORS.items() if kind.only_after])
def test_it_is_not_trained_with_a_model(name):
    with pytest.raises(BadInput, match=f"a {name} prior is fitted to the codes of a trained model"):
        recipe("vae")(shape=(5,), likelihood="gaussian", prior=name)


def test_a_manifold_of_far_centres_is_the_mixture_that_it_comes_down_to():
    found = Manifold(nn.Identity(), 2, components=3)
    found.centres.copy_(torch.tensor([[0.0, 0], [40, 0], [0, 40]]))
    found.squares.copy_(torch.diag_embed(torch.tensor([[1.0, 1], [2, 2], [0.5, 2]])))
    found._settle(2.0, found.centres, 1000)
    near = torch.randn(50, 2)
    weights = torch.tensor([0.25, 0.5, 0.25]).log()  # as the roots of determinants
    for centre, weight in zip(found.centres, weights, strict=True):
        wide = 2**0.5  # reach over the root of how many numbers
        normal = torch.distributions.Normal(centre, wide).log_prob(centre + wide * near).sum(1)
        assert torch.allclose(found().log_prob(centre + wide * near), normal + weight, atol=1e-4)


def test_a_manifold_is_as_likely_as_its_volume_says_where_centres_overlap():
    torch.manual_seed(0)
    found, codes = Manifold(normal(5, 2), 2, components=12), torch.randn(400, 2)
    found.begin(torch.randn(400, 5), codes)
    z = torch.randn(30, 2)
    apart = (z[:, None] - found.centres).square().sum(-1) / found.reach**2
    volume = torch.einsum("zk,kij->zij", torch.exp(-apart), found.squares).det().sqrt().log()
    off = found().log_prob(z) - volume
    assert off.std() < 1e-3


def test_what_is_gained_is_left_out_where_no_rows_are_held_out():
    model = vaekit.fit(torch.randn(12, 4), "vae", latent=2, epochs=1, quiet=True)
    text = refit(model, "manifold", components=4).text
    assert text.endswith("manifold prior of 4, put in place as it is")


def test_a_manifold_of_one_place_is_as_wide_as_codes_are():
    torch.manual_seed(0)
    q = normal(5, 2)
    for parameter in q.parameters():
        parameter.data.zero_()  # the same normal for all rows
    found, codes = Manifold(q, 2, components=50), 0.7 * torch.randn(1000, 2)
    found.begin(torch.randn(400, 5), codes)
    own = torch.distributions.Normal(0.0, 0.7).log_prob(codes).sum(1).mean()
    assert found().log_prob(codes).mean() > own - 0.2
