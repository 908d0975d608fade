"""Data-dependent initialisation: parts that look at training rows once, before training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

ROUNDING = 1e-12  # of float64 sums, with room; float32 numbers that differ differ by more


class DataInit(nn.Module, ABC):
    """A module whose buffers or first weights describe the data; they are saved with the model."""

    @abstractmethod
    def init_from(self, x: Tensor) -> None:
        """Set them from x of training rows, (rows, *event)."""


class SeesSome(nn.Module):
    """A module of which all that is inside sees some numbers of a row alone.

    Args:
        places: of these in the flattened row.
        shape: that they have.
    """

    places: Tensor

    def __init__(self, places: Sequence[int], shape: tuple[int, ...]) -> None:
        super().__init__()
        self.numbers, self.shape = tuple(places), shape
        self.register_buffer("places", torch.tensor(self.numbers), persistent=False)

    def own(self, x: Tensor) -> Tensor:
        """These numbers of rows, (rows, *shape)."""
        return x.flatten(1)[:, self.places].unflatten(1, self.shape)


@torch.no_grad()
def data_init(model: nn.Module, x: Tensor) -> None:
    """Let every :class:`DataInit` inside ``model`` initialise itself from x of training rows, or
    from the part of them that it sees."""
    _init(model, x, set())


def _init(module: nn.Module, x: Tensor, met: set[nn.Module]) -> None:
    met.add(module)
    if isinstance(module, DataInit):
        module.init_from(x)
    x = module.own(x) if isinstance(module, SeesSome) else x
    for child in module.children():
        if child not in met:
            _init(child, x, met)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each number of a vector or each channel of an image, over
    the rows; each has the shape of one row. They are summed up in float64, over what is there.

    Where nothing ever changes the deviation is the geometric mean of the others, so that it
    counts in the same units; 1 if nothing changes anywhere.
    """
    over = (0, *range(2, x.dim()))
    whole = x.double()
    if bool(whole.isnan().any()):
        mean = whole.nanmean(over, keepdim=True).nan_to_num(0.0)
        deviation = (whole - mean).square().nanmean(over, keepdim=True).nan_to_num(0.0).sqrt()
        whole = whole.nan_to_num(0.0)
    else:
        mean = whole.mean(over, keepdim=True)
        deviation = whole.std(over, correction=0, keepdim=True)
    changes = deviation > ROUNDING * whole.abs().amax(over, keepdim=True)
    usual = deviation[changes].log().mean().exp() if changes.any() else deviation.new_ones(())
    deviation = torch.where(changes, deviation, usual)
    shape = x.shape[1:]
    return mean[0].to(x.dtype).expand(shape), deviation[0].to(x.dtype).expand(shape)
