"""The networks of a ladder of latents: features of x, posteriors, merged states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaekit.networks.fast import Linear
from vaekit.networks.join import Join
from vaekit.networks.layers import Shape, halvings, to_shape, to_vector
from vaekit.networks.narrow import Conv2d
from vaekit.networks.residual import Residual, norm


class Merge(nn.Module):
    """The state below a latent: ``net`` of the latent, in a given shape, beside the state above.

    Args:
        net: from the latent and the state above, concatenated, to the state below.
        shape: of one row of the latent as ``net`` takes it.
    """

    def __init__(self, net: nn.Module, shape: Shape) -> None:
        super().__init__()
        self.net, self.shape = net, shape

    def forward(self, z: Tensor, *above: Tensor) -> Tensor:
        """The state below, from the latent and the state above."""
        return self.net(torch.cat([z.unflatten(1, self.shape), *above], 1))


class LatentNetworks(NamedTuple):
    """The networks of one latent: its size, then posterior and merge."""

    size: int
    posterior: nn.Module
    merge: nn.Module


class LadderNetworks(NamedTuple):
    """All networks of a ladder: features of x from fine to coarse, latents from coarse to fine,
    and the raw numbers of the likelihood from the last state."""

    stages: list[nn.Module]
    steps: list[LatentNetworks]
    last: nn.Module


def dense_ladder(
    shape: Shape, raw: Shape, sizes: Sequence[int], width: int = 400, scales: int = 2
) -> LadderNetworks:
    """Vectors: one hidden layer between each latent and the next.

    Args:
        shape: of one row of x.
        raw: shape of the raw numbers of the likelihood.
        sizes: numbers of each latent, the top one first.
        width: of the hidden layers.
        scales: raw numbers of a posterior for each number of its latent.
    """
    stages = [
        nn.Sequential(nn.Flatten(), Linear(before, width), nn.SiLU())
        for before in (math.prod(shape), *[width] * (len(sizes) - 1))
    ]
    steps = []
    for number, size in enumerate(sizes):
        above = width if number else 0
        posterior = Join(Linear(width + above, scales * size))
        merge = nn.Sequential(Linear(size + above, width), nn.SiLU())
        steps.append(LatentNetworks(size, posterior, Merge(merge, (size,))))
    return LadderNetworks([*stages], steps, nn.Sequential(*to_shape(width, raw)))


def residual_ladder(
    image: Shape,
    raw: Shape,
    latent: int,
    planes: int = 2,
    channels: Sequence[int] = (32, 64),
    scales: int = 2,
) -> LadderNetworks:
    """Images: a vector at the top, then ``planes`` planes of latents at every size of the image
    but the full one, smallest first.

    Args:
        image: (C, H, W).
        raw: shape of the raw numbers of the likelihood.
        latent: numbers of the top latent.
        planes: of latents at each size.
        channels: of each size, the image halved once for each.
        scales: raw numbers of a posterior for each number of its latent.
    """
    places = halvings(image[1:], len(channels))[1:]
    ends = [(width, *place) for width, place in zip(channels, places, strict=True)]
    stages = [_stage(*pair) for pair in pairwise((image[0], *channels))]
    stages += [nn.Sequential(norm(channels[-1]), nn.SiLU())]
    steps = [_top(ends[-1], latent, scales)]
    for number in reversed(range(len(channels))):
        after = ends[max(number - 1, 0)]
        steps.append(_middle(ends[number], planes, scales, after if number else None))
    return LadderNetworks(stages, steps, _to_pixels(ends[0], raw))


def _stage(before: int, after: int) -> nn.Module:
    """Half the size, refined."""
    return nn.Sequential(Conv2d(before, after, 3, stride=2, padding=1), Residual(after))


def _top(at: Shape, latent: int, scales: int) -> LatentNetworks:
    posterior = nn.Sequential(*to_vector(at, scales * latent))
    merge = nn.Sequential(*to_shape(latent, at), Residual(at[0]))
    return LatentNetworks(latent, Join(posterior), Merge(merge, (latent,)))


def _middle(at: Shape, planes: int, scales: int, after: Shape | None) -> LatentNetworks:
    """Latents at the size of ``at``; the state goes on at that of ``after``, if any."""
    width, *place = at
    posterior = [nn.Conv2d(2 * width, width, 1), Residual(width), norm(width), nn.SiLU()]
    posterior += [nn.Conv2d(width, scales * planes, 3, padding=1), nn.Flatten()]
    merge: list[nn.Module] = [nn.Conv2d(planes + width, width, 1), Residual(width)]
    if after:
        merge += [nn.Upsample(size=after[1:]), nn.Conv2d(width, after[0], 3, padding=1)]
    shape = (planes, *place)
    return LatentNetworks(
        math.prod(shape), Join(nn.Sequential(*posterior)), Merge(nn.Sequential(*merge), shape)
    )


def _to_pixels(at: Shape, raw: Shape) -> nn.Module:
    """The raw numbers of the likelihood, at full size."""
    width = max(at[0] // 2, 8)
    return nn.Sequential(
        nn.Upsample(size=raw[1:]),
        nn.Conv2d(at[0], width, 3, padding=1),
        Residual(width),
        norm(width),
        nn.SiLU(),
        nn.Conv2d(width, raw[0], 3, padding=1),
    )
