"""Rows of several modalities: experts joined as closed forms say, and what is missing told by the rest."""

import dataclasses

import numpy as np
import pytest
import scipy.integrate
import torch
from pyarrow import csv
from torch import distributions as D
from torch import nn

import vaekit
from vaekit.conditionals import Conditional, StandardNormal
from vaekit.data_init import data_init
from vaekit.distributions import common_draws
from vaekit.distributions.experts import Experts, from_experts, product
from vaekit.evaluation.gaps import expected
from vaekit.families import DiagonalNormal, likelihood
from vaekit.families.experts import WAYS, ExpertsWithOwn, InModalities, JoinedExperts, Modality
from vaekit.families.gaps import WithGaps
from vaekit.interfaces.cli import run
from vaekit.models import VAE
from vaekit.models.drawing import stratified
from vaekit.models.trace import trace
from vaekit.objectives.bounds import elbo, iwae
from vaekit.objectives.modalities import (
    away_from_experts,
    in_common,
    single_modalities,
    told_by_one,
)
from vaekit.recipes import recipe
from vaekit.recipes.modalities import modalities_of
from vaekit.rows import Rows
from vaekit.runs.citing import references
from vaekit.runs.exports.programs import exportables
from vaekit.system.checks import BadInput, Unsuited

NAN = float("nan")
JOINT = ("mvae", "mmvae", "mopoe", "mvtcae", "jmvae", "mmvae_plus")


class Told(nn.Module):
    """A family that is told mean and standard deviation."""

    raw_shape, event_shape, has_density = (4,), (2,), True

    def forward(self, raw):
        loc, scale = raw.chunk(2, -1)
        return D.Independent(D.Normal(loc, scale, validate_args=False), 1, validate_args=False)


@pytest.mark.parametrize("prior", [0.0, 1.0])
def test_a_product_of_experts_is_their_normalised_product(prior):
    loc, scale = torch.tensor([[[0.5], [-1.0], [2.0]]]), torch.tensor([[[0.7], [1.3], [0.4]]])
    among = torch.tensor([[[1, 1, 0], [1, 1, 1], [0, 0, 0]]]).bool()
    mean, deviation = product(loc, scale, among, prior)
    z = torch.linspace(-12, 12, 20_001)
    for s, chosen in enumerate(among[0]):
        logs = -prior * z.square() / 2
        for i in chosen.nonzero()[:, 0]:
            logs = logs + D.Normal(loc[0, i], scale[0, i]).log_prob(z)
        p = logs.softmax(0) if chosen.any() else D.Normal(0.0, 1.0).log_prob(z).softmax(0)
        first = (p * z).sum()
        assert mean[0, s].item() == pytest.approx(first.item(), abs=1e-4)
        spread = (p * (z - first).square()).sum().sqrt()
        assert deviation[0, s].item() == pytest.approx(spread.item(), abs=1e-4)


class Exact(nn.Module):
    """Raw numbers of experts that are the likelihoods of three modalities of two numbers each; or,
    where one sees all of them, of the posteriors of each and of all."""

    def __init__(self, w, noise, whole):
        super().__init__()
        self.w, self.noise, self.whole = w, noise, whole

    def forward(self, x):
        each = list(zip(self.w.split(2), x.split(2, 1), strict=True))
        there = [~own.isnan().all(1) for _, own in each]
        found = []
        for w, own in [*each, *([(self.w, x)] if self.whole else [])]:
            precision = (w.T @ w / self.noise).diagonal() + self.whole
            loc = (own.nan_to_num() @ w / self.noise) / precision
            found += [loc, precision.rsqrt().expand_as(loc)]
        return torch.cat([*found, torch.stack(there, 1).to(x.dtype)], 1)


