"""A bound whose draws of q(z|x) are moved towards the true posterior (Caterini et al. 2018)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from vaekit.models.trace import Trace, replay
from vaekit.objectives.bounds import Bound

ADVICE = (
    "take a shorter stride (--stride, in Python stride=) or fewer leaps (--leaps, in Python leaps=)"
)


def hamiltonian(leaps: int, stride: float, tempering: float = 1.0) -> Bound:
    r"""The ELBO of draws that K leapfrog steps of Hamiltonian dynamics have moved along the
    gradient of log p(x, z):

    .. math:: \log p(x, z_K) - \tfrac12 |\rho_K|^2 - \log q(z_0 \mid x) + \tfrac12 |\gamma|^2,
        \qquad \gamma \sim N(0, I), \quad \rho_0 = \gamma / \sqrt{\beta_0}

    Steps keep the volume; momenta are cooled after each, so that :math:`\beta` rises from
    :math:`\beta_0` to 1 (1 / sqrt(beta) falls as the square of the step). On average the exponent
    of it is p(x), so that it is a lower bound. It runs the model K + 1 times more, and
    differentiates it twice.

    Args:
        leaps: K.
        stride: length of a step.
        tempering: beta_0, above 0; 1 for none.
    """

    @partial(Bound, replays=True, advice=ADVICE)
    def hamiltonian(t: Trace) -> Tensor:
        learning, warm = torch.is_grad_enabled(), tempering**-0.5
        with torch.enable_grad():
            z = [movable(latent.value) for latent in t.latents.values()]
            start = [torch.randn_like(value) for value in z]
            momentum, now = [warm * each for each in start], at_values(t, z)
            for leap in range(1, leaps + 1):
                slope = slope_of(now, z, learning=learning)
                half = [m + stride / 2 * s for m, s in zip(momentum, slope, strict=True)]
                z = [v + stride * m for v, m in zip(z, half, strict=True)]
                z = z if learning else [movable(value.detach()) for value in z]
                now = at_values(t, z)
                slope = slope_of(now, z, learning=learning)
                cooled = warmth(warm, leap / leaps) / warmth(warm, (leap - 1) / leaps)
                momentum = [cooled * (m + stride / 2 * s) for m, s in zip(half, slope, strict=True)]
        gained = (_square(start) - _square(momentum)) / 2
        found = now.log_px + t.kl_weight * (now.log_pz - t.log_qz) + gained
        return (t.log_weight.exp() * found).sum(0)

    return hamiltonian


def warmth(warm: float, share: float) -> float:
    """1 / sqrt(beta) after a share of the steps."""
    return warm + (1 - warm) * share**2


def movable(value: Tensor) -> Tensor:
    """A value by which one may differentiate."""
    return value if value.requires_grad else value.detach().requires_grad_()


def at_values(t: Trace, values: list[Tensor]) -> Trace:
    """The same rows, where latents have other values."""
    pairs = zip(t.latents.items(), values, strict=True)
    latents = {name: replace(latent, value=value) for (name, latent), value in pairs}
    return replay(replace(t, latents=latents))


def slope_of(now: Trace, z: list[Tensor], *, learning: bool) -> list[Tensor]:
    """The gradient of log p(x, z) by z."""
    joint = (now.log_px + now.log_pz).sum()
    return [*torch.autograd.grad(joint, z, create_graph=learning, retain_graph=True)]


def _square(momentum: list[Tensor]) -> Tensor:
    """|rho|^2 of each particle, (K, B)."""
    return torch.stack([m.flatten(2).square().sum(-1) for m in momentum]).sum(0)
