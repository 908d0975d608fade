"""Distributions whose density is known from below alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.carried import in_pieces
from vaekit.distributions.draws import no_way, own_draws
from vaekit.system.seeding import seeded

AT_ONCE = 2**17

Given = Callable[[Tensor], D.Distribution]


class Marginal(D.Distribution):
    r"""p(z), where a hidden u is drawn first: p(z) = ∫ p(u) p(z | u) du. Its integral is not known;
    ``log_prob`` is the logarithm of an estimate of it that is right on average,

    .. math:: \log \tfrac1S \sum_s \frac{p(u_s)\, p(z \mid u_s)}{q(u_s \mid z)}, \qquad
        u_s \sim q(u \mid z)

    so that it is at most log p(z) on average, and nears it as S grows (Burda et al. 2016). The
    errors of different z are almost independent, so that "on average" holds for a mean over rows.

    Args:
        base: p(u), without a batch.
        likelihood: p(z | u) for rows of u.
        posterior: q(u | z) for rows of z.
        samples: S.
        fixed: whether the noise is a function of z, always the same, so that a row has one value;
            else it is fresh.
    """

    arg_constraints: dict[str, Any] = {}
    support = D.constraints.real_vector

    def __init__(
        self,
        base: D.Distribution,
        likelihood: Given,
        posterior: Given,
        samples: int,
        *,
        fixed: bool = True,
    ) -> None:
        self.base, self.likelihood, self.posterior = base, likelihood, posterior
        self.samples, self.fixed = samples, fixed
        super().__init__(event_shape=base.event_shape, validate_args=False)

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        u = self.base.sample(torch.Size(sample_shape))
        return in_pieces(lambda u: self.likelihood(u).sample(), u)

    def log_prob(self, value: Tensor) -> Tensor:
        """A lower bound on log p(value) on average, in nats, one per row."""
        return in_pieces(self._bound, value, max(AT_ONCE // self.samples, 1))

    def _bound(self, z: Tensor) -> Tensor:
        q = self.posterior(z)
        u = self._draws(q, z)
        p = self.likelihood(u.flatten(0, 1))
        log_p = p.log_prob(z.repeat(self.samples, 1)).reshape(self.samples, len(z))
        log_weights = self.base.log_prob(u) + log_p - q.log_prob(u)
        return log_weights.logsumexp(0) - math.log(self.samples)

    def _draws(self, q: D.Distribution, z: Tensor) -> Tensor:
        """Of u, (samples, rows, dim)."""
        if not self.fixed:
            return q.rsample(torch.Size([self.samples]))
        with seeded("marginal"):
            return own_draws(q, self.samples, z)


@no_way.register
def _(p: Marginal) -> str:
    return "log p(z) of this model's prior is known from below alone"
