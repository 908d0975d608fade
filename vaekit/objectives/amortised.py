"""A bound whose q(z|x) is moved for each row before it counts (Kim et al. 2018)."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from vaekit.models.drawing import Recorder, Rule, from_posterior, replayed
from vaekit.models.trace import Trace, redrawn
from vaekit.networks.noise import repeated
from vaekit.objectives.bounds import Bound, elbo
from vaekit.system.checks import Unsuited

ADVICE = (
    "take a shorter stride (--stride, in Python stride=) or fewer refinements (--refinements, "
    "in Python refinements=)"
)
Gradient = Literal["whole", "straight"]


def semi_amortised(
    refinements: int,
    stride: float,
    gradient: Gradient = "whole",
    rule: Rule = from_posterior,
) -> Bound:
    r"""The ELBO of a q that K steps have moved up the gradient of the row's own ELBO: the raw
    numbers :math:`\lambda` that q(z|x) is made of begin where the encoder puts them,

    .. math:: \lambda_{k+1} = \lambda_k + s \left(1 - \tfrac kK\right)
        \frac{g_k}{\sqrt{1 + |g_k|^2 / n}}, \qquad g_k = \nabla_\lambda \mathrm{ELBO}(\lambda_k)

    with n numbers in :math:`\lambda`, so that a step moves them by s at most (root mean square),
    however many nats a row has, and a gentle slope moves them by s times itself. Each step and the
    bound have draws of their own: it is a lower bound on log p(x), on average, wherever the steps
    lead. What generates runs K + 1 times more, the encoder once.

    Args:
        refinements: K.
        stride: s, in raw numbers.
        gradient: whole: weights learn through the steps, by second derivatives; straight: as if
            what the steps add were constant.
        rule: how z is drawn of the q that was moved.

    Raises:
        Unsuited: in use, for a model with several latents.
    """

    @partial(Bound, replays=True, advice=ADVICE)
    def semi_amortised(t: Trace) -> Tensor:
        learning = torch.is_grad_enabled()
        through = learning and gradient == "whole"
        posterior = _posterior(t)
        with torch.enable_grad():
            raw = _raw(t, posterior)
            raw = raw if learning and raw.requires_grad else raw.detach().requires_grad_()
            for step in range(refinements):
                (slope,) = torch.autograd.grad(
                    elbo(_drawn(t, posterior, raw, rule)).sum(), [raw], create_graph=through
                )
                raw = raw + stride * (1 - step / refinements) * _limited(slope)
                raw = raw if learning else raw.detach().requires_grad_()
        return elbo(_drawn(t, posterior, raw, rule))

    return semi_amortised


def _posterior(t: Trace) -> Any:
    """The one q(z|x), whose numbers a network gives."""
    if len(t.latents) > 1:
        raise Unsuited(f"q of {len(t.latents)} latents cannot be refined: one is needed")
    return t.model.posteriors[0]  # type: ignore[index]


def _raw(t: Trace, posterior: Any) -> Tensor:
    """What the network of q gives for the rows, by the same noise of its layers."""
    heard: list[Tensor] = []
    still = {name: replayed(latent.value) for name, latent in t.latents.items()}
    recorder = Recorder(len(t.rows), t.log_px.shape[0], from_posterior, still)
    handle = posterior.net.register_forward_hook(lambda _net, _given, raw: heard.append(raw))
    try:
        with repeated(t.noise):
            t.model.walk(recorder, t.rows)  # type: ignore[operator]
    finally:
        handle.remove()
    return heard[0].to(torch.promote_types(heard[0].dtype, torch.float32))


def _drawn(t: Trace, posterior: Any, raw: Tensor, rule: Rule) -> Trace:
    """The same rows, where z is drawn anew of the q that is made of these numbers."""
    q = posterior.family(raw)
    (name,) = t.latents
    return redrawn(t, {name: lambda p, _, shape: rule(p, q, shape)})


def _limited(slope: Tensor) -> Tensor:
    """Gradients, (B, *raw), each row's with a root mean square below 1."""
    square = slope.square().flatten(1).mean(1)
    return slope / (1 + square).sqrt().reshape(-1, *[1] * (slope.dim() - 1))
