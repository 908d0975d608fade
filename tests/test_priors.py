"""Priors as parts: densities, quantiles, draws; modules used twice are kept once."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import torch
from torch import distributions as D
from torch import nn

import vaekit
from vaekit.conditionals import (
    PRIORS,
    Conditional,
    Flow,
    Mixture,
    Site,
    StandardNormal,
    Vamp,
    prior,
)
from vaekit.data_init import data_init
from vaekit.distributions import exact_kl
from vaekit.families import DiagonalNormal
from vaekit.models import VAE, Labelled
from vaekit.models.trace import trace
from vaekit.networks import dense
from vaekit.recipes import recipe
from vaekit.system.checks import BadInput
from vaekit.system.modules import load_state, state_of
from vaekit.system.room import without_memory
from vaekit.training.step import Diverged

EXACT = [name for name in PRIORS if name != "second_stage"]
IN_TRAINING = [name for name, kind in PRIORS.items() if not kind.only_after]
NO_QUANTILES = ("flow", "maf", "realnvp", "lars", "flow_matching", "second_stage", "manifold")


def site(dim=2):
    posterior = Conditional(dense((5,), (2 * dim,), [8]), DiagonalNormal(dim))
    return Site(dim, (5,), posterior, 4)


def made(name, dim=2):
    found = prior(name, site(dim))
    data_init(found, torch.randn(50, 5))
    return found


@pytest.mark.parametrize("name", EXACT)
def test_draws_match_the_density(name):
    """The mean of exp(-|z|^2) over draws equals its integral under the density."""
    p = made(name)
    grid = torch.linspace(-8, 8, 101)
    z = torch.cartesian_prod(grid, grid)
    with torch.no_grad():
        mass = p().log_prob(z).exp() * (grid[1] - grid[0]) ** 2
        assert mass.sum().item() == pytest.approx(1, abs=5e-3)
        expected = (mass * (-z.square().sum(-1)).exp()).sum().item()
        draws = (-p().sample((40_000,)).square().sum(-1)).exp()
    assert draws.mean().item() == pytest.approx(expected, abs=4 * draws.std().item() / 200)


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
def test_codes_without_end_have_no_density_and_are_no_error(name, value):
    """A step of annealing that goes too far is taken back, and a training that fails says so."""
    with torch.no_grad():
        found = made(name).eval()().log_prob(torch.tensor([[value, 0.0], [0.3, 0.2]]))
    assert not found[0] > -1e6
    assert found[1].isfinite()


@pytest.mark.parametrize("name", PRIORS)
def test_quantiles_are_those_of_draws_or_unknown(name):
    p, shares = made(name), torch.tensor([0.05, 0.3, 0.5, 0.95])
    found = p.quantiles(shares)
    if name in NO_QUANTILES:
        assert found is None
        return
    with torch.no_grad():
        draws = p().sample((40_000,)).numpy()
    below = (draws[None] < found[:, None].numpy()).mean(1)
    assert np.allclose(below, shares[:, None], atol=0.015)


@pytest.mark.parametrize("name", IN_TRAINING)
def test_a_model_with_any_prior_weighs_and_generates(name):
    how = {"likelihood": "gaussian", "latent": 2, "kl_warmup": 0.0}
    model, objective = recipe("vae")(shape=(5,), prior=name, **how)
    x = torch.randn(600, 5)
    data_init(model, x)
    loss = objective(model, x[:7])
    loss.total.backward()
    own = [n for n, p in model.prior.named_parameters() if "posterior" not in n]
    assert all(model.prior.get_parameter(n).grad.abs().sum() > 0 for n in own)
    t = trace(model, x[:7], samples=3)
    assert t.log_pz.shape == t.kl.shape == (3, 7)
    closed = exact_kl(t.latents["z"].posterior, t.latents["z"].prior)
    assert (closed is None) == (name != "standard")


def test_a_mixture_of_one_standard_normal_is_the_standard_normal():
    p = Mixture(3, 1)
    with torch.no_grad():
        p.means.zero_()
    z = torch.randn(9, 3)
    assert torch.allclose(p().log_prob(z), StandardNormal(3)().log_prob(z), atol=0.02)


def test_a_vamp_prior_is_the_mean_of_the_posteriors_of_its_pseudo_inputs():
    s = site()
    p = Vamp(s.posterior, s.shape, s.dim, 3)
    data_init(p, torch.randn(10, 5))
    z = torch.randn(4, 2)
    each = torch.stack([s.posterior(u[None]).log_prob(z) for u in p.pseudo])
    assert torch.allclose(p().log_prob(z), each.logsumexp(0) - np.log(3), atol=1e-5)


def test_what_two_parts_share_is_kept_once():
    s = site()
    model = VAE(
        Vamp(s.posterior, s.shape, 2, 4),
        s.posterior,
        Conditional(nn.Linear(2, 2), DiagonalNormal(1)),
    )
    names = list(state_of(model))
    assert len(names) == len(list(model.named_parameters()))
    held = {n: t.clone() for n, t in state_of(model).items()}
    with torch.no_grad():
        for p in model.parameters():
            p.add_(1)
    load_state(model, held)
    assert all(torch.equal(t, held[n]) for n, t in state_of(model).items())
    assert model.prior.posterior is model.posterior
    with pytest.raises(RuntimeError, match="is unexpected"):
        load_state(model, {**held, "stranger": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="is missing"):
        load_state(model, dict(list(held.items())[1:]))


def test_a_flow_leaves_torchs_checks_on():
    code = (
        "import torch\nfrom torch import distributions as D\n"
        "from vaekit.conditionals import Flow\nFlow(2)\n"
        "try:\n    D.Normal(0.0, -1.0)\nexcept ValueError:\n    print('checked')"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "checked"


@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("name", ["flow", "maf", "realnvp"])
def test_a_flow_begins_near_the_standard_normal(name, dim):
    z = torch.randn(500, dim)
    for seed in range(6):
        torch.manual_seed(seed)
        apart = prior(name, site(dim))().log_prob(z) - StandardNormal(dim)().log_prob(z)
        assert -0.8 < apart.mean().item() < 0.3


@pytest.mark.parametrize("name", ["flow", "maf", "realnvp"])
def test_a_training_that_fails_says_so_whatever_the_prior(name):
    how = {"likelihood": "gaussian", "latent": 2, "width": 8, "epochs": 3, "quiet": True}
    with pytest.raises(Diverged, match="lower learning rate"):
        vaekit.fit(torch.randn(60, 3), prior=name, lr=1e20, clip=0, **how)


def test_paths_between_codes_begin_and_end_there():
    p = StandardNormal(2)
    a, b = torch.randn(2, 3, 2)
    line = p.path(a, b, torch.linspace(0, 1, 5))
    assert line.shape == (3, 5, 2)
    assert torch.allclose(line[:, 0], a)
    assert torch.allclose(line[:, -1], b)


def test_an_unknown_prior_gets_one_line():
    with pytest.raises(BadInput, match="unknown prior 'vam'; did you mean 'vamp'"):
        prior("vam", site())


def test_a_vamp_prior_cannot_be_given_anything():
    with pytest.raises(BadInput, match="take another prior"):
        recipe("conditional_vae")(shape=(5,), given={"y": 2}, likelihood="gaussian", prior="vamp")


def test_kl_weight_tempers_every_bound():
    """log p(x|z) + w (log p(z) - log q): with weight 0 nothing of prior and posterior counts."""
    from dataclasses import replace

    from vaekit.objectives.bounds import ciwae, dreg, elbo, iwae, path_elbo, piwae, renyi, tvo

    model, _ = recipe("vae")(shape=(5,), likelihood="gaussian", latent=2)
    t = replace(trace(model, torch.randn(6, 5), samples=8), kl_weight=0.0)
    mean = t.log_px.mean(0)
    top = t.log_px.logsumexp(0) - np.log(8)
    for bound, expected in (
        (elbo, mean), (path_elbo, mean), (iwae, top), (dreg, top), (piwae(2), top),
        (ciwae(0.5), (mean + top) / 2), (renyi(0.0), top), (tvo(1), mean),
    ):  # fmt: skip
        assert torch.allclose(bound(t), expected, atol=1e-5), bound


def test_a_family_may_allow_missing_values():
    """NaN in x is refused, unless the family says that it means a missing value."""
    from vaekit.families import Range

    with pytest.raises(BadInput, match="1 values are NaN or infinite"):
        Range().check(torch.tensor([[1.0, torch.nan]]), "gaussian")
    Range(missing=True).check(torch.tensor([[1.0, torch.nan]]), "gaussian")
    with pytest.raises(BadInput, match="needs values in"):
        Range(0, 1, missing=True).check(torch.tensor([[2.0, torch.nan]]), "unit")

    class Gappy(D.Independent):
        def log_prob(self, value):
            there = ~value.isnan()
            each = self.base_dist.log_prob(torch.where(there, value, 0.0))
            return (each * there).sum(-1)

    model = VAE(
        StandardNormal(2),
        Conditional(nn.Sequential(Filled(), nn.Linear(5, 4)), DiagonalNormal(2)),
        Decoder(Gappy),
    )
    x = torch.randn(6, 5)
    x[0, 1] = x[3] = torch.nan
    t = trace(model, x, samples=2)
    assert torch.isfinite(t.log_ratio).all()
    assert (t.log_px[:, 3] == 0).all()


class Filled(nn.Module):
    def forward(self, x):
        return x.nan_to_num(0.0)


class Decoder(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.net, self.kind = nn.Linear(2, 5), kind

    def forward(self, z):
        return self.kind(D.Normal(self.net(z), 1.0), 1)


@pytest.mark.parametrize("name", PRIORS)
def test_a_prior_is_called_as_its_option_is(name):
    assert made(name).called == name


def test_components_of_a_prior_without_any_are_refused():
    for name, number in (("standard", 5), ("flow", 3), ("mixture", -1)):
        with pytest.raises(BadInput, match="prior_components"):
            recipe("vae")(shape=(5,), likelihood="gaussian", prior=name, prior_components=number)


def test_quantiles_of_several_latents_stand_side_by_side():
    shares = torch.tensor([0.1, 0.5, 0.8])
    two = Labelled(StandardNormal(2), None, VAE(StandardNormal(1), None, None))
    column = scipy.stats.norm.ppf(shares)[:, None]
    assert np.allclose(two.quantiles(shares), column.repeat(3, 1), atol=1e-5)


def test_mixtures_begin_as_wide_as_scotts_rule_says():
    """The deviation of the codes times n to the power of -1 / (d + 4), for n normals: 4 of them."""
    codes = torch.tensor([[-3.0, 0.0], [3.0, 8.0]]).repeat(10, 1)
    mixture = Mixture(2, components=4)
    mixture.begin(torch.zeros(20, 5), codes)
    found = mixture().component_distribution.variance.detach().sqrt()
    assert np.allclose(found, np.array([3.0, 4.0]) * 4 ** (-1 / 6), rtol=1e-3)


def test_flows_too_large_for_a_file_are_refused_before_they_are_built():
    with pytest.raises(BadInput, match="larger model"), without_memory(10**6, 1000):
        Flow(2, 3, 10**14)
