"""Distributions of draws that may be rejected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

NEARLY_ALL = -1e-6  # the most that the log of the accepted share is taken to be


class Resampled(D.Distribution):
    r"""Draws of a proposal pi, each accepted with a chance a(z), else drawn again; the last of T is
    kept as it is (Bauer & Mnih 2019).

    .. math:: p(z) = \pi(z) \left( (1 - \alpha) \frac{a(z)}{Z} + \alpha \right), \qquad
        Z = E_\pi[a(z)], \quad \alpha = (1 - Z)^{T - 1}

    Args:
        proposal: pi, without a batch.
        log_accept: log a of rows.
        log_share: log Z.
        tries: T.
    """

    arg_constraints: dict[str, Any] = {}
    support = D.constraints.real_vector

    def __init__(
        self,
        proposal: D.Distribution,
        log_accept: Callable[[Tensor], Tensor],
        log_share: Tensor,
        tries: int,
    ) -> None:
        self.proposal, self.log_accept, self.tries = proposal, log_accept, tries
        self.log_share = log_share.clamp_max(NEARLY_ALL)
        super().__init__(event_shape=proposal.event_shape, validate_args=False)

    @torch.no_grad()
    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draws."""
        size = torch.Size(sample_shape)
        z = self.proposal.sample(torch.Size([size.numel()]))
        still = torch.arange(len(z), device=z.device)
        for _ in range(self.tries - 1):
            chance = self.log_accept(z[still]).exp()
            still = still[torch.rand_like(chance) >= chance]
            if not len(still):
                break
            z[still] = self.proposal.sample(torch.Size([len(still)]))
        return z.reshape(*size, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per row."""
        log_left = (self.tries - 1) * torch.log1p(-self.log_share.exp())
        accepted = torch.log(-torch.expm1(log_left)) + self.log_accept(value) - self.log_share
        return self.proposal.log_prob(value) + torch.logaddexp(accepted, log_left)
