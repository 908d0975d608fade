"""Parts that look at the training data once, before training: means, spreads, first guesses."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class Adapting(nn.Module, ABC):
    """A module with buffers that describe the data; they are saved with the weights."""

    @abstractmethod
    def adapt(self, x: Tensor) -> None:
        """Set the buffers from rows of training data, shape (rows, *event)."""


@torch.no_grad()
def adapt(model: nn.Module, x: Tensor) -> None:
    """Show rows of training data to every part of ``model`` that wants to see them."""
    for part in model.modules():
        if isinstance(part, Adapting):
            part.adapt(x)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each number of a vector or each channel of an image, over
    the rows; each has the shape of one row. The deviation is 1 where nothing ever changes."""
    over = (0, *range(2, x.dim()))
    mean, deviation = x.mean(over, keepdim=True), x.std(over, correction=0, keepdim=True)
    deviation = torch.where(deviation > 1e-8, deviation, 1.0)
    return mean[0].expand(x.shape[1:]), deviation[0].expand(x.shape[1:])
