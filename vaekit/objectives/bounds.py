"""Lower bounds on log p(x): pure functions of a trace, (B,) nats, higher is better. (One is none:
:func:`renyi` of an order below 0.)

The value is always the bound itself. Where a bound's gradient is estimated in a better way than by
differentiating its value, a surrogate with the same value carries it. Every bound weighs what lies
between prior and posterior by the trace's ``kl_weight``; with 1 it is the bound on log p(x).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial, update_wrapper
from itertools import pairwise

import torch
from torch import Tensor

from vaekit.models.drawing import without_score
from vaekit.models.trace import Trace, replay

NEAR = 1e-6


class Bound:
    """A bound, and what it says of itself.

    Args:
        value: a function of a trace, (B,) nats.
        replays: whether it runs the model again by :func:`vaekit.models.trace.replay`.
        needs_density: whether posteriors must have a density, as all but
            :data:`reconstruction` do.
        advice: what to do where it is not finite, though the ELBO's terms are; "" where there is
            nothing to say of it alone.
    """

    def __init__(
        self,
        value: Callable[[Trace], Tensor],
        *,
        replays: bool = False,
        needs_density: bool = True,
        advice: str = "",
    ) -> None:
        self.value, self.replays, self.needs_density = value, replays, needs_density
        self.advice = advice
        self.name = value.__name__
        update_wrapper(self, value)

    def __call__(self, t: Trace) -> Tensor:
        """The bound of each row, (B,) nats."""
        return self.value(t)


@partial(Bound, needs_density=False)
def reconstruction(t: Trace) -> Tensor:
    """E_q[log p(x|z)] alone: what an autoencoder maximises. Not a bound on log p(x)."""
    return (t.log_weight.exp() * t.log_px).sum(0)


@Bound
def elbo(t: Trace) -> Tensor:
    """E_q[log p(x|z)] - KL(q || p), the KL exact where known (Kingma & Welling 2014)."""
    return (t.log_weight.exp() * (t.log_px - t.kl_weight * t.kl)).sum(0)


@Bound
def elbo_of_some(t: Trace) -> Tensor:
    """The ELBO where the weights of particles are right on average alone: what the first particle
    has is taken off before they weigh, so that the gradient's noise is small."""
    each = t.log_px - t.kl_weight * t.kl
    first = each[:1].detach()
    return (t.log_weight.exp() * (each - first)).sum(0) + first[0]


@partial(Bound, replays=True)
def path_elbo(t: Trace) -> Tensor:
    """The sampled ELBO with the gradient along the path only: "sticking the landing".

    The value is E_q[log p(x, z) - log q(z|x)]. The score term of the gradient, zero on average,
    is left out, so that the gradient's noise vanishes where q is exact (Roeder et al. 2017).
    """
    ratio = t.log_px + t.kl_weight * (t.log_pz - frozen_log_q(t))
    return (t.log_weight.exp() * ratio).sum(0)


@Bound
def iwae(t: Trace) -> Tensor:
    """log of the mean importance weight of K particles: tighter as K grows (Burda et al. 2016)."""
    return torch.logsumexp(t.log_weight + t.log_ratio, 0)


@partial(Bound, replays=True)
def dreg(t: Trace) -> Tensor:
    """The importance-weighted bound with doubly reparameterised gradients (Tucker et al. 2019;
    for several layers of latents Bauer & Mnih 2021).

    The encoder's gradient is sum_k w_k (1 - b (1 - w_k)) d log w_k / dz, along the paths of the
    latents, with w the normalised weights and b the weight of the KL: w_k^2 where that is 1. Its
    signal does not drown in noise as K grows. The decoder's is the usual one.
    """
    w = torch.softmax(t.log_weight + t.log_ratio, 0).detach()
    still, moving = replay(t, fixed=True), replay(t, frozen=True)
    decoder = (w * (still.log_px + t.kl_weight * still.log_pz)).sum(0)
    encoder = (w * (1 - t.kl_weight * (1 - w)) * moving.log_ratio).sum(0)
    return _with_gradient_of(iwae(t), decoder + encoder)


def miwae(groups: int) -> Bound:
    """The mean over ``groups`` of the importance-weighted bound of K / groups particles each
    (Rainforth et al. 2018). One group is IWAE; groups of one are the ELBO. Where a label is
    enumerated, groups that hold all of its values alike are the tightest."""

    @Bound
    def miwae(t: Trace) -> Tensor:
        return _grouped(t.log_weight + t.log_ratio, groups).mean(0)

    return miwae


