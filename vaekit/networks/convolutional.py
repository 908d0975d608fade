"""Convolutional networks for images of any size (odd sizes too) and any number of channels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from vaekit.networks.fast import ConvTranspose2d, Linear
from vaekit.networks.layers import Shape, activation, halvings, to_shape, to_vector
from vaekit.networks.narrow import Conv2d


def conv_encoder(
    image: Shape,
    outputs: Shape,
    channels: Sequence[int] = (32, 64),
    hidden: int = 256,
    act: str = "relu",
) -> nn.Sequential:
    """(rows, C, H, W) to (rows, *outputs): each stage halves the image, then two dense layers.

    Args:
        image: (C, H, W).
        outputs: shape of one row of the output.
        channels: width of each stage; the image is halved once per stage.
        hidden: width of the dense layer before the output.
        act: activation by name.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise((image[0], *channels)):
        layers += [Conv2d(before, after, 3, stride=2, padding=1), activation(act)]
    smallest = halvings(image[1:], len(channels))[-1]
    layers += [*to_vector((channels[-1], *smallest), hidden), activation(act)]
    return nn.Sequential(*layers, *to_shape(hidden, outputs))


def conv_decoder(
    latent: int,
    raw: Shape,
    channels: Sequence[int] = (32, 64),
    hidden: int = 256,
    act: str = "relu",
) -> nn.Sequential:
    """(rows, latent) to (rows, *raw): the mirror of :func:`conv_encoder`, its sizes included."""
    sizes = halvings(raw[1:], len(channels))[::-1]
    widths = [*channels[::-1], channels[0]]
    layers: list[nn.Module] = [Linear(latent, hidden), activation(act)]
    layers += [*to_shape(hidden, (widths[0], *sizes[0])), activation(act)]
    for width, size in zip(pairwise(widths), pairwise(sizes), strict=True):
        layers += [double(*width, *size), activation(act)]
    return nn.Sequential(*layers, nn.Conv2d(channels[0], raw[0], 3, padding=1))


def double(before: int, after: int, small: Shape, large: Shape) -> ConvTranspose2d:
    """A transposed convolution from images of ``small`` to images of ``large`` size exactly."""
    extra = (large[0] - 2 * small[0] + 1, large[1] - 2 * small[1] + 1)
    return ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=extra)
