"""Every part, by name: the laws of the other tests run over these dictionaries."""

import torch
from torch import nn

from vaekit.conditionals import Conditional, StandardNormal
from vaekit.data import open_source
from vaekit.distributions import VonMisesFisher
from vaekit.families import (
    AutoregressiveFlow,
    CouplingFlow,
    DiagonalNormal,
    Direction,
    FullNormal,
    HouseholderNormal,
    LowRankNormal,
    NormalMixture,
    PlanarFlow,
    RadialFlow,
    SylvesterFlow,
    likelihood,
)
from vaekit.families.balls import Riemannian, Wrapped
from vaekit.families.base import half_exp
from vaekit.models import VAE
from vaekit.models.drawing import at_mean
from vaekit.networks import dense
from vaekit.objectives import bounds, critics, discrepancies, penalties, structure
from vaekit.objectives.amortised import semi_amortised
from vaekit.objectives.hamiltonian import hamiltonian
from vaekit.objectives.similarity import Discriminator
from vaekit.recipes import RECIPES
from vaekit.recipes.recipe import needs_given, takes_cells

VECTOR, IMAGE = (6,), (2, 4, 3)
LEVELS = 5

POSTERIORS = {
    "diagonal": DiagonalNormal(3),
    "diagonal by log variance": DiagonalNormal(3, half_exp),
    "low rank": LowRankNormal(3, 2),
    "full": FullNormal(3),
    "householder": HouseholderNormal(3, 2),
    "mixture": NormalMixture(3, 2),
    "even mixture": NormalMixture(3, 2, even=True),
    "planar": PlanarFlow(3, 2),
    "radial": RadialFlow(3, 2),
    "sylvester": SylvesterFlow(3, 2),
    "iaf": AutoregressiveFlow(3),
    "coupling": CouplingFlow(3),
    "power spherical": Direction(3),
    "wrapped": Wrapped(3),
    "riemannian": Riemannian(3),
    "von mises fisher": Direction(3, VonMisesFisher),
}

LIKELIHOODS = {
    "bernoulli": lambda shape: likelihood("bernoulli", shape),
    "continuous_bernoulli": lambda shape: likelihood("continuous_bernoulli", shape),
    "gaussian, given scale": lambda shape: likelihood("gaussian", shape, scale=0.7),
    "gaussian, shared scale": lambda shape: likelihood("gaussian", shape, scale="shared"),
    "gaussian, element scale": lambda shape: likelihood("gaussian", shape, scale="element"),
    "gaussian, network scale": lambda shape: likelihood("gaussian", shape, scale="network"),
    "laplace": lambda shape: likelihood("laplace", shape),
    "student_t": lambda shape: likelihood("student_t", shape),
    "discretized_logistic": lambda shape: likelihood("discretized_logistic", shape, levels=LEVELS),
    "logistic_mixture": lambda shape: likelihood("logistic_mixture", shape, levels=LEVELS),
    "categorical": lambda shape: likelihood("categorical", shape, levels=LEVELS),
    "beta_binomial": lambda shape: likelihood("beta_binomial", shape, levels=LEVELS),
    "poisson": lambda shape: likelihood("poisson", shape),
    "negative_binomial": lambda shape: likelihood("negative_binomial", shape),
    "zero_inflated": lambda shape: likelihood("zero_inflated", shape),
    "count_mixture": lambda shape: likelihood("count_mixture", shape),
}

BOUNDS = {  # of three particles, or of a multiple of three
    "reconstruction": bounds.reconstruction,
    "elbo": bounds.elbo,
    "elbo_of_some": bounds.elbo_of_some,
    "path_elbo": bounds.path_elbo,
    "iwae": bounds.iwae,
    "dreg": bounds.dreg,
    "miwae": bounds.miwae(3),
    "piwae": bounds.piwae(3),
    "miselbo": bounds.miselbo(3),
    "ciwae": bounds.ciwae(0.3),
    "renyi": bounds.renyi(0.5),
    "tvo": bounds.tvo(5),
    "hamiltonian": hamiltonian(2, 0.01),
    "semi_amortised": semi_amortised(2, 0.1),
}
OF_MEANS = {"semi_amortised": semi_amortised(2, 0.1, rule=at_mean)}  # without draws of its own