def linear(how):
    """x = W z + s e with experts that are exact, where the columns of each part of W are orthogonal."""
    generator = torch.Generator().manual_seed(0)
    parts = [
        torch.linalg.qr(torch.randn(2, 2, generator=generator, dtype=torch.float64))[0] * size
        for size in (0.8, 1.5, 1.1)
    ]
    w, noise = torch.cat(parts), 0.4
    each = [
        Modality((2 * i, 2 * i + 1), (2,), likelihood("gaussian", (2,), scale=noise**0.5))
        for i in range(3)
    ]
    net = nn.Linear(2, 6, bias=False).double()
    with torch.no_grad():
        net.weight.copy_(w)
    px = Conditional(net, WithGaps(InModalities((6,), each)).double())
    q = Conditional(Exact(w, noise, WAYS[how].whole), JoinedExperts(Told(), 3, how))
    x = torch.randn(8, 6, generator=generator, dtype=torch.float64)
    for row, gone in enumerate([(), (0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)]):
        for part in gone:
            x[row, 2 * part : 2 * part + 2] = NAN
    covariance = w @ w.T + noise * torch.eye(6, dtype=torch.float64)
    zero = torch.zeros(6, dtype=torch.float64)
    wanted = [
        D.MultivariateNormal(zero[o], covariance[o][:, o]).log_prob(row[o]) if o.any() else zero[0]
        for row, o in zip(x, ~x.isnan(), strict=True)
    ]
    return VAE(StandardNormal(2).double(), q, px), x, torch.stack(wanted)


class TestALinearGaussianModel:
    def test_the_product_is_the_posterior_of_any_modalities_that_are_there(self):
        model, x, wanted = linear("product")
        with torch.no_grad():
            assert torch.allclose(iwae(trace(model, x, samples=3)), wanted, atol=1e-8)

    def test_all_modalities_and_each_by_itself_have_posteriors_of_their_own(self):
        """One more expert knows all of them; where there is one modality, its expert is alone."""
        model, x, wanted = linear("joint")
        exact = torch.tensor([0, 4, 5, 6, 7])  # nothing is missing, or all but one, or all
        with torch.no_grad():
            found = iwae(trace(model, x, samples=3))
            many = iwae(trace(model, x, samples=20_000))
        assert torch.allclose(found[exact], wanted[exact], atol=1e-8)
        assert (found[1:4] - wanted[1:4]).abs().max() > 0.01  # two experts know the prior twice
        assert torch.allclose(many, wanted, atol=0.05)

    def test_experts_alone_are_a_bound_that_more_particles_close(self):
        model, x, wanted = linear("product_alone")
        torch.manual_seed(0)
        with torch.no_grad():
            few, many = (trace(model, x, samples=k) for k in (300, 20_000))
        assert (elbo(few) < wanted + 0.1).all()
        assert (elbo(few) < wanted - 0.1).any()  # the prior, which is no expert, is left out
        assert torch.allclose(iwae(many), wanted, atol=0.05)
        assert elbo(few)[-1].item() == pytest.approx(0, abs=1e-9)

    @pytest.mark.parametrize("how", ["product", "product_alone", "joint"])
    def test_how_far_a_posterior_is_from_its_experts(self, how):
        model, x, _ = linear(how)
        t = trace(model, x)
        found, there = from_experts(t.latents["z"].posterior)
        q, raw = t.latents["z"].posterior, model.posterior.net(x)
        for row in range(len(x)):
            for part in range(3):
                loc, scale = raw[row, 4 * part : 4 * part + 4].chunk(2)
                s, apart = q.stddev[row], q.mean[row] - loc
                by_hand = (scale / s).log() + (s**2 + apart**2) / (2 * scale**2) - 0.5
                seen = not x[row, 2 * part].isnan()
                assert there[row, part] == seen
                wanted = by_hand.sum().item() if seen else 0.0
                assert found[row, part].item() == pytest.approx(wanted, abs=1e-9)
        assert away_from_experts(t).item() == pytest.approx(found.sum(1).mean().item())
        if how != "product":  # one expert there is the posterior
            assert found[4:].abs().max() < 1e-9

    def test_what_modalities_have_in_common(self):
        model, x, _ = linear("product_alone")
        t = dataclasses.replace(trace(model, x, samples=2), kl_weight=0.7)
        assert torch.equal(in_common(0.0)(t), elbo(t))
        kl, _ = from_experts(t.latents["z"].posterior)
        for row, count in enumerate([3, 2, 2, 2, 1, 1, 1]):
            alpha = (row + 1) / 8
            log_px, to_prior = t.log_px[:, row].mean(), t.kl[0, row]
            kls = (1 - alpha) * to_prior + alpha / count * kl[row].sum()
            by_hand = (count - alpha) / count * log_px - 0.7 * kls
            assert in_common(alpha)(t)[row].item() == pytest.approx(by_hand.item())
        assert in_common(0.9)(t)[-1].item() == pytest.approx(0, abs=1e-9)  # nothing is there

    def test_a_posterior_of_no_experts_has_none_to_be_far_from(self):
        model, x, _ = linear("mixture")
        for asked in (away_from_experts, in_common(0.5)):
            with pytest.raises(Unsuited, match="Experts is made of no experts"):
                asked(trace(model, x))

    @pytest.mark.parametrize("how", ["mixture", "mixture_of_products"])
    def test_mixtures_are_bounds_that_more_particles_close(self, how):
        model, x, wanted = linear(how)
        torch.manual_seed(0)
        with torch.no_grad():
            q = model.posterior(x)
            few = elbo(trace(model, x, samples=300 * q.components, named={"z": stratified}))
            many = iwae(trace(model, x, samples=20_000))
        assert (few < wanted + 0.1).all()
        assert torch.allclose(many, wanted, atol=0.05)
        assert few[-1].item() == pytest.approx(0, abs=1e-9)  # nothing is there: q is the prior

    def test_single_modalities_are_bounds_of_each_by_itself(self):
        model, x, _ = linear("product")
        whole = trace(model, x[:1])
        alone = single_modalities([(0, 1), (2, 3), (4, 5)])(whole).item()
        by_hand = 0.0
        for part in range(3):
            row = torch.full_like(x[:1], NAN)
            row[:, 2 * part : 2 * part + 2] = x[:1, 2 * part : 2 * part + 2]
            by_hand -= iwae(trace(model, row)).item()
        assert alone == pytest.approx(by_hand, abs=1.5)  # its reconstruction is of one draw
        found = torch.stack(
            [single_modalities([(0, 1), (2, 3), (4, 5)])(whole) for _ in range(400)]
        )
        error = found.std() / 20
        assert abs(found.mean() - by_hand) < 4 * error


