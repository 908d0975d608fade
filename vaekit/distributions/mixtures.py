"""Mixtures of normals whose draws have gradients."""

from __future__ import annotations

import math
from functools import singledispatch
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.covariances import covariance
from vaekit.distributions.divergences import marginals
from vaekit.distributions.draws import Noise, from_noise
from vaekit.distributions.labels import one_hot

LEAST = 1e-30


class NormalMixture(D.MixtureSameFamily):
    r"""A mixture of normals with independent dimensions:

    .. math:: q(z) = \sum_c w_c \prod_i N(z_i; m_{ci}, s_{ci}^2)

    Draws have gradients to all parameters, the weights too, though a component is chosen for each:
    they move so that :math:`F_i(z_i \mid z_{<i})`, the distribution function of each number given
    those before it, stays what it is (implicit reparameterisation; Figurnov et al. 2018).

    Args:
        logits: log w but for a constant, (*batch, components).
        loc: m, (*batch, components, dim).
        scale: s, likewise.
    """

    has_rsample = True

    def __init__(self, logits: Tensor, loc: Tensor, scale: Tensor) -> None:
        parts = D.Independent(D.Normal(loc, scale, validate_args=False), 1, validate_args=False)
        weights = D.Categorical(logits=logits, validate_args=False)
        super().__init__(weights, parts, validate_args=False)

    @property
    def logits(self) -> Tensor:
        """log w, (*batch, components)."""
        return self.mixture_distribution.logits

    @property
    def normals(self) -> Any:
        """The components' dimensions, (*batch, components, dim)."""
        parts: Any = self.component_distribution
        return parts.base_dist

    def expand(self, batch_shape: Any, _instance: Any = None) -> NormalMixture:
        """The same distribution for more rows."""
        sizes = [(*batch_shape, *p.shape[len(self.batch_shape) :]) for p in self._parameters]
        return NormalMixture(*(p.expand(s) for p, s in zip(self._parameters, sizes, strict=True)))

    @property
    def _parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.logits, self.normals.loc, self.normals.scale

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        shape = torch.Size(sample_shape)
        chance = torch.rand_like(self.logits.expand(*shape, *self.logits.shape)).clamp_min(LEAST)
        chosen = (self.logits - torch.log(-torch.log(chance))).argmax(-1)
        return self.moved(chosen, torch.randn_like(self.mean.expand(self._extended_shape(shape))))

    def moved(self, chosen: Tensor, noise: Tensor) -> Tensor:
        """Standard normal noise, (..., *batch, dim), moved to components, (..., *batch)."""
        own = torch.nn.functional.one_hot(chosen, self.logits.shape[-1])[..., None]
        loc, scale = ((own * p).sum(-2) for p in self._parameters[1:])
        return loc + scale * noise

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to all parameters."""
        return self.with_paths(self.sample(sample_shape))

    def with_paths(self, value: Tensor) -> Tensor:
        r"""Values, and how they move as parameters do: :math:`dz = - (dF / dz)^{-1} dF`."""
        shares, below = self._shares(value), self._normals_at("cdf", value)
        level = (shares * below).sum(-2)
        with torch.no_grad():
            slope = self._slope(value, shares, below, level)
        apart = (level - level.detach())[..., None]
        return value - torch.linalg.solve_triangular(slope, apart, upper=False)[..., 0]

    def _normals_at(self, name: str, value: Tensor) -> Tensor:
        """Something of each component's normals at a value, (..., components, dim)."""
        return getattr(self.normals, name)(value.detach()[..., None, :])

    def _shares(self, value: Tensor) -> Tensor:
        """How likely each component is by the numbers before each, (..., components, dim)."""
        each = self._normals_at("log_prob", value)
        return (self.logits[..., None] + each.cumsum(-1) - each).softmax(-2)

    def _slope(self, value: Tensor, shares: Tensor, below: Tensor, level: Tensor) -> Tensor:
        """dF_i / dz_j, (..., dim, dim), which is 0 for j > i."""
        loc, scale = self._parameters[1:]
        by = (loc - value[..., None, :]) / scale.square()  # d log N / dz, of each component
        moved = (shares * below).mT @ by - level[..., None] * (shares.mT @ by)
        density = (shares * self._normals_at("log_prob", value).exp()).sum(-2)
        return moved.tril(-1) + torch.diag_embed(density.clamp_min(LEAST))


@singledispatch
def components_of(q: D.Distribution) -> int:
    """Of how many components :func:`strata` draws in turn; 0 for what it cannot draw from."""
    return 0


@components_of.register
def _(q: NormalMixture) -> int:
    return q.logits.shape[-1]


@singledispatch
def strata(q: D.Distribution, draws: int) -> tuple[Tensor, Tensor]:
    """As many draws from each component of a mixture in turn, with gradients, (draws, *batch,
    *event), and the logarithms of what they weigh beyond an even share, (draws, *batch).

    Args:
        q: a mixture.
        draws: a multiple of its components.

    Raises:
        TypeError: for what is no mixture.
    """
    raise TypeError(f"a {type(q).__name__} has no components to draw from in turn")


@strata.register
def _(q: NormalMixture, draws: int) -> tuple[Tensor, Tensor]:
    components = components_of(q)
    z = q.component_distribution.rsample(torch.Size([draws // components])).movedim(-2, 1)
    beyond = q.logits.movedim(-1, 0) + math.log(components)
    return z.flatten(0, 1), beyond.repeat(draws // components, *[1] * len(q.batch_shape))


@from_noise.register
def _(q: NormalMixture, noise: Noise) -> Tensor:
    chosen = from_noise(one_hot(q.logits), noise).argmax(-1)
    return q.moved(chosen, noise(q.event_shape[0]))


@marginals.register
def _(q: NormalMixture) -> D.MixtureSameFamily:
    parts = D.Normal(q.normals.loc.mT, q.normals.scale.mT, validate_args=False)
    weights = D.Categorical(logits=q.logits[..., None, :].expand(parts.loc.shape))
    return D.MixtureSameFamily(weights, parts, validate_args=False)


@covariance.register
def _(q: NormalMixture) -> Tensor:
    apart = q.normals.loc - q.mean[..., None, :]
    between = (q.mixture_distribution.probs[..., None] * apart).mT @ apart
    within = (q.mixture_distribution.probs[..., None] * q.normals.variance).sum(-2)
    return between + torch.diag_embed(within)