PENALTIES = {
    "rate": penalties.rate,
    "rate_floor": penalties.rate_floor(10.0),
    "free_bits": penalties.free_bits(10.0),
    "total_correlation": penalties.total_correlation(1000),
    "mutual_information": penalties.mutual_information(1000),
    "information_by_dimension": penalties.information_by_dimension,
    "capacity": lambda t: penalties.capacity(t, 10.0),
    "mmd": discrepancies.mmd("imq"),
    "mmd, rbf": discrepancies.mmd("rbf"),
    "code_norm": penalties.code_norm,
    "decoder_norm": penalties.decoder_norm,
    "decoder_slope": penalties.decoder_slope,
    "rebuilding": structure.rebuilding(lambda x, made: (x - made).square().sum(1)),
    "disentangled_covariance": discrepancies.disentangled_covariance(),
    "disentangled_covariance, of means": discrepancies.disentangled_covariance(of_means=True),
}
CRITICS = {  # of codes of three numbers
    "total_correlation": lambda **how: critics.TotalCorrelation(3, 8, **how),
    "adversary": lambda **how: critics.Adversary(3, 8, **how),
    "adversary that pays for its slope": lambda **how: critics.Adversary(3, 8, steep=1.0, **how),
    "similarity": lambda **how: Discriminator(dense(VECTOR, (8,), [8]), 8, **how),
}
# right on average: of the mixture that a batch stands for, or by drawing
ESTIMATES = {
    "total_correlation", "mutual_information", "information_by_dimension", "mmd", "mmd, rbf",
    "decoder_slope",
}  # fmt: skip
OF_THE_DECODER = {"decoder_norm"}  # whatever the codes are


OF_NUMBERS = [name for name, made in RECIPES.items() if not takes_cells(made)]


def model(posterior=None, data=None, shape=VECTOR, width=16):
    """A small VAE over rows of ``shape``."""
    code = posterior or DiagonalNormal(3)
    family = data or likelihood("bernoulli", shape)
    return VAE(
        StandardNormal(code.event_shape[0]),
        Conditional(dense(shape, code.raw_shape, [width], "tanh"), code),
        Conditional(dense(code.event_shape, family.raw_shape, [width], "tanh"), family),
    )


def digits_for(recipe):
    """The digits, with their labels given to a recipe that needs something given."""
    needs = needs_given(RECIPES[recipe])
    return open_source("digits", given=("label",) if needs else ())


def rows(family, count=7):
    """Rows that the family could have made."""
    raw = torch.randn(count, *family.raw_shape)
    with torch.no_grad():
        return family(raw).sample()


class LinearGaussian:
    """x = W z + m + s e: everything is known exactly. q is wrong by ``shift`` and ``stretch``."""

    def __init__(self, shift=0.0, stretch=1.0, full=True, latent=3, width=6, noise=0.3):
        generator = torch.Generator().manual_seed(1)
        w = torch.randn(width, latent, generator=generator, dtype=torch.float64)
        mean = torch.randn(width, generator=generator, dtype=torch.float64)
        inverse = torch.linalg.inv(w.T @ w + noise * torch.eye(latent, dtype=torch.float64))
        covariance = w @ w.T + noise * torch.eye(width, dtype=torch.float64)
        self.density = torch.distributions.MultivariateNormal(mean, covariance)
        with torch.random.fork_rng():
            torch.manual_seed(2)
            self.x = self.density.sample((5,))
        self.log_px = self.density.log_prob(self.x)
        posterior = _Posterior(w, mean, inverse, noise, shift, stretch, full)
        self.model = VAE(StandardNormal(latent).double(), posterior, _Likelihood(w, mean, noise))


class _Likelihood(nn.Module):
    def __init__(self, w, mean, noise):
        super().__init__()
        self.w, self.mean, self.noise = w, mean, noise

    def forward(self, z):
        base = torch.distributions.Normal(z @ self.w.T + self.mean, self.noise**0.5)
        return torch.distributions.Independent(base, 1)


class _Posterior(nn.Module):
    def __init__(self, w, mean, inverse, noise, shift, stretch, full):
        super().__init__()
        self.w, self.mean, self.inverse, self.noise = w, mean, inverse, noise
        self.shift, self.stretch, self.full = shift, stretch, full

    def forward(self, x):
        loc = (x - self.mean) @ self.w @ self.inverse + self.shift
        covariance = self.noise * self.inverse * self.stretch**2
        if self.full:
            return torch.distributions.MultivariateNormal(loc, covariance)
        scale = covariance.diagonal().sqrt()
        return torch.distributions.Independent(torch.distributions.Normal(loc, scale), 1)
