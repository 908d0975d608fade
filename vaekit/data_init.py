"""Data-dependent initialisation: parts that look at training rows once, before training."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn


class DataInit(nn.Module, ABC):
    """A module whose buffers or first weights describe the data; they are saved with the model."""

    @abstractmethod
    def init_from(self, x: Tensor) -> None:
        """Set them from x of training rows, (rows, *event)."""


@torch.no_grad()
def data_init(model: nn.Module, x: Tensor) -> None:
    """Let every :class:`DataInit` inside ``model`` initialise itself from x of training rows."""
    for part in model.modules():
        if isinstance(part, DataInit):
            part.init_from(x)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each number of a vector or each channel of an image, over
    the rows; each has the shape of one row. The deviation is 1 where nothing ever changes."""
    over = (0, *range(2, x.dim()))
    mean, deviation = x.mean(over, keepdim=True), x.std(over, correction=0, keepdim=True)
    deviation = torch.where(deviation > 1e-8, deviation, 1.0)
    return mean[0].expand(x.shape[1:]), deviation[0].expand(x.shape[1:])
