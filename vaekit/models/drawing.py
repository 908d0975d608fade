"""Rules by which a model's latents get their values.

A model asks ``draw("z", prior, posterior)`` for each latent; who calls the model hands in the
rule. The same model then trains, generates, encodes, decodes, scores and compresses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions import (
    common_draws,
    draw_with_density,
    exact_kl,
    strata,
    weighs_any_value,
)
from vaekit.distributions.exemplars import without

LEAST = 1e-30  # chance of a value that is drawn


class Draw(Protocol):
    """What a model needs of a drawing rule."""

    @property
    def rows(self) -> int:
        """How many rows every draw has: K particles times B rows of data."""

    def tile(self, rows: Tensor) -> Tensor:
        """Repeat a tensor of B rows once for each particle; one of K * B rows stays as it is."""

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None
    ) -> Tensor:
        """A value of the latent ``name``, shape (rows, *event)."""


@dataclass(frozen=True)
class Latent:
    """One latent as drawn for K particles of B rows.

    ``value`` is (K, B, *event). All others are (K, B), in nats and summed over the event:
    ``log_p`` under the prior, ``log_q`` under the posterior, ``kl`` the exact KL(posterior ||
    prior) where known and ``log_q - log_p`` elsewhere, whose gradient flows along the values'
    paths alone where it can (:func:`without_score`). ``log_weight`` is the log of each particle's
    share beyond the uniform 1 / K: zero unless values were enumerated.
    """

    value: Tensor
    prior: D.Distribution
    posterior: D.Distribution
    log_p: Tensor
    log_q: Tensor
    kl: Tensor
    log_weight: Tensor


# p, q and (K, B); q is None for a rule by name where the model was given no x
Rule = Callable[[D.Distribution, Any, torch.Size], Latent]


def from_posterior(p: D.Distribution, q: D.Distribution, shape: torch.Size) -> Latent:
    """Draw from q with gradients to its parameters: what training does."""
    z, log_q = draw_with_density(q, _missing(q, shape))
    return _latent(p, q, z, log_q, shape)


def at_mean(p: D.Distribution, q: D.Distribution, shape: torch.Size) -> Latent:
    """Take the mean of q, without noise: what encoding and reconstructing do."""
    z = q.mean.expand(*_missing(q, shape), *q.mean.shape)
    return _latent(p, q, z, q.log_prob(z), shape)


def with_common_noise(
    p: D.Distribution, q: D.Distribution, shape: torch.Size, *, even: bool = False
) -> Latent:
    """Draw from q by the same noise for every row, so that a row's score depends on it alone; with
    ``even`` it is spread evenly over the particles, for means over them."""
    samples, rows = shape
    each = q.batch_shape == (samples * rows,)
    z = common_draws(q, samples, rows if each else None, even=even)
    return _latent(p, q, z, q.log_prob(z), shape)


def observed(value: Tensor) -> Rule:
    """Take a known value, (B, *event), as it stands: it costs - log p(value) and no log q."""

    def rule(p: D.Distribution, q: D.Distribution, shape: torch.Size) -> Latent:
        z = value.expand(shape[0], *value.shape)
        log_p = density(p, z, shape)
        zero = torch.zeros_like(log_p)
        return Latent(z, p, q, log_p, zero, -log_p, zero)

    return rule


def replayed(value: Tensor) -> Rule:
    """Take the values that were drawn before, (K, B, *event), and weigh them again."""

    def rule(p: D.Distribution, q: D.Distribution, shape: torch.Size) -> Latent:
        return _latent(p, q, value, density(q, value, shape), shape)

    return rule


def enumerated(classes: int) -> Rule:
    """Every one-hot value in turn, each weighed by its probability under q: sums a label out.

    The number of particles must be a multiple of ``classes``; particle k has label
    ``k % classes``. With K samples of the other latents for each label, ask for K * classes.
    """

    def rule(p: D.Distribution, q: D.Distribution, shape: torch.Size) -> Latent:
        labels = torch.eye(classes, device=q.mean.device).repeat(shape[0] // classes, 1)
        y = labels[:, None].expand(*shape, classes)
        latent = _latent(p, q, y, density(q, y, shape), shape)
        return replace(latent, log_weight=latent.log_q + math.log(classes))

    return rule


def _greatest(x: Tensor) -> Tensor:
    """1 at the greatest of the last dimension, 0 elsewhere."""
    return torch.zeros_like(x).scatter(-1, x.argmax(-1, keepdim=True), 1.0)


def likeliest_and_another(p: D.Distribution, q: D.Distribution, shape: torch.Size) -> Latent:
    r"""The likeliest one-hot value, and one of the others by its chance: sums a label out in two
    passes, right on average, with its gradients (Liu et al. 2019, with one class summed).

    .. math:: \sum_y q_y f(y) = q_1 f(y_1) + (1 - q_1) E_{y \sim r}[f(y)], \qquad
        r_y = q_y / (1 - q_1) \text{ for all } y \text{ but } y_1, \text{ the likeliest}

    Particles of the second sum weigh (1 - q_1) q_y / [q_y], with [] for "held as it is": the
    gradient's mean is then that of the sum, since E_r[(1 - q_1) f dq_y / q_y] = sum f dq_y.

    The number of particles must be even; those of the first half have the likeliest value.
    """
    half, rows = shape[0] // 2, shape[1]
    chances = q.mean.detach().expand(rows, -1)
    first = _greatest(chances)
    others = chances.clamp_min(LEAST) * (1 - first)
    waits = torch.empty_like(chances.expand(half, -1, -1)).exponential_()
    y = torch.cat([first.expand(half, -1, -1), _greatest(others / waits)])
    latent = _latent(p, q, y, density(q, y, shape), shape)
    top, rest = latent.log_q[:half], latent.log_q[half:]
    rest = rest - rest.detach() + others.sum(-1).log()
    return replace(latent, log_weight=torch.cat([top, rest]) + math.log(2))


def stratified(p: D.Distribution, q: D.Distribution, shape: torch.Size) -> Latent:
    """Draw from each component of a mixture q in turn, and let the draw weigh as much as its
    component: expectations over components are sums, with gradients to the weights.

    The number of particles must be a multiple of C, the components; particle k is of component
    ``k % C``.
    """
    z, beyond = strata(q, shape[0])
    return replace(_latent(p, q, z, q.log_prob(z), shape), log_weight=beyond)


class Recorder:
    """Draws K particles for each of B rows by a rule (or a rule by name), and keeps them.

    Args:
        rows: B.
        samples: K.
        rule: how latents are drawn.
        named: other rules for latents of these names.
        apart: x of the rows in training, whose prior is what others lend to it.
    """

    def __init__(
        self,
        rows: int,
        samples: int,
        rule: Rule,
        named: Mapping[str, Rule] | None = None,
        apart: Tensor | None = None,
    ) -> None:
        self.shape, self.apart = torch.Size([samples, rows]), apart
        self.rule, self.named = rule, named or {}
        self.latents: dict[str, Latent] = {}

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return self.shape.numel()

    def tile(self, rows: Tensor) -> Tensor:
        """Repeat a tensor of rows once for each particle."""
        if len(rows) == self.rows:
            return rows
        return rows.repeat(self.shape[0], *[1] * (rows.dim() - 1))

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None
    ) -> Tensor:
        """A value of the latent, by this rule."""
        if posterior is None and name not in self.named:
            raise TypeError(f"latent {name!r} has no posterior here: give the model its x")
        prior = prior if self.apart is None else without(prior, self.apart)
        self.latents[name] = self.named.get(name, self.rule)(prior, posterior, self.shape)
        return self.latents[name].value.flatten(0, 1)


class Generator:
    """Draws every latent from its prior, except those whose values are given by name."""

    def __init__(self, rows: int, values: Mapping[str, Tensor] | None = None) -> None:
        self.rows, self.values = rows, values or {}

    def tile(self, rows: Tensor) -> Tensor:
        """Repeat a tensor of rows once for each particle."""
        return rows

    def __call__(
        self, name: str, prior: D.Distribution, posterior: D.Distribution | None = None
    ) -> Tensor:
        """A value of the latent, by this rule."""
        if name in self.values:
            return self.values[name]
        return prior.sample() if prior.batch_shape else prior.sample(torch.Size([self.rows]))


def decoding(latents: Mapping[str, int], code: Tensor) -> Generator:
    """The rule that decodes codes in which these latents lie side by side, (rows, dim)."""
    values = code.split(list(latents.values()), -1)
    return Generator(len(code), dict(zip(latents, values, strict=True)))


def _latent(
    p: D.Distribution, q: D.Distribution, z: Tensor, log_q: Tensor, shape: torch.Size
) -> Latent:
    z, log_q = z.reshape(*shape, *q.event_shape), log_q.reshape(shape)
    log_p = density(p, z, shape)
    kl = exact_kl(q, p)
    if kl is None:
        has_path = z.requires_grad and weighs_any_value(q)
        kl = (without_score(q, z, log_q) if has_path else log_q) - log_p
    else:
        kl = _fold(kl, shape)
    return Latent(z, p, q, log_p, log_q, kl, torch.zeros_like(log_p))


def without_score(q: D.Distribution, z: Tensor, log_q: Tensor) -> Tensor:
    """log q(z), (K, B), whose gradient flows through z alone: that by q's own parameters, the
    score, is zero on average, and noise where q is near p (Roeder et al. 2017)."""
    score = density(q, z.detach(), log_q.shape)
    return log_q - score + score.detach()


def _missing(q: D.Distribution, shape: torch.Size) -> torch.Size:
    """The sample shape that, with q's own batch, gives K * B rows."""
    return (
        shape[: len(shape) - len(q.batch_shape)] if q.batch_shape != (shape.numel(),) else shape[:0]
    )


def density(p: D.Distribution, z: Tensor, shape: torch.Size) -> Tensor:
    """log p(z) of (K, B, *event) values, (K, B), for a p with batch (), (B,) or (K * B,)."""
    if p.batch_shape == (shape.numel(),):
        return p.log_prob(z.flatten(0, 1)).reshape(shape)
    return p.log_prob(z)


def _fold(values: Tensor, shape: torch.Size) -> Tensor:
    """(), (B,) or (K * B,) to (K, B)."""
    return values.reshape(shape) if values.numel() == shape.numel() else values.expand(shape)