def mixed():
    """A mixture of three products of one number, in two rows."""
    torch.manual_seed(0)
    shares = torch.tensor([[0.2, 0.5, 0.3], [0.0, 0.4, 0.6]]).log()
    return Experts(shares, torch.randn(2, 3, 1), 0.3 + torch.rand(2, 3, 1))


def test_a_mixture_of_experts_has_a_density_and_is_drawn_from():
    q = mixed()
    for row in (0, 1):
        density = lambda z, row=row: q.log_prob(torch.tensor([[z], [z]])).exp()[row].item()  # noqa: E731
        assert scipy.integrate.quad(density, -9, 9, limit=100)[0] == pytest.approx(1, abs=1e-4)
    for z in (q.sample((20_000,)), common_draws(q, 20_000)):
        assert z.shape == (20_000, 2, 1)
        assert torch.allclose(z.mean(0), q.mean, atol=0.03)
        assert torch.allclose(z.var(0), q.variance, atol=0.05)


def test_stratified_is_weighed_by_its_share():
    q, p = mixed(), StandardNormal(1)()
    latent = stratified(p, q, torch.Size([3000, 2]))
    weight = (latent.log_weight - np.log(3000)).exp()
    assert torch.allclose(weight.sum(0), torch.ones(2))
    assert torch.allclose((weight[..., None] * latent.value).sum(0), q.mean, atol=0.06)
    assert torch.allclose(latent.log_q, q.log_prob(latent.value), atol=1e-5)


def test_experts_of_what_is_missing_have_no_share():
    family = JoinedExperts(DiagonalNormal(2), 3, "mixture_of_products")
    raw = torch.randn(3, *family.raw_shape)
    raw[:, -3:] = torch.tensor([[1.0, 1, 1], [1, 0, 1], [0, 0, 0]])
    shares = family(raw).log_shares.exp()
    assert shares[0] == pytest.approx(torch.full((7,), 1 / 7))
    assert (shares[1] > 0).tolist() == [
        bool((~s | torch.tensor([1, 0, 1]).bool()).all()) for s in family.subsets
    ]
    q = family(raw)
    assert torch.equal(q.component_distribution.mean[2], torch.zeros(7, 2))


