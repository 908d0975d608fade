"""Critics: penalties with weights of their own, which train beside the model against it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from vaekit.models.trace import Trace


class Critic(nn.Module, ABC):
    """A penalty that owns weights.

    Its own loss is minimised in the same backward pass, by a group of the optimiser with a
    learning rate and a clipping of its own; validation and early stopping do not look at it. The
    value must give the critic's weights no gradient, nor the own loss the model's.

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
