"""Input layers that rescale data for networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vaekit.data_init import DataInit, moments
from vaekit.networks.noise import drawn


class Rescale(nn.Module):
    """Levels 0 .. levels - 1 to numbers in [-1, 1]."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.middle = (levels - 1) / 2

    def forward(self, x: Tensor) -> Tensor:
        """2 x / (levels - 1) - 1."""
        return x / self.middle - 1


class Hats(nn.Module):
    """Levels to one-hot vectors; what lies between two levels has a share of both.

    Args:
        levels: how many there are.
    """

    level: Tensor

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.register_buffer("level", torch.arange(float(levels)), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, *event) to (rows, levels * N), the numbers of one level side by side."""
        apart = x.flatten(1)[:, None] - self.level[:, None]
        return torch.relu(1 - apart.abs()).flatten(1)


class Jitter(nn.Module):
    """Normal noise on its input, in training alone: a network that never sees the same row twice
    does not learn rows by heart (Shu et al. 2018).

    Args:
        deviation: of the noise, in the units of the input.
    """

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def forward(self, x: Tensor) -> Tensor:
        """x; in training, x plus noise."""
        if not self.training:
            return x
        return x + self.deviation * drawn(self, lambda: torch.randn_like(x))


class Filled(nn.Module):
    """0 where its input is missing, NaN."""

    def forward(self, x: Tensor) -> Tensor:
        """x, or 0."""
        return x.nan_to_num(0.0)


class SeenGaps(nn.Module):
    """``net`` of rows and of which of their numbers are there, beside what is given.

    Args:
        net: of x, of ones where a number is there and zeros elsewhere, and of what is given.
        flat: whether these are to be a vector, whatever the shape of x.
    """

    def __init__(self, net: nn.Module, *, flat: bool) -> None:
        super().__init__()
        self.net, self.flat = net, flat

    def forward(self, x: Tensor, *given: Tensor) -> Tensor:
        """``net(x, there, *given)``."""
        there = (~x.isnan()).to(x.dtype)
        return self.net(x, there.flatten(1) if self.flat else there, *given)


class Summed(nn.Module):
    """Codes whose places are sums of several vectors that lie side by side: the sums (Lee et al.
    2022).

    Args:
        stages: how many vectors make a sum.
        size: numbers of each.
    """

    def __init__(self, stages: int, size: int) -> None:
        super().__init__()
        self.stages, self.size = stages, size

    def forward(self, z: Tensor) -> Tensor:
        """(rows, places * stages * size) to (rows, places * size)."""
        return z.unflatten(-1, (-1, self.stages, self.size)).sum(-2).flatten(-2)


class UnitLength(nn.Module):
    """Vectors brought to length one: of a code that lies beside the sphere, the direction."""

    def forward(self, z: Tensor) -> Tensor:
        """z over its length."""
        return z / z.square().sum(-1, keepdim=True).clamp_min(1e-24).sqrt()


class MeanLogits(DataInit):
    """Adds learned logits, one per number, that start at those of the training data's mean, so
    that a fresh decoder of values in [0, 1] already gives the mean (Burda et al. 2016).

    Args:
        shape: of what is added to.
        from_mean: whether the data is in [0, 1] and what is added to are its logits; else they
            start at 0.
    """

    def __init__(self, shape: tuple[int, ...], *, from_mean: bool = True) -> None:
        super().__init__()
        self.from_mean = from_mean
        self.logits = nn.Parameter(torch.zeros(shape))

    def init_from(self, x: Tensor) -> None:
        """Set the logits to those of the data's mean."""
        if self.from_mean:
            self.logits.copy_(torch.logit(x.mean(0).clamp(1e-3, 1 - 1e-3)))

    def forward(self, x: Tensor) -> Tensor:
        """x plus the learned logits."""
        return x + self.logits


class Log1p(nn.Module):
    """log(1 + x) of counts: rare ones stay small."""

    def forward(self, x: Tensor) -> Tensor:
        """log(1 + x)."""
        return torch.log1p(x)


class Standardize(DataInit):
    """Subtract the mean over the training data and divide by the spread, for each number of a
    vector or each channel of an image.

    Args:
        shape: of one row.
        log: take log(1 + x) first, for counts.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, ...], *, log: bool = False) -> None:
        super().__init__()
        self.log = log
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("spread", torch.ones(shape))

    def init_from(self, x: Tensor) -> None:
        """Set mean and spread."""
        mean, spread = moments(self._scale(x))
        self.mean.copy_(mean)
        self.spread.copy_(spread)

    def forward(self, x: Tensor) -> Tensor:
        """(x - mean) / spread, of log(1 + x) for counts."""
        return (self._scale(x) - self.mean) / self.spread

    def _scale(self, x: Tensor) -> Tensor:
        return torch.log1p(x) if self.log else x