class TestCodesOfTheirOwn:
    def made(self, there=((1, 1, 1), (1, 0, 1), (0, 0, 0))):
        torch.manual_seed(0)
        family = ExpertsWithOwn(DiagonalNormal(3), 3, 1)
        with torch.no_grad():
            family.log_aside.copy_(torch.tensor([-1.0, 0.5, -0.5, 1.0, 0.0, 0.3]))
        raw = torch.randn(3, *family.raw_shape)
        raw[:, -3:] = torch.tensor(there).float()
        return family, raw, family(raw)

    def test_own_numbers_are_normal_and_as_the_prior_where_modalities_are_missing(self):
        family, raw, q = self.made()
        experts = family.expert(raw[:, :-3].reshape(9, -1)).mean.reshape(3, 3, 3)
        assert family.event_shape == (7,)
        assert family.seen_by(1) == [0, 3, 4]
        assert torch.allclose(q.mean[0, 1:], experts[0, :, 1:].flatten())
        assert torch.allclose(q.mean[1, 0], experts[1, [0, 2], 0].mean())
        assert torch.equal(q.mean[1, 3:5], torch.zeros(2))
        assert torch.equal(q.stddev[2], torch.ones(7))
        z = q.sample((40_000,))
        assert torch.allclose(z.mean(0), q.mean, atol=0.03)
        assert torch.allclose(common_draws(q, 40_000).var(0), q.variance, atol=0.05)

    def test_some_numbers_have_the_density_of_the_others_integrated_out(self):
        _, _, q = self.made()
        z = q.sample()
        some = torch.tensor([1, 0, 0, 1, 1, 0, 0]).bool().expand(3, -1)
        shared = torch.zeros(7).bool().index_fill(0, torch.tensor([0]), True)  # noqa: FBT003
        parts = q.component_distribution.base_dist
        mixture = (q.log_shares + parts.log_prob(z[:, None])[..., 0]).logsumexp(-1)
        own = D.Normal(q.mean, q.stddev).log_prob(z)[:, 3:5].sum(-1)
        assert torch.allclose(q.log_prob_of(z, some), mixture + own, atol=1e-5)
        assert torch.allclose(q.log_prob_of(z, shared.expand(3, -1)), mixture, atol=1e-5)
        assert torch.allclose(q.log_prob_of(z, torch.ones(3, 7).bool()), q.log_prob(z), atol=1e-5)

    def test_a_code_is_told_by_one_modality_and_the_others_own_are_drawn_aside(self):
        family, _, q = self.made()
        p = StandardNormal(7)()
        latent = told_by_one(p, q, torch.Size([30_000, 3]))
        means, aside = q.mean[0], family.log_aside.detach().exp()
        parts = q.component_distribution.base_dist
        for turn in range(3):
            z = latent.value[turn::3, 0]
            own = slice(1 + 2 * turn, 3 + 2 * turn)
            others = [i for i in range(1, 7) if i not in range(own.start, own.stop)]
            assert torch.allclose(z[:, 0].mean(), parts.loc[0, turn, 0], atol=0.04)
            assert torch.allclose(z[:, own].mean(0), means[own], atol=0.04)
            assert torch.allclose(z[:, others].mean(0), torch.zeros(4), atol=0.1)
            assert torch.allclose(z[:, others].std(0), aside[[i - 1 for i in others]], rtol=0.03)
            seen = torch.zeros(7).bool()
            seen[family.seen_by(turn)] = True
            log_p = D.Normal(0.0, 1.0).log_prob(z)[:, seen].sum(-1)
            assert torch.allclose(latent.log_p[turn::3, 0], log_p, atol=1e-4)
            wanted = q.log_prob_of(latent.value[turn::3], seen.expand(3, -1))
            assert torch.allclose(latent.log_q[turn::3], wanted, atol=1e-4)
        assert torch.equal(latent.kl, latent.log_q - latent.log_p)
        assert torch.allclose(latent.kl[:, 2], torch.zeros(1), atol=1e-4)  # nothing is there
        weights = latent.log_weight[:3].exp()
        assert torch.allclose(weights[:, 1], torch.tensor([1.5, 0.0, 1.5]))  # the missing has none

    def test_a_decoder_sees_no_others_own_code(self):
        model, _ = recipe("mmvae_plus")(
            shape=(4,), latent=2, own=1, width=8, likelihood="gaussian", modalities="2"
        )
        z = torch.randn(5, 4)
        other = z.clone()
        other[:, 3] += 1.0  # of the second
        one, two = model.likelihood(z).mean, model.likelihood(other).mean
        assert torch.equal(one[:, :2], two[:, :2])
        assert not torch.allclose(one[:, 2:], two[:, 2:])


