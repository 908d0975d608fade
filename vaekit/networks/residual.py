"""Residual networks with group normalisation, for images of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

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
    layers: list[nn.Module] = [nn.Conv2d(image[0], channels[0], 3, padding=1)]
    for before, after in pairwise((channels[0], *channels)):
        layers += [Conv2d(before, after, 3, stride=2, padding=1)]
        layers += [Residual(after) for _ in range(blocks)]
    smallest = halvings(image[1:], len(channels))[-1]
    layers += [norm(channels[-1]), nn.SiLU()]
    layers += to_vector((channels[-1], *smallest), math.prod(outputs))
    return nn.Sequential(*layers, nn.Unflatten(1, outputs))


def residual_decoder(
    latent: int, raw: Shape, channels: Sequence[int] = (32, 64, 64), blocks: int = 1
) -> nn.Sequential:
    """(rows, latent) to (rows, *raw): the mirror of :func:`residual_encoder`."""
    sizes = halvings(raw[1:], len(channels))[::-1]
    widths = [*channels[::-1], channels[0]]
    layers: list[nn.Module] = to_shape(latent, (widths[0], *sizes[0]))
    for (before, after), size in zip(pairwise(widths), sizes[1:], strict=True):
        layers += [Residual(before) for _ in range(blocks)]
        layers += [nn.Upsample(size=size), nn.Conv2d(before, after, 3, padding=1)]
    layers += [norm(channels[0]), nn.SiLU(), nn.Conv2d(channels[0], raw[0], 3, padding=1)]
    return nn.Sequential(*layers)


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
