"""Residual networks with group normalisation, for images of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from vaekit.networks.join import broadcast_over_pixels
from vaekit.networks.layers import Shape, halvings, to_shape, to_vector
from vaekit.networks.narrow import Conv2d


class Residual(nn.Module):
    """x + f(x), where f is twice: group norm, SiLU, 3 x 3 convolution (He et al. 2016).

    The last convolution starts at zero, so that a fresh block changes nothing.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.block = nn.Sequential(*conv_stage(width), *conv_stage(width))
        for parameter in self.block[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """x plus what its branch makes of it."""
        return x + self.block(x)


def residual_encoder(
    image: Shape, outputs: Shape, channels: Sequence[int] = (32, 64, 64), blocks: int = 1
) -> nn.Sequential:
    """(rows, C, H, W) to (rows, *outputs); each stage halves the image and refines it."""
    smallest = halvings(image[1:], len(channels))[-1]
    layers = stages_down(image[0], channels, blocks)
    layers += to_vector((channels[-1], *smallest), math.prod(outputs))
    return nn.Sequential(*layers, nn.Unflatten(1, outputs))


def residual_decoder(
    latent: int, raw: Shape, channels: Sequence[int] = (32, 64, 64), blocks: int = 1
) -> nn.Sequential:
    """(rows, latent) to (rows, *raw): the mirror of :func:`residual_encoder`."""
    smallest = halvings(raw[1:], len(channels))[-1]
    layers = to_shape(latent, (channels[-1], *smallest))
    return nn.Sequential(*layers, *stages_up(raw, channels, blocks))


def map_encoder(
    image: Shape, each: int, channels: Sequence[int] = (32, 64), blocks: int = 1
) -> nn.Sequential:
    """(rows, C, H, W) to (rows, h * w * each), the numbers of each place of a map side by side: as
    :func:`residual_encoder`, but that what is told at a place comes from around it."""
    layers = stages_down(image[0], channels, blocks)
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], each, 1), FromPlanes())


def map_decoder(
    each: int, beside: int, raw: Shape, channels: Sequence[int] = (32, 64), blocks: int = 1
) -> nn.Sequential:
    """(rows, h * w * each + beside) to (rows, *raw): the mirror of :func:`map_encoder`; the numbers
    beside a code are the same at all places."""
    smallest = halvings(raw[1:], len(channels))[-1]
    first = nn.Conv2d(each + beside, channels[-1], 3, padding=1)
    return nn.Sequential(ToPlanes(each, smallest), first, *stages_up(raw, channels, blocks))


class FromPlanes(nn.Module):
    """Images as vectors, the channels of each pixel side by side."""

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W) to (rows, H * W * C)."""
        return x.movedim(1, -1).flatten(1)


class ToPlanes(nn.Module):
    """The other way round; what follows in the vectors becomes channels that are the same
    everywhere.

    Args:
        each: channels of a pixel.
        size: of the image, (H, W).
    """

    def __init__(self, each: int, size: Shape) -> None:
        super().__init__()
        self.each, self.size = each, size

    def forward(self, z: Tensor) -> Tensor:
        """(rows, H * W * each + more) to (rows, each + more, H, W)."""
        count = math.prod(self.size) * self.each
        planes = z[:, :count].unflatten(1, (*self.size, self.each)).movedim(-1, 1)
        return torch.cat(broadcast_over_pixels((planes, z[:, count:])), 1)


def stages_down(image: int, channels: Sequence[int], blocks: int) -> list[nn.Module]:
    """(rows, image, H, W) to (rows, channels[-1], h, w): each stage halves and refines."""
    layers: list[nn.Module] = [nn.Conv2d(image, channels[0], 3, padding=1)]
    for before, after in pairwise((channels[0], *channels)):
        layers += [Conv2d(before, after, 3, stride=2, padding=1)]
        layers += [Residual(after) for _ in range(blocks)]
    return [*layers, norm(channels[-1]), nn.SiLU()]


def stages_up(raw: Shape, channels: Sequence[int], blocks: int) -> list[nn.Module]:
    """(rows, channels[-1], h, w) to (rows, *raw): each stage refines and doubles."""
    sizes = halvings(raw[1:], len(channels))[::-1]
    widths = [*channels[::-1], channels[0]]
    layers: list[nn.Module] = []
    for (before, after), size in zip(pairwise(widths), sizes[1:], strict=True):
        layers += [Residual(before) for _ in range(blocks)]
        layers += [nn.Upsample(size=size), nn.Conv2d(before, after, 3, padding=1)]
    last = nn.Conv2d(channels[0], raw[0], 3, padding=1)
    return [*layers, norm(channels[0]), nn.SiLU(), last]


class ChannelsFirst(nn.GroupNorm):
    """Group normalisation that first lays its input out channel after channel, because torch's
    kernels for channels-last images are many times slower on processors."""

    def forward(self, x: Tensor) -> Tensor:
        """Group normalisation of (rows, C, H, W)."""
        if x.device.type != "cpu":
            return super().forward(x)
        return super().forward(x.contiguous()).contiguous(memory_format=torch.channels_last)


def norm(width: int) -> nn.GroupNorm:
    """Group normalisation with up to eight groups."""
    return ChannelsFirst(math.gcd(8, width), width)


def conv_stage(width: int) -> list[nn.Module]:
    """Group norm, SiLU, 3 x 3 convolution."""
    return [norm(width), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1)]
