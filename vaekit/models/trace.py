"""What one pass of a model over rows says, as numbers in nats."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.func import functional_call

from vaekit.distributions import has_density
from vaekit.models.drawing import Latent, Recorder, Rule, from_posterior, replayed
from vaekit.networks.noise import Noise, kept, repeated
from vaekit.rows import Rows


@dataclass(frozen=True)
class Trace:
    """K weighted particles for each of B rows.

    Every tensor is (K, B), in nats, summed over the event and over the latents: ``log_px`` =
    log p(x | z), ``log_pz`` = log p(z), ``log_qz`` = log q(z | x), ``kl`` = KL(q || p) (exact
    where a closed form is known), ``log_weight`` = log of each particle's share; the shares of a
    row sum to 1. ``kl_weight`` is what bounds multiply KL and log p(z) - log q(z | x) by: 1, or
    what a warm-up or beta says. ``noise`` is what layers drew in training.
    """

    rows: Rows
    log_px: Tensor
    log_pz: Tensor
    log_qz: Tensor
    kl: Tensor
    log_weight: Tensor
    latents: Mapping[str, Latent]
    likelihood: D.Distribution
    model: nn.Module
    kl_weight: float | Tensor = 1.0
    noise: Noise = field(default_factory=Noise)

    @property
    def log_ratio(self) -> Tensor:
        """log p(x | z) + kl_weight (log p(z) - log q(z | x)), (K, B): with a weight of 1 the log
        importance weights."""
        return self.log_px + self.kl_weight * (self.log_pz - self.log_qz)

    @property
    def has_density(self) -> bool:
        """False if a posterior is a point: then there is no KL, no ELBO and no log p(x)."""
        return all(has_density(latent.posterior) for latent in self.latents.values())


def trace(
    model: nn.Module,
    rows: Tensor | Rows,
    *,
    samples: int = 1,
    rule: Rule = from_posterior,
    named: Mapping[str, Rule] | None = None,
) -> Trace:
    """Run ``model`` on B rows with K = ``samples`` particles each and weigh what it drew.

    The encoder sees each row once, whatever K is.

    Args:
        model: a :class:`~vaekit.models.Graph`.
        rows: x and what is given, or x alone.
        samples: K.
        rule: how latents are drawn.
        named: other rules for latents of these names.

    Raises:
        TypeError: if p(x | z) has undeclared event dimensions, so that log_prob is not
            one number per row.
    """
    rows = Rows.of(rows)
    recorder = Recorder(len(rows), samples, rule, named, _apart(model, rows))
    with kept() as noise:
        likelihood = model(recorder, rows)
    return replace(read(recorder, likelihood, model, rows), noise=noise)


def _apart(model: nn.Module, rows: Rows) -> Tensor | None:
    """x of the rows that have no part in their own prior: those that are trained on."""
    return rows.x if model.training else None


def read(recorder: Recorder, likelihood: D.Distribution, model: nn.Module, rows: Rows) -> Trace:
    """The trace of a pass: what was drawn, and how likely x is made by it."""
    log_px = _per_row(likelihood.log_prob(recorder.tile(rows.data)), recorder.shape)
    latents = recorder.latents

    def total(part: Callable[[Latent], Tensor]) -> Tensor:
        each = [part(latent) for latent in latents.values()]
        return each[0] if len(each) == 1 else sum(each, torch.zeros_like(log_px))

    return Trace(
        rows=rows,
        log_px=log_px,
        log_pz=total(lambda latent: latent.log_p),
        log_qz=total(lambda latent: latent.log_q),
        kl=total(lambda latent: latent.kl),
        log_weight=total(lambda latent: latent.log_weight) - math.log(recorder.shape[0]),
        latents=latents,
        likelihood=likelihood,
        model=model,
    )


def replay(t: Trace, *, frozen: bool = False, fixed: bool = False) -> Trace:
    """The same particles through the same model once more, with the same noise of its layers.

    Args:
        t: the first pass.
        frozen: treat all of the model's weights as constants, in densities and networks alike;
            gradients still reach the weights that made the values, along the values' paths.
        fixed: treat the values as constants.

    Raises:
        TypeError: if the model's weights are sharded over processes and not gathered here.
    """
    values = {name: latent.value for name, latent in t.latents.items()}
    still = {name: replayed(v.detach() if fixed else v) for name, v in values.items()}
    samples, apart = t.log_px.shape[0], _apart(t.model, t.rows)
    recorder = Recorder(len(t.rows), samples, from_posterior, still, apart)
    weights = {n: p.detach() if frozen else p for n, p in t.model.named_parameters()}
    if any(type(p) not in (Tensor, nn.Parameter) for p in weights.values()):
        raise TypeError("sharded weights are not gathered here: the bound must say that it replays")
    with repeated(t.noise):
        likelihood = functional_call(t.model, weights, (recorder, t.rows))
    again = read(recorder, likelihood, t.model, t.rows)
    return replace(again, log_weight=t.log_weight, kl_weight=t.kl_weight, noise=t.noise)


def redrawn(t: Trace, rules: Mapping[str, Rule]) -> Trace:
    """The same rows once more through all that generates them, with the same noise of its layers:
    the encoder does not run.

    Args:
        t: the first pass.
        rules: of each latent by name; in the place of its posterior they are handed None.
    """
    samples, apart = t.log_px.shape[0], _apart(t.model, t.rows)
    recorder = Recorder(len(t.rows), samples, from_posterior, rules, apart)
    with repeated(t.noise):
        likelihood = t.model(recorder, t.rows.without_x())
    now = read(recorder, likelihood, t.model, t.rows)
    return replace(now, kl_weight=t.kl_weight, noise=t.noise)


def _per_row(log_px: Tensor, shape: torch.Size) -> Tensor:
    if log_px.shape != (shape.numel(),):
        raise TypeError(
            f"log p(x|z) has shape {tuple(log_px.shape)} for {shape.numel()} rows: "
            "declare the likelihood's event dimensions (torch.distributions.Independent)"
        )
    return log_px.reshape(shape)
