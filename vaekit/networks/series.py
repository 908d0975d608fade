"""Networks of series: convolutions over time, and decoders in parts that can be told apart: trend,
seasons, and the rest (Desai et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from vaekit.data_init import DataInit, moments
from vaekit.networks.fast import Linear
from vaekit.networks.layers import Shape, depth_for, halvings
from vaekit.networks.narrow import Conv1d, ConvTranspose1d


@dataclass(frozen=True)
class SeriesShape:
    """How a series lies in a flat row.

    Args:
        times: how many.
        features: at each time.
        first: whether a row is (features, times), not (times, features).
    """

    times: int
    features: int
    first: bool = False

    def channels(self, x: Tensor) -> Tensor:
        """(rows, blocks * times * features) to (rows, blocks * features, times)."""
        if self.first:
            return x.unflatten(1, (-1, self.times))
        each = x.unflatten(1, (-1, self.times, self.features))
        return each.transpose(2, 3).flatten(1, 2)

    def at(self, time: int) -> Tensor:
        """The places of a time in a flat row, (features,)."""
        each = torch.arange(self.features)
        return each * self.times + time if self.first else time * self.features + each

    def rows(self, series: Tensor) -> Tensor:
        """(rows, blocks * features, times) to (rows, blocks * times * features)."""
        each = series.unflatten(1, (-1, self.features))
        return (each if self.first else each.transpose(2, 3)).flatten(1)


@dataclass(frozen=True)
class Season:
    """A season: so many values that repeat, each of which lasts for some times.

    Args:
        values: how many.
        each: times that each of them lasts.
    """

    values: int
    each: int = 1


class SeriesEncoder(nn.Module):
    """Convolutions over time that halve it, then a dense layer, of a series and what stands behind
    it in the row.

    Args:
        series: how it lies in a row.
        inputs: numbers of a row.
        outputs: shape of what a row becomes.
        width: channels of the first convolution; later ones have twice as many.
        depth: how many; 0 until about 4 times are left.
        blocks: numbers that the input layer makes of each of the series.
    """

    def __init__(
        self,
        series: SeriesShape,
        inputs: int,
        outputs: Shape,
        width: int,
        depth: int,
        blocks: int = 1,
    ) -> None:
        super().__init__()
        self.series, self.blocks = series, blocks
        widths = channels(series, width, depth)
        layers: list[nn.Module] = []
        for before, after in pairwise((blocks * series.features, *widths)):
            layers += [Conv1d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        self.over_time = nn.Sequential(*layers, nn.Flatten())
        (left,) = halvings((series.times,), len(widths))[-1]
        behind = inputs - series.times * series.features
        self.last = nn.Sequential(
            Linear(widths[-1] * left + behind, prod(outputs)), nn.Unflatten(1, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(rows, inputs) to (rows, *outputs)."""
        flat = x.flatten(1)
        own = self.blocks * self.series.times * self.series.features
        seen = self.over_time(self.series.channels(flat[:, :own]))
        return self.last(torch.cat([seen, flat[:, own:]], 1))