class TestWhatAPersonSays:
    def places(self, text, names=(), shape=(6,)):
        return [own.places for own in modalities_of(text, shape, names)]

    def test_numbers_names_ranges_and_runs(self):
        assert self.places("2") == [(0, 1, 2), (3, 4, 5)]
        assert self.places("3", shape=(1, 2, 4)) == [(0, 1), (2, 3, 4), (5, 6, 7)]
        assert self.places("0-3, 4+5") == [(0, 1, 2, 3), (4, 5)]
        names = ["a", "b-c", "d", "e", "f", "g"]
        assert self.places("a-d, e+g+f", names) == [(0, 1, 2), (3, 5, 4)]
        assert self.places("b-c, a+d-g", names) == [(1,), (0, 2, 3, 4, 5)]

    def test_shapes_and_likelihoods(self):
        picture, bits = modalities_of("0-3:1x2x2, 4-5:bernoulli", (6,))
        assert (picture.shape, picture.likelihood) == ((1, 2, 2), "")
        assert (bits.shape, bits.likelihood) == ((2,), "bernoulli")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("0-2", "fewer than two"),
            ("1", "modalities must be 2 to 6, not 1"),
            ("0-3, 3-5", "column '3' is in 2 of them"),
            ("0-2, 4-5", "column '3' is in none of them"),
            ("0-2, 3-9", "column"),
            ("0-2:1x2x2, 3-5", "has 3 columns, which are no 1x2x2"),
            ("0-2:bernouli, 3-5", "bernoulli"),
        ],
    )
    def test_mistakes(self, text, said):
        with pytest.raises(BadInput, match=said) as found:
            modalities_of(text, (6,))
        assert "\n" not in str(found.value)


@pytest.mark.parametrize("count", ["1", "2", "3"])
def test_one_column_is_no_modalities(count):
    with pytest.raises(BadInput, match="of two columns or more, and these rows have one"):
        modalities_of(count, (1,))


@pytest.mark.parametrize("name", JOINT)
@pytest.mark.parametrize(
    ("modalities", "likelihood", "said"),
    [
        ("0-1:bernoulli, 2-3", "gaussian", r"^modality 1 \(bernoulli\) needs"),
        ("0-1, 2-3:poisson", "gaussian", r"^modality 2 \(poisson\) needs"),
        ("0-1, 2-3:gaussian", "bernoulli", r"^modality 1 \(bernoulli\) needs"),
    ],
)
def test_a_modality_is_called_by_its_own_likelihood(name, modalities, likelihood, said):
    rows = torch.linspace(-1, 1, 160).reshape(40, 4).numpy()
    how = {"modalities": modalities, "likelihood": likelihood, "epochs": 1, "quiet": True}
    with pytest.raises(BadInput, match=said + ".*likelihood='gaussian'"):
        vaekit.fit(rows, name, latent=2, **how)


