"""A bound whose draws of q(z|x) are moved along a learned metric (Chadebec et al. 2020)."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from vaekit.conditionals.metric import Geometry, Place
from vaekit.models.trace import Trace
from vaekit.objectives.bounds import Bound
from vaekit.objectives.hamiltonian import ADVICE, at_values, movable, slope_of, warmth

ROUNDS = 4  # in which a step that asks where it ends is found


def riemannian(leaps: int, stride: float, tempering: float = 1.0) -> Bound:
    r"""The ELBO of draws that K steps of Hamiltonian dynamics have moved, where momenta have the
    covariance of the model's metric at their place:

    .. math:: \log p(x, z_K) + \log N(\rho_K; 0, G(z_K)) - \log q(z_0 \mid x)
        - \log N(\gamma; 0, G(z_0)), \qquad \gamma \sim N(0, G(z_0)), \quad
        \rho_0 = \gamma / \sqrt{\beta_0}

    Steps are those of the generalised leapfrog (Girolami & Calderhead 2011), which keep the volume:

    .. math::
        \rho' &= \rho - \tfrac{s}{2} \nabla_z H(z, \rho') \\
        z' &= z + \tfrac{s}{2} (G^{-1}(z) + G^{-1}(z')) \rho' \\
        \rho'' &= \rho' - \tfrac{s}{2} \nabla_z H(z', \rho')

    with H = - log p(x, z) + (rho^T G^-1(z) rho + log det G(z)) / 2. The first two are found in four
    rounds of putting in what was found, so that the stride has to be short; momenta are cooled
    as in :func:`vaekit.objectives.hamiltonian.hamiltonian`. On average the exponent of it is p(x),
    as far as those rounds have come, so that it is a lower bound. It runs the model K + 1 times
    more, and differentiates it twice.

    Args:
        leaps: K.
        stride: s, length of a step.
        tempering: beta_0, above 0; 1 for none.
    """

    @partial(Bound, replays=True, advice=ADVICE)
    def riemannian(t: Trace) -> Tensor:
        learning, warm = torch.is_grad_enabled(), tempering**-0.5
        ((_, latent),) = t.latents.items()
        metric: Geometry = t.model.metric(t.model.posterior)  # type: ignore[operator]
        with torch.enable_grad():
            z = movable(latent.value)
            now, place = at_values(t, [z]), metric.at(z)
            first, start = place, place.momentum(torch.randn_like(z))
            momentum, uphill = warm * start, slope_of(now, [z], learning=learning)[0]
            for leap in range(1, leaps + 1):
                momentum = momentum + stride / 2 * uphill
                momentum = _pushed(place, momentum, stride / 2)
                z = _walked(metric, place, momentum, stride)
                z = z if learning else movable(z.detach())
                now, place = at_values(t, [z]), metric.at(z)
                uphill = slope_of(now, [z], learning=learning)[0]
                back = stride / 2 * place.slope(momentum, place.traces())
                cooled = warmth(warm, leap / leaps) / warmth(warm, (leap - 1) / leaps)
                momentum = cooled * (momentum + stride / 2 * uphill - back)
        gained = _log_density(place, momentum) - _log_density(first, start)
        found = now.log_px + t.kl_weight * (now.log_pz - t.log_qz) + gained
        return (t.log_weight.exp() * found).sum(0)

    return riemannian


def _pushed(place: Place, begun: Tensor, step: float) -> Tensor:
    """The momentum p with p = begun - step * slope(p)."""
    traces, momentum = place.traces(), begun
    for _ in range(ROUNDS):
        momentum = begun - step * place.slope(momentum, traces)
    return momentum


def _walked(metric: Geometry, place: Place, momentum: Tensor, stride: float) -> Tensor:
    """The code that a momentum leads to: on average by the metric of both ends."""
    half = place.z + stride / 2 * place.moved(momentum)
    z = half + stride / 2 * place.moved(momentum)
    for _ in range(ROUNDS):
        inverse = metric.inverse(metric.near(z))
        z = half + stride / 2 * (inverse @ momentum[..., None])[..., 0]
    return z


def _log_density(place: Place, momentum: Tensor) -> Tensor:
    """log N(momentum; 0, G), but for a constant, (K, B) nats."""
    return -place.square(momentum) / 2 - place.log_volume
