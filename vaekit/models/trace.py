"""What one pass of a model over a batch says, as numbers in nats."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.func import functional_call

from vaekit.distributions import Point
from vaekit.models.drawing import Latent, Recorder, Rule, from_posterior, replayed


@dataclass(frozen=True)
class Trace:
    """K weighted particles for each of B rows.

    Every tensor but ``x`` is (K, B), in nats, summed over the event and over the latents:
    ``log_px`` = log p(x | z), ``log_pz`` = log p(z), ``log_qz`` = log q(z | x), ``kl`` =
    KL(q || p) (exact where a closed form is known), ``log_weight`` = log of each particle's
    share; the shares of a row sum to 1.
    """

    x: Tensor
    log_px: Tensor
    log_pz: Tensor
    log_qz: Tensor
    kl: Tensor
    log_weight: Tensor
    latents: Mapping[str, Latent]
    likelihood: D.Distribution
    model: nn.Module
    given: tuple[Tensor, ...]

    @property
    def log_ratio(self) -> Tensor:
        """log p(x, z) - log q(z | x), (K, B): the log importance weights."""
        return self.log_px + self.log_pz - self.log_qz

    @property
    def has_density(self) -> bool:
        """False if a posterior is a point: then there is no KL, no ELBO and no log p(x)."""
        return not any(isinstance(latent.posterior, Point) for latent in self.latents.values())


def trace(
    model: nn.Module,
    x: Tensor,
    *given: Tensor,
    samples: int = 1,
    rule: Rule = from_posterior,
    named: Mapping[str, Rule] | None = None,
) -> Trace:
    """Run ``model`` on B rows with K = ``samples`` particles each and weigh what it drew.

    The encoder sees each row once, whatever K is.

    Args:
        rule: how latents are drawn. named: other rules for latents of these names.

    Raises:
        TypeError: if p(x | z) has undeclared event dimensions, so that log_prob is not
            one number per row.
    """
    recorder = Recorder(len(x), samples, rule, named)
    return read(recorder, model(recorder, x, *given), model, x, given)


def read(
    recorder: Recorder,
    likelihood: D.Distribution,
    model: nn.Module,
    x: Tensor,
    given: tuple[Tensor, ...],
) -> Trace:
    """The trace of a pass: what was drawn, and how likely x is made by it."""
    log_px = _per_row(likelihood.log_prob(recorder.tile(x)), recorder.shape)
    latents = recorder.latents
    return Trace(
        x=x,
        log_px=log_px,
        log_pz=_total([latent.log_p for latent in latents.values()]),
        log_qz=_total([latent.log_q for latent in latents.values()]),
        kl=_total([latent.kl for latent in latents.values()]),
        log_weight=_total([latent.log_weight for latent in latents.values()])
        - math.log(recorder.shape[0]),
        latents=latents,
        likelihood=likelihood,
        model=model,
        given=given,
    )


def replay(t: Trace, *, frozen: bool = False, fixed: bool = False) -> Trace:
    """The same particles through the same model once more.

    Args:
        frozen: treat all of the model's weights as constants, in densities and networks alike;
            gradients still reach the weights that made the values, along the values' paths.
        fixed: treat the values as constants.

    Raises:
        TypeError: if the model's weights are split over processes and not gathered here.
    """
    values = {name: latent.value for name, latent in t.latents.items()}
    kept = {name: replayed(v.detach() if fixed else v) for name, v in values.items()}
    recorder = Recorder(len(t.x), t.log_px.shape[0], from_posterior, kept)
    weights = {n: p.detach() if frozen else p for n, p in t.model.named_parameters()}
    if any(type(p) not in (Tensor, nn.Parameter) for p in weights.values()):
        raise TypeError("split weights are not gathered here: name the bound in bounds.REPLAYING")
    likelihood = functional_call(t.model, weights, (recorder, t.x, *t.given))
    again = read(recorder, likelihood, t.model, t.x, t.given)
    return replace(again, log_weight=t.log_weight)


def _per_row(log_px: Tensor, shape: torch.Size) -> Tensor:
    if log_px.shape != (shape.numel(),):
        raise TypeError(
            f"log p(x|z) has shape {tuple(log_px.shape)} for {shape.numel()} rows: "
            "declare the likelihood's event dimensions (torch.distributions.Independent)"
        )
    return log_px.reshape(shape)


def _total(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
