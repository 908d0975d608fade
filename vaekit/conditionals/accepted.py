"""A prior of draws that a network accepts or rejects."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit.conditionals.base import Prior
from vaekit.distributions.resampled import Resampled
from vaekit.networks import dense
from vaekit.networks.noise import drawn
from vaekit.system.seeding import seeded

TRIES, QUIET = 100, 0.01
WHILE_TRAINING, AFTERWARDS = 2**10, 2**14  # draws by which the share that is accepted is estimated


class Accepted(Prior):
    r"""Draws of another prior that a network a(z) accepts, or rejects and draws again: learned
    accept/reject sampling (Bauer & Mnih 2019).

    .. math:: p(z) = \pi(z) \left( (1 - \alpha) \frac{a(z)}{Z} + \alpha \right), \qquad
        Z = E_\pi[a(z)], \quad \alpha = (1 - Z)^{T - 1}

    Z is the mean of a over 16,384 draws of the proposal, always the same ones; in training over
    1,024 fresh ones. So where a share Z is accepted log p(z) is off by about
    :math:`\sqrt{(1 - Z) / (16384\, Z)}` nats at most (one standard deviation), for all codes alike:
    0.02 where a tenth is. It begins with a near 1/2 everywhere: as its proposal.

    Args:
        proposal: pi.
        width: of the two hidden layers of a.
        tries: T, after which a draw is kept as it is.
    """

    called = "lars"

    def __init__(self, proposal: Prior, width: int = 100, tries: int = TRIES) -> None:
        super().__init__(*proposal.event_shape)
        self.proposal, self.tries = proposal, tries
        self.net = dense(proposal.event_shape, (1,), [width] * 2, "tanh")
        _quiet(self.net)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        proposal = self.proposal()
        return Resampled(proposal, self.log_accept, self._log_share(proposal), self.tries)

    def log_accept(self, z: Tensor) -> Tensor:
        """log a(z), (..., dim) to (...)."""
        return F.logsigmoid(self.net(z.reshape(-1, z.shape[-1]))).reshape(z.shape[:-1])

    def _log_share(self, proposal: D.Distribution) -> Tensor:
        """log Z."""
        if self.training:
            z = drawn(self, lambda: proposal.sample(torch.Size([WHILE_TRAINING])))
        else:
            with seeded("accepted"):
                z = proposal.sample(torch.Size([AFTERWARDS]))
        return self.log_accept(z).logsumexp(0) - math.log(len(z))


@torch.no_grad()
def _quiet(net: nn.Module) -> None:
    """Let a network begin with nearly 0 for all it is shown."""
    *_, last = (layer for layer in net.modules() if isinstance(layer, nn.Linear))
    last.weight.mul_(QUIET)
    last.bias.zero_()