def piwae(groups: int) -> Bound:
    """IWAE over all particles for the decoder, MIWAE with ``groups`` for the encoder
    (Rainforth et al. 2018). The value is IWAE's."""

    @partial(Bound, replays=True)
    def piwae(t: Trace) -> Tensor:
        still, moving = replay(t, fixed=True), replay(t, frozen=True)
        ratio = moving.log_px + t.kl_weight * (moving.log_pz - t.log_qz)
        log_q, share = t.log_qz.detach(), t.log_weight.detach()
        decoder = iwae(replace(still, log_qz=log_q, log_weight=share))
        encoder = _grouped(t.log_weight + ratio, groups).mean(0)
        return _with_gradient_of(iwae(t), decoder + encoder)

    return piwae


def miselbo(components: int) -> Bound:
    """The importance-weighted bounds of a mixture's components, each of its own particles, weighed
    as the components are (Kviman et al. 2022): with one particle each the ELBO without the noise of
    choosing a component. The rule ``stratified`` draws so.

    Args:
        components: C; particle k is of component ``k % C``.
    """

    @Bound
    def miselbo(t: Trace) -> Tensor:
        turns = len(t.log_ratio) // components
        if len(t.log_ratio) % components:
            raise ValueError(f"{len(t.log_ratio)} samples are not so many of each component")
        ratio = t.log_ratio if turns > 1 else t.log_px - t.kl_weight * t.kl
        each = torch.logsumexp(ratio.unflatten(0, (turns, components)), 0) - math.log(turns)
        shares = t.log_weight.unflatten(0, (turns, components)).exp().sum(0)
        return (shares * each).sum(0)

    return miselbo


def ciwae(beta: float) -> Bound:
    """beta ELBO + (1 - beta) IWAE (Rainforth et al. 2018)."""

    @Bound
    def ciwae(t: Trace) -> Tensor:
        return beta * (t.log_weight.exp() * t.log_ratio).sum(0) + (1 - beta) * iwae(t)

    return ciwae


def renyi(alpha: float) -> Bound:
    """The variational Renyi bound, log mean w^(1 - alpha) / (1 - alpha) (Li & Turner 2016).

    alpha = 1 is the ELBO, 0 IWAE, above 1 it lies below the ELBO. Below 0 it is no lower bound on
    log p(x): with many particles it lies above. With K particles it is biased towards the ELBO.
    """
    rest = 1 - alpha

    @Bound
    def renyi(t: Trace) -> Tensor:
        mean = (t.log_weight.exp() * t.log_ratio).sum(0)
        if abs(rest) < NEAR:  # then its digits are lost in the sum below
            apart = (t.log_weight.exp() * (t.log_ratio - mean).square()).sum(0)
            return mean + rest / 2 * apart
        shares = torch.log_softmax(t.log_weight.double(), 0)
        centred = shares + rest * (t.log_ratio - mean).double()
        return mean + (torch.logsumexp(centred, 0) / rest).to(mean.dtype)

    return renyi


def tvo(betas: int = 5, first: float = 0.025) -> Bound:
    """The thermodynamic bound: the integral of E_beta[log p(x, z) / q(z|x)] over beta from 0 to 1
    by a left Riemann sum, with the expectations taken by reweighting the K particles
    (Masrani et al. 2019). The points are 0, then ``betas`` - 1 spaced evenly in log from ``first``.

    With one point it is the ELBO.
    """
    points = [0.0, *(first ** (1 - i / max(betas - 1, 1)) for i in range(betas - 1)), 1.0]

    @Bound
    def tvo(t: Trace) -> Tensor:
        total = torch.zeros_like(t.log_ratio[0])
        for low, high in pairwise(points):
            w = torch.softmax(t.log_weight + low * t.log_ratio, 0)
            total = total + (high - low) * (w * t.log_ratio).sum(0)
        return total

    return tvo


def frozen_log_q(t: Trace) -> Tensor:
    """log q(z|x), (K, B), whose gradient flows through z alone: q's own weights are constants."""
    if len(t.latents) > 1:
        return replay(t, frozen=True).log_qz
    (latent,) = t.latents.values()
    return without_score(latent.posterior, latent.value, t.log_qz)


def _grouped(weighted: Tensor, groups: int) -> Tensor:
    """IWAE within each of ``groups`` groups of particles: (groups, B).

    Args:
        weighted: log of share times importance weight of each particle, (K, B).
        groups: of 1 / ``groups`` of the shares each.
    """
    particles = len(weighted)
    if particles % groups:
        raise ValueError(f"{particles} samples cannot be put into {groups} equal groups")
    parts = weighted.unflatten(0, (groups, particles // groups))
    return torch.logsumexp(parts, 1) + math.log(groups)


def _with_gradient_of(value: Tensor, surrogate: Tensor) -> Tensor:
    """The value of one, the gradient of the other."""
    return value.detach() + surrogate - surrogate.detach()