class SeriesDecoder(nn.Module):
    r"""Raw numbers of a series as a sum of three parts, each from z:

    .. math:: \sum_{p=0}^{P} a_p(z) \, (t / T)^p
        + \sum_j s_{j, \lfloor t / d_j \rfloor \bmod m_j}(z) + g(z)_t

    a trend that is a polynomial of degree P, seasons j of m_j values that last for d_j times each,
    and convolutions.

    Args:
        series: how it lies in a row.
        inputs: numbers of z, and of what is given.
        raw: shape of a row's raw numbers.
        width: as in :class:`SeriesEncoder`.
        depth: likewise.
        trend: P.
        seasons: m_j and d_j.
        rest: whether there are convolutions.
    """

    powers: Tensor

    def __init__(
        self,
        series: SeriesShape,
        inputs: int,
        raw: Shape,
        width: int,
        depth: int,
        trend: int = 2,
        seasons: Sequence[Season] = (),
        *,
        rest: bool = True,
    ) -> None:
        super().__init__()
        self.series, self.raw = series, raw
        lines = prod(raw) // series.times
        time = torch.arange(series.times) / series.times
        powers = torch.stack([time**p for p in range(trend + 1)])
        self.register_buffer("powers", powers, persistent=False)
        hidden = 2 * width
        self.trend = nn.Sequential(
            Linear(inputs, hidden), nn.ReLU(), Linear(hidden, lines * (trend + 1)),
            nn.Unflatten(1, (lines, trend + 1)),
        )  # fmt: skip
        self.seasons = nn.ModuleList(
            nn.Sequential(Linear(inputs, lines * s.values), nn.Unflatten(1, (lines, s.values)))
            for s in seasons
        )
        places = [torch.arange(series.times) // s.each % s.values for s in seasons]
        for number, place in enumerate(places):
            self.register_buffer(f"place{number}", place, persistent=False)
        self.rest = convolutions(series, inputs, lines, width, depth) if rest else None

    def forward(self, z: Tensor) -> Tensor:
        """(rows, inputs) to (rows, *raw)."""
        return self.series.rows(sum(self.parts(z).values(), z.new_zeros(()))).unflatten(1, self.raw)

    def parts(self, z: Tensor) -> dict[str, Tensor]:
        """Trend, seasons by number, and the rest, of raw numbers, (rows, lines, times) each."""
        found = {"trend": self.trend(z) @ self.powers}
        for number, net in enumerate(self.seasons):
            place: Tensor = getattr(self, f"place{number}")
            found[f"season {number + 1}"] = net(z)[:, :, place]
        return found | ({} if self.rest is None else {"rest": self.rest(z)})


class PerFeature(DataInit):
    """Locations in units of each feature's mean and spread over all times, to those of each
    number's own: what a decoder gives is then on one scale at all times.

    Args:
        series: how it lies in a row.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, series: SeriesShape) -> None:
        super().__init__()
        self.series, size = series, series.times * series.features
        self.register_buffer("weight", torch.ones(size))
        self.register_buffer("bias", torch.zeros(size))

    def init_from(self, x: Tensor) -> None:
        """Set both."""
        flat = x.flatten(1)
        mean, spread = moments(flat)
        lines = self.series.channels(flat).transpose(1, 2).flatten(0, 1)
        middle, size = (v[None, :, None].expand(1, -1, self.series.times) for v in moments(lines))
        self.weight.copy_(self.series.rows(size)[0] / spread)
        self.bias.copy_((self.series.rows(middle)[0] - mean) / spread)

    def forward(self, raw: Tensor) -> Tensor:
        """(rows, *raw), the first of which are locations, one for each number."""
        flat, size = raw.flatten(1), len(self.weight)
        put = torch.cat([flat[:, :size] * self.weight + self.bias, flat[:, size:]], 1)
        return put.reshape(raw.shape)


def channels(series: SeriesShape, width: int, depth: int) -> list[int]:
    """Channels of each halving."""
    stages = depth or max(depth_for((series.times,)), 1)
    return [width, *[2 * width] * (stages - 1)]


def convolutions(
    series: SeriesShape, inputs: int, lines: int, width: int, depth: int
) -> nn.Sequential:
    """(rows, inputs) to (rows, lines, times): the mirror of :class:`SeriesEncoder`."""
    widths = channels(series, width, depth)[::-1]
    sizes = [size for (size,) in halvings((series.times,), len(widths))][::-1]
    layers: list[nn.Module] = [
        Linear(inputs, widths[0] * sizes[0]), nn.Unflatten(1, (widths[0], sizes[0])), nn.ReLU(),
    ]  # fmt: skip
    for (before, after), (small, large) in zip(
        pairwise([*widths, widths[-1]]), pairwise(sizes), strict=True
    ):
        extra = large - 2 * small + 1
        grown = ConvTranspose1d(before, after, 3, stride=2, padding=1, output_padding=extra)
        layers += [grown, nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv1d(widths[-1], lines, 3, padding=1))