def test_each_modality_has_its_own_likelihood():
    bits, reals = likelihood("bernoulli", (1, 2, 2)), likelihood("gaussian", (2,), scale="element")
    family = InModalities(
        (6,), [Modality((0, 2, 4, 5), (1, 2, 2), bits), Modality((1, 3), (2,), reals)]
    )
    x = torch.cat([torch.randint(0, 2, (50, 1)).float(), 5 + torch.randn(50, 1)], 1).repeat(1, 3)
    x[:, 5] = x[:, 4]
    data_init(family, x)
    raw = torch.randn(50, *family.raw_shape)
    p = family(raw)
    one = bits(raw[:, :4].reshape(50, 1, 2, 2)).log_prob(x[:, [0, 2, 4, 5]].reshape(50, 1, 2, 2))
    other = reals(raw[:, 4:]).log_prob(x[:, [1, 3]])
    assert torch.allclose(p.log_prob(x), one + other, atol=1e-5)
    assert torch.allclose(reals.shift, x[:, [1, 3]].mean(0), atol=1e-5)
    made = p.sample()
    assert set(made[:, [0, 2, 4, 5]].unique().tolist()) <= {0.0, 1.0}
    assert p.mean[:, 1].mean().item() == pytest.approx(5, abs=1)
    assert not family.kind.discrete
    family.range.check(x, "it")
    x[3, 2] = 0.5
    x[3, 4] = 7.0
    with pytest.raises(BadInput, match=r"modality 1 \(it\) needs values in \[0, 1\]"):
        family.range.check(x, "it")


@pytest.mark.parametrize(
    ("one", "other"),
    [("gaussian", "bernoulli"), ("bernoulli", "bernoulli"), ("gaussian", "laplace"),
     ("beta_binomial", "bernoulli")],
)  # fmt: skip
def test_numbers_apart_are_those_of_each_modality(one, other):
    """What a model should beat, asked of the likelihood with gaps, as an evaluation does."""
    parts = [likelihood(name, (2,), levels=2) for name in (one, other)]
    family = WithGaps(InModalities((4,), [Modality((0, 2), (2,), parts[0]),
                                          Modality((1, 3), (2,), parts[1])]))  # fmt: skip
    x = torch.randint(0, 2, (30, 4)).float()
    x[:5, [0, 2]] = NAN
    found = family.kind.apart(family, x[:20], x[20:])
    wanted = sum(
        part.kind.apart(part, x[:20, own], x[20:, own])
        for part, own in zip(parts, ([0, 2], [1, 3]), strict=True)
    )
    assert torch.allclose(found, wanted)


def shared(rows=400):
    """Two modalities that one factor makes, each missing in some rows; and all there is."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(rows, 1))
    w = rng.normal(size=(2, 1, 3))
    x = np.concatenate([z @ part + 0.3 * rng.normal(size=(rows, 3)) for part in w], 1)
    full = torch.from_numpy(x.astype(np.float32))
    gappy = full.clone()
    gappy[: rows // 4, 3:], gappy[rows // 4 : rows // 2, :3] = NAN, NAN
    return full, gappy


@pytest.mark.parametrize("name", JOINT)
def test_one_modality_tells_another(name):
    full, gappy = shared()
    torch.manual_seed(0)
    small = {"latent": 1, "width": 16, "depth": 1, "likelihood": "gaussian"}
    m, objective = recipe(name)(shape=(6,), **small)
    data_init(m, gappy)
    optimizer = torch.optim.Adam(m.parameters(), 1e-2)
    for step in range(120):
        loss = objective(m, Rows(gappy[torch.randint(len(gappy), (100,))]), step)
        optimizer.zero_grad()
        loss.total.backward()
        optimizer.step()
    found = expected(m.eval(), gappy[:100], samples=100)
    told = torch.stack([found[:, j], full[:100, j]]).corrcoef()[0, 1] if (j := 4) else None
    assert told > 0.8
    assert loss.terms["kl"] > 0.5


def codes_to_sum_over(size):
    """Codes of one number, or of three, on a grid; log p of each; and log of the grid's step."""
    count, end = {1: (6001, 9.0), 3: (71, 5.6)}[size]
    each = torch.linspace(-end, end, count)
    z = torch.cartesian_prod(*[each] * size).reshape(-1, size)
    return z, D.Normal(0.0, 1.0).log_prob(z).sum(1), size * np.log(2 * end / (count - 1))


