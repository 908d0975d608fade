"""Priors p(z): the standard normal, and those that are learned."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit.conditionals.accepted import Accepted
from vaekit.conditionals.base import Prior, evenly
from vaekit.conditionals.exemplars import Exemplar
from vaekit.conditionals.flow_matching import FlowMatching, VelocityNetwork
from vaekit.conditionals.manifold import CENTRES, Manifold
from vaekit.conditionals.second_stage import SecondStage
from vaekit.data_init import DataInit
from vaekit.distributions.flows import zuko
from vaekit.distributions.labels import one_hot
from vaekit.families.elementwise import independent
from vaekit.system.checks import known, require
from vaekit.system.room import with_memory

FLOOR = 1e-3  # of a component's standard deviations
ROWS_EACH = 20  # codes for each normal of a mixture that is fitted to them
QUIET = 1e-2  # how near 0 maps of one number begin
REGULAR, TINY, ROUNDS = 1e-4, 1e-8, 50  # least variance, least codes of one; how often


class StandardNormal(Prior):
    """N(0, I): the usual prior."""

    zero: Tensor

    called = "standard"

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.register_buffer("zero", torch.zeros(dim), persistent=False)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        normal = D.Normal(self.zero, torch.ones_like(self.zero), validate_args=False)
        return independent(normal, self.event_shape)


class EvenLabels(Prior):
    """Every one of ``dim`` classes is as likely: the prior of a one-hot label."""

    logits: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.register_buffer("logits", torch.zeros(dim), persistent=False)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        return one_hot(self.logits)


class Mixture(Prior):
    """A mixture of normals with independent dimensions; weights, means and scales are learned.

    Args:
        dim: numbers of a code.
        components: how many normals.
    """

    called = "mixture"

    def __init__(self, dim: int, components: int = 50) -> None:
        super().__init__(dim)
        require(components >= 1, f"components must be at least 1, not {components}")
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(torch.randn(components, dim))
        self.raw_scales = nn.Parameter(torch.full((components, dim), math.log(math.e - 1)))

    @property
    def components(self) -> int:
        """How many normals."""
        return len(self.logits)

    @torch.no_grad()
    def begin(self, x: Tensor, codes: Tensor) -> None:
        """Put the normals at codes spread evenly over those shown, as wide as a kernel of a
        density estimate from so many would be (Scott's rule)."""
        self.means.copy_(codes[evenly(len(codes), self.components)])
        wide = codes.std(0, correction=0) * self.components ** (-1 / (codes.shape[1] + 4))
        self.raw_scales.copy_(unsoftplus(wide.clamp_min(FLOOR)).expand_as(self.means))

    @torch.no_grad()
    def settle(self, codes: Tensor) -> None:
        """By expectation and maximisation, from codes spread evenly over those shown."""
        if len(codes) < ROWS_EACH * self.components:
            return
        self.begin(codes, codes)
        self.logits.zero_()
        exact = codes.double()
        for _ in range(ROUNDS):
            share = (self._of_each(exact) + self.logits.log_softmax(0)).softmax(1)
            weight = share.sum(0).clamp_min(TINY)
            means = share.T @ codes / weight[:, None]
            square = share.T @ codes.square() / weight[:, None] - means.square()
            self.logits.copy_((weight / len(codes)).log())
            self.means.copy_(means)
            scales = square.clamp_min(0).add(REGULAR).sqrt() - FLOOR
            self.raw_scales.copy_(unsoftplus(scales.clamp_min(FLOOR)))

    def _of_each(self, codes: Tensor) -> Tensor:
        """log of the density of each normal at codes in double precision, but for a constant,
        (rows, components): squares are multiplied out, so that it is two products of matrices."""
        means, scales = self.means.double(), (F.softplus(self.raw_scales) + FLOOR).double()
        sharp = scales.square().reciprocal()
        own = 0.5 * (means.square() * sharp).sum(1) + scales.log().sum(1)
        found = codes @ (means * sharp).T - 0.5 * codes.square() @ sharp.T - own
        return found.to(self.means)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        scales = F.softplus(self.raw_scales) + FLOOR
        parts = independent(D.Normal(self.means, scales, validate_args=False), self.event_shape)
        return mixed(self.logits, parts)

    def members(self, z: Tensor) -> D.OneHotCategorical:
        """p(c | z), of which normal each code is: in proportion to w_c N(z; m_c, s_c)."""
        p: Any = self()
        weighed = p.component_distribution.log_prob(z[:, None]) + p.mixture_distribution.logits
        return one_hot(weighed)


class Vamp(DataInit, Prior):
    r"""The mean of the posteriors of learned pseudo-inputs (Tomczak & Welling 2018).

    .. math:: p(z) = \sum_k w_k q(z | u_k)

    Args:
        posterior: q(z | x), of the model whose prior this is; shared with it.
        shape: of one row of x.
        dim: numbers of a code.
        components: how many pseudo-inputs; they start at training rows.
    """

    called = "vamp"

    def __init__(
        self, posterior: nn.Module, shape: tuple[int, ...], dim: int, components: int = 500
    ) -> None:
        super().__init__(dim)
        require(components >= 1, f"components must be at least 1, not {components}")
        self.posterior = posterior
        self.pseudo = nn.Parameter(torch.zeros(components, *shape))
        self.logits = nn.Parameter(torch.zeros(components))

    def init_from(self, x: Tensor) -> None:
        """Take pseudo-inputs from rows spread evenly over those shown."""
        some = x[evenly(len(x), self.components)]
        self.pseudo.copy_(torch.where(some.isnan(), x.nanmean(0), some))

    @property
    def components(self) -> int:
        """How many pseudo-inputs."""
        return len(self.logits)

    @torch.no_grad()
    def begin(self, x: Tensor, codes: Tensor) -> None:
        """Take pseudo-inputs as training from the start does."""
        self.init_from(x)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        return mixed(self.logits, self.posterior(self.pseudo))


class Flow(Prior):
    """A neural spline flow (Durkan et al. 2019), by zuko.

    Args:
        dim: numbers of a code.
        transforms: how many autoregressive transforms follow one another.
        width: of the two hidden layers of each.
    """

    called, kind = "flow", "NSF"

    def __init__(self, dim: int, transforms: int = 3, width: int = 64) -> None:
        super().__init__(dim)
        made = getattr(zuko().flows, self.kind)
        with with_memory(dim * transforms * width):
            self.flow = made(dim, transforms=transforms, hidden_features=(width, width))
        if dim == 1:
            self._begin_alone()

    @torch.no_grad()
    def _begin_alone(self) -> None:
        """Near N(0, 1): the numbers of a map of one number come of no network, and are large."""
        for own in self.flow.parameters():
            own.mul_(QUIET)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z), which takes any numbers: what is not finite has a density that is not."""
        found = self.flow()
        base = D.Normal(found.base.mean, found.base.stddev, validate_args=False)
        return type(found)(found.transform, independent(base, self.event_shape))


class MaskedFlow(Flow):
    """A masked autoregressive flow (Papamakarios et al. 2017), by zuko: each number is moved and
    stretched by what those before it say, in the other order from one transform to the next. Its
    density takes one pass, a draw as many as a code has numbers."""

    called, kind = "maf", "MAF"


class CoupledFlow(Flow):
    """A flow of couplings, RealNVP (Dinh et al. 2017), by zuko: one half of the numbers is moved
    and stretched by what the other half says, in turns. Its density and a draw take one pass."""

    called, kind = "realnvp", "RealNVP"


def unsoftplus(y: Tensor) -> Tensor:
    """The x of which softplus is y."""
    return y + torch.log(-torch.expm1(-y))


def mixed(logits: Tensor, parts: D.Distribution) -> D.MixtureSameFamily:
    """The mixture of the rows of ``parts``."""
    weights = D.Categorical(logits=logits, validate_args=False)
    return D.MixtureSameFamily(weights, parts, validate_args=False)


@dataclass(frozen=True)
class Site:
    """What a prior is made for.

    Args:
        dim: numbers of a code.
        shape: of one row of x.
        posterior: q(z | x).
        components: of a prior that has some; 0 for as many as it thinks fit.
        given: whether q(z | x) is given anything beside x.
        metric: of codes, where the model has learned one.
    """

    dim: int
    shape: tuple[int, ...]
    posterior: nn.Module
    components: int = 0
    given: bool = False
    metric: nn.Module | None = None


@dataclass(frozen=True)
class Kind:
    """A prior that can be asked for by name.

    Args:
        make: it, for a site.
        lr: the learning rate at which it is fitted to codes after training.
        scaled: whether codes are brought to one size for that.
        only_after: why it is not trained with a model, in words; empty where it is.
        only_within: why it is not fitted after training, in words; empty where it is.
        of_posteriors: what of posteriors it is made of, in words, where they must have a density.
    """

    make: Callable[[Site], Prior]
    lr: float = 1e-3
    scaled: bool = False
    only_after: str = ""
    only_within: str = ""
    of_posteriors: str = ""


def _alone(site: Site, needs: str) -> None:
    require(not site.given, f"{needs} without anything given beside them: take another prior")


def _vamp(site: Site) -> Vamp:
    _alone(site, "a vamp prior needs pseudo-inputs")
    return Vamp(site.posterior, site.shape, site.dim, site.components or 500)


def _manifold(site: Site) -> Manifold:
    _alone(site, "a manifold prior needs codes of training rows")
    return Manifold(site.posterior, site.dim, site.metric, site.components or CENTRES)


def _exemplar(site: Site) -> Exemplar:
    _alone(site, "an exemplar prior needs codes of training rows")
    return Exemplar(site.posterior, site.shape, site.dim, site.components or 1000)


def _lars(site: Site) -> Accepted:
    return Accepted(StandardNormal(site.dim))


def _second_stage(site: Site) -> SecondStage:
    return SecondStage(StandardNormal(site.dim))


def _flow_matching(site: Site) -> FlowMatching:
    return FlowMatching(StandardNormal(site.dim), VelocityNetwork(site.dim))


WITHIN = (
    "leaves each row out of its own prior, which codes do not tell of: it is trained with a model "
    "(train --prior exemplar); take vamp or mixture"
)
AFTERWARDS = "is fitted to the codes of a trained model: vaekit refit-prior"

PRIORS = {
    "standard": Kind(lambda site: StandardNormal(site.dim)),
    "mixture": Kind(lambda site: Mixture(site.dim, site.components or 50), 3e-2, scaled=True),
    "vamp": Kind(_vamp, 5e-3, of_posteriors="is a mixture of posteriors"),
    "flow": Kind(lambda site: Flow(site.dim), 3e-3, scaled=True),
    "maf": Kind(lambda site: MaskedFlow(site.dim), 3e-3, scaled=True),
    "realnvp": Kind(lambda site: CoupledFlow(site.dim), 3e-3, scaled=True),
    "lars": Kind(_lars, 3e-3, scaled=True),
    "exemplar": Kind(_exemplar, only_within=WITHIN),
    "second_stage": Kind(_second_stage, 2e-3, scaled=True, only_after=AFTERWARDS),
    "manifold": Kind(_manifold, only_after=AFTERWARDS, of_posteriors="is as wide as posteriors"),
    "flow_matching": Kind(_flow_matching, 2e-3, scaled=True, only_after=AFTERWARDS),
}


def prior_kind(name: str) -> Kind:
    """What the prior called ``name`` is.

    Raises:
        BadInput: for an unknown name, with the nearest known one.
    """
    return PRIORS[known("prior", name, PRIORS)]


def prior(name: str, site: Site) -> Prior:
    """The prior called ``name``.

    Raises:
        BadInput: for an unknown name, with the nearest known one, or a prior that does not go
            with the site.
    """
    return prior_kind(name).make(site)
