"""Critics: penalties with weights of their own, which train beside the model against it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from vaekit.models.trace import Trace
from vaekit.networks import dense
from vaekit.objectives.discrepancies import drawn_from_prior, side_by_side


class Critic(nn.Module, ABC):
    """A penalty that owns weights.

    Its own loss is minimised in the same backward pass, by a group of the optimiser with a
    learning rate and a clipping of its own. Validation and early stopping look at neither the
    penalty, which says another thing as the critic learns, nor its own loss. The value must give
    the critic's weights no gradient, nor the own loss the model's.

    Args:
        lr: its highest learning rate; it follows the schedule of the model's.
        clip: largest norm of its gradient; 0 for no limit.
    """

    def __init__(self, lr: float = 1e-4, clip: float = 0.0) -> None:
        super().__init__()
        self.lr, self.clip = lr, clip

    @abstractmethod
    def forward(self, t: Trace) -> tuple[Tensor, Tensor]:
        """The penalty in nats per row, and the critic's own loss."""


class CodeCritic(Critic):
    r"""A classifier that learns to tell the codes z of a batch from other ones, y:

    .. math:: \text{own} = \tfrac12 E[-\log D(z)] + \tfrac12 E[-\log (1 - D(y))]
        + \tfrac12 \text{steep}\, E|\nabla_y l(y)|^2, \qquad D = \sigma(l)

    where it cannot be better l is the log ratio of the densities of z and y. What it pays for its
    slope keeps it from growing too sure to learn from (R1: Mescheder et al. 2018).

    Args:
        dim: numbers of a code.
        width: of its three hidden layers.
        lr: see :class:`Critic`.
        clip: see :class:`Critic`.
        steep: of what it pays for its slope.
    """

    def __init__(
        self, dim: int, width: int = 256, lr: float = 1e-3, clip: float = 0.0, steep: float = 0.0
    ) -> None:
        super().__init__(lr, clip)
        self.net, self.steep = dense((dim,), (1,), [width] * 3, "silu"), steep

    @abstractmethod
    def others(self, t: Trace, z: Tensor) -> Tensor:
        """What codes are told from, (B, dim)."""

    @abstractmethod
    def value(self, log_ratio: Tensor) -> Tensor:
        """The penalty, from the log ratio of each code, (B, 1)."""

    def forward(self, t: Trace) -> tuple[Tensor, Tensor]:
        """The penalty in nats per row, and the critic's own loss."""
        z = side_by_side(t)
        still = z.detach()
        others = self.others(t, still)
        own = F.softplus(-self.net(still)).mean() + F.softplus(self.net(others)).mean()
        own = own + self.steep * squared_slope(self.net, others) if self.steep else own
        return self.value(by_constants(self.net, z)), own / 2


class TotalCorrelation(CodeCritic):
    """The codes' total correlation, KL(q(z) || prod_i q(z_i)), as the mean log ratio of codes and
    of codes whose numbers were shuffled among the batch's rows, each dimension by itself
    (Kim & Mnih 2018)."""

    def others(self, t: Trace, z: Tensor) -> Tensor:
        """The same numbers in other company."""
        return z.gather(0, torch.rand_like(z).argsort(0))

    def value(self, log_ratio: Tensor) -> Tensor:
        """Its mean."""
        return log_ratio.mean()


class Adversary(CodeCritic):
    """Codes that it cannot tell from draws of the prior are those wanted: the penalty is minus the
    log of the chance that it takes a code for a draw, log 2 at best (Makhzani et al. 2016)."""

    def others(self, t: Trace, z: Tensor) -> Tensor:
        """Draws of the prior."""
        return drawn_from_prior(t)

    def value(self, log_ratio: Tensor) -> Tensor:
        """- log (1 - D(z)), on average."""
        return F.softplus(log_ratio).mean()


def by_constants(net: nn.Module, *inputs: Tensor) -> Tensor:
    """What a network gives where its weights are constants: gradients reach the inputs alone."""
    weights = {name: p.detach() for name, p in net.named_parameters()}
    found: Tensor = functional_call(net, weights, inputs)
    return found


def squared_slope(net: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The mean squared length of the derivatives by x, (rows, *shape), of what a network says of
    each row; its gradient reaches the network's weights alone."""
    learns = torch.is_grad_enabled()
    with torch.enable_grad():
        still = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(net(still).sum(), still, create_graph=learns)
    return slope.flatten(1).square().sum(1).mean()