@pytest.mark.parametrize("name", JOINT)
def test_log_px_of_any_modalities_is_an_integral_over_codes(name):
    full, gappy = shared()
    small = {"latent": 1, "width": 8, "depth": 1, "epochs": 3, "quiet": True}
    own = {"own": 1} if name == "mmvae_plus" else {}
    how = "0-2, 3-5" if own else "0-2, 3+4, 5"
    made = vaekit.fit(gappy.numpy(), name, modalities=how, **small, **own)
    rows = full[:4].clone()
    rows[0, :3], rows[1, 3:5], rows[2, 3:] = NAN, NAN, NAN
    found = made.log_likelihood(rows.numpy(), samples=20_000)
    z, prior, log_step = codes_to_sum_over(made.latent)
    for row, value in zip(rows, found, strict=True):
        with torch.no_grad():
            log_px = made.model.likelihood(z).log_prob(row.expand(len(z), -1))
        by_hand = (log_px + prior).double().logsumexp(0) + log_step
        assert value == pytest.approx(by_hand.item(), abs=0.05)


@pytest.mark.parametrize("name", JOINT)
def test_a_model_is_saved_and_loaded(name, tmp_path):
    _, gappy = shared(60)
    small = {"latent": 2, "width": 8, "depth": 1, "epochs": 1, "quiet": True}
    made = vaekit.fit(gappy.numpy(), name, modalities="2", **small)
    made.save(tmp_path / "run")
    again = vaekit.load(tmp_path / "run")
    assert np.array_equal(again.encode(gappy.numpy()), made.encode(gappy.numpy()))
    papers = {
        "mvae": "Wu", "mmvae": "Shi", "mopoe": "Sutter", "mvtcae": "Hwang", "jmvae": "Suzuki",
        "mmvae_plus": "Palumbo",
    }  # fmt: skip
    cited = " ".join(references(again))
    assert [own for own, author in papers.items() if f"{author}, " in cited] == [name]


@pytest.mark.parametrize("name", JOINT)
def test_a_table_with_a_picture_and_truths(name, tmp_path, capsys):
    """Trained, evaluated, filled in at the command line, columns by name."""
    rng = np.random.default_rng(0)
    picture, bits = rng.normal(size=(60, 4)), rng.integers(0, 2, (60, 2))
    x = np.round(np.concatenate([picture, bits], 1), 3)
    gone = np.zeros(x.shape, bool)
    gone[:20, :4], gone[20:40, 4:] = True, True
    told = np.where(gone, "", x.astype(str))
    path = tmp_path / "t.csv"
    path.write_text("a,b,c,d,ill,old\n" + "\n".join(",".join(row) for row in told) + "\n")
    small = ["--epochs", "1", "--latent", "2", "--width", "8", "--network", "dense"]
    asked = ["--modalities", "a-d:1x2x2, ill+old:bernoulli"]
    assert (
        run(["train", str(path), "--recipe", name, "-o", str(tmp_path / "run"), *small, *asked])
        == 0
    )
    for command in (["evaluate"], ["sample"], ["encode"], ["reconstruct"], ["report", "--force"]):
        assert run([*command[:1], str(tmp_path / "run"), *command[1:]]) == 0
    assert run(["impute", str(tmp_path / "run"), str(path), "--draws", "1", "--samples", "5"]) == 0
    made = csv.read_csv(tmp_path / "t-filled.csv")
    assert made["ill"].null_count == 0
    assert set(made["ill"].to_pylist()) <= {0, 1}
    assert np.array_equal(made["a"].to_numpy()[20:], x[20:, 0])
    capsys.readouterr()
    assert run(["compress", str(tmp_path / "run"), str(path)]) == 2
    assert "rows that may have gaps, for which no code" in capsys.readouterr().err
    assert vaekit.load(tmp_path / "run").config.arguments["names"] == [
        "a",
        "b",
        "c",
        "d",
        "ill",
        "old",
    ]
    capsys.readouterr()


@pytest.mark.parametrize("name", JOINT)
def test_programs_take_any_number_of_rows(name):
    _, gappy = shared(60)
    small = {"latent": 2, "width": 4, "depth": 1, "epochs": 1, "quiet": True}
    made = vaekit.fit(gappy.numpy(), name, modalities="2", **small)
    rows = gappy[[0, 10, 14, 20, 29, 40, 59]]  # some lack one modality, some the other
    encoder, _, density = exportables(made)
    for part in (encoder, density) if name == "mvae" else (encoder,):
        program = part.program().module()
        for one, other in zip(program(rows), part.module(rows), strict=True):
            assert torch.allclose(one, other, atol=1e-5)
