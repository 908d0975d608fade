"""Networks whose results are the same bits on every machine.

Each layer has a fixed-point copy that works on fixed-point numbers (whole numbers in float64, see
:mod:`vaekit.codec.fixed_point`). Weights become whole numbers too, as fine as the layer allows:
every partial sum stays below 2**53, so no order of summation, number of threads, batch size or
library can change it. Convolutions are written as matrix products, because fast convolution
algorithms multiply fractions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.codec import fixed_point
from vaekit.codec.by_type import ByType, refused
from vaekit.codec.fixed_point import LIMIT, ONE
from vaekit.conditionals import Mapped
from vaekit.networks import (
    ConditionDropout,
    InputLayerFirst,
    Jitter,
    Join,
    MeanLogits,
    Rescale,
    Standardize,
)
from vaekit.networks.fast import ConvTranspose2d, Linear
from vaekit.networks.join import broadcast_over_pixels
from vaekit.networks.keras import FlippedOnce, SameConv, SameConvTranspose
from vaekit.networks.ladder import Merge
from vaekit.networks.layers import Heads
from vaekit.networks.narrow import Conv2d
from vaekit.networks.residual import ChannelsFirst, Residual
from vaekit.system.checks import BadInput

Layer = Callable[..., Any]
COARSE = 2.0**16


@ByType
def exact(module: Any) -> Layer:
    """The fixed-point copy of a network. A new layer adds one registration.

    Raises:
        BadInput: for a layer that has none.
    """
    raise refused(module, "layer")


def hold(values: Tensor) -> Tensor:
    """To the nearest fixed-point number, held within the limits."""
    return torch.floor(values + 0.5).clamp(-LIMIT, LIMIT)


class Product:
    """A linear map with whole-numbered weights: sums are exact, results fixed-point.

    Args:
        weight: (outputs, inputs).
        bias: (outputs,) or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        weight = weight.detach().double().cpu()
        bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().double().cpu()
        self.shift = _finest(weight, bias)
        self.weight = torch.floor(weight * 2.0**self.shift + 0.5)
        self.bias = torch.floor(bias * 2.0**self.shift * ONE + 0.5)

    def rows(self, a: Tensor) -> Tensor:
        """(rows, inputs) to (rows, outputs); inputs are held within the limits."""
        return self.within(a.clamp(-LIMIT, LIMIT))

    def within(self, a: Tensor) -> Tensor:
        """:meth:`rows` of inputs that are within the limits."""
        return self.scaled(torch.addmm(self.bias, a, self.weight.T))

    def scaled(self, sums: Tensor) -> Tensor:
        """Sums of products, brought back to fixed-point numbers."""
        return hold(sums * 2.0**-self.shift)


def _finest(weight: Tensor, bias: Tensor) -> int:
    """The most bits after the point for which sums stay below 2**52, found by whole numbers."""
    coarse = torch.ceil(weight.abs() * COARSE)
    largest = int(coarse.sum(1).max()) * int(LIMIT) + math.ceil(bias.abs().max() * COARSE * ONE)
    shift = min(52 + 16 - max(largest, 1).bit_length(), 26)
    if shift < 15:
        raise BadInput("the weights of a layer are too large for exact arithmetic")
    return shift


@exact.register(nn.Linear)
@exact.register(Linear)
def linear(layer: nn.Linear) -> Layer:
    """A matrix product."""
    return Product(layer.weight, layer.bias).rows


@exact.register
def heads(layer: Heads) -> Layer:
    """Each head, side by side."""
    each = [exact(head) for head in layer.children()]
    return lambda a: torch.cat([head(a) for head in each], -1)


@exact.register(nn.Conv2d)
@exact.register(Conv2d)
def conv(layer: nn.Conv2d) -> Layer:
    """A convolution as a matrix product over patches, colours innermost as in memory."""
    _plain(layer)
    product = Product(layer.weight.permute(0, 2, 3, 1).flatten(1), layer.bias)
    padding: Any = layer.padding

    def run(a: Tensor) -> Tensor:
        held = a.clamp(-LIMIT, LIMIT)  # before every pixel stands in nine patches
        patches = _patches(held, layer.kernel_size, layer.stride, padding)
        return product.within(patches.flatten(0, 2)).unflatten(0, patches.shape[:3]).movedim(3, 1)

    return run


def _patches(
    a: Tensor, size: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """What a kernel sees at each place: (N, C, H, W) to (N, down, across, numbers)."""
    (down, right), (tall, wide) = padding, size
    framed = F.pad(a.movedim(1, 3), (0, 0, right, right, down, down)).contiguous()
    count, height, width, colours = framed.shape
    image, row, pixel, _ = framed.stride()
    rows, columns = (height - tall) // stride[0] + 1, (width - wide) // stride[1] + 1
    shape = (count, rows, columns, tall, wide * colours)
    places = (image, row * stride[0], pixel * stride[1], row, 1)
    return framed.as_strided(shape, places).flatten(3)


@exact.register
def same_conv(layer: SameConv) -> Layer:
    """Zeros added first, as TensorFlow pads."""
    inner = conv(layer)
    return lambda a: inner(F.pad(a, layer.around))


@exact.register(nn.ConvTranspose2d)
@exact.register(ConvTranspose2d)
def conv_transpose(layer: nn.ConvTranspose2d) -> Layer:
    """A transposed convolution with its own padding."""
    padding: Any = layer.padding
    return spread(layer, padding, layer.output_padding)


def spread(layer: nn.ConvTranspose2d, padding: Sequence[int], extra: Sequence[int]) -> Layer:
    """A transposed convolution: a matrix product, its patches added up where they overlap."""
    _plain(layer)
    weight = layer.weight.detach().double()  # (inputs, outputs, k, k)
    whole = Product(weight.transpose(0, 1).flatten(1), layer.bias)  # every tap may overlap
    taps = whole.weight.unflatten(1, (weight.shape[0], -1)).permute(0, 2, 1).flatten(0, 1)
    size, stride = layer.kernel_size, layer.stride

    def run(a: Tensor) -> Tensor:
        out = [
            (n - 1) * s - 2 * p + k + e
            for n, s, p, k, e in zip(a.shape[2:], stride, padding, size, extra, strict=True)
        ]
        patches = torch.matmul(taps, a.flatten(2).clamp(-LIMIT, LIMIT))
        sums = F.fold(patches, tuple(out), size, padding=tuple(padding), stride=stride)
        return whole.scaled(sums + whole.bias[:, None, None])

    return run


@exact.register
def same_conv_transpose(layer: SameConvTranspose) -> Layer:
    """The edges cut off afterwards."""
    inner = spread(layer, (0, 0), (0, 0))
    (top, left), (rows, columns) = layer.start, layer.size
    return lambda a: inner(a)[..., top : top + rows, left : left + columns]


def _plain(layer: Any) -> None:
    if any(d != 1 for d in layer.dilation) or layer.groups != 1 or layer.padding_mode != "zeros":
        raise BadInput("dilated, grouped or wrapped convolutions have no exact form")


def by_table(name: str) -> Layer:
    """An activation looked up; beyond +-16 it is constant or the identity."""
    values = torch.from_numpy(fixed_point.activation(name))
    reach = fixed_point.SPAN * ONE

    def run(a: Tensor) -> Tensor:
        inside = values[(a.clamp(-reach, reach) + reach).long()]
        return inside if name in fixed_point.FLAT else torch.where(a > reach, a, inside)

    return run


@exact.register(nn.Tanh)
@exact.register(nn.Sigmoid)
@exact.register(nn.Softplus)
@exact.register(nn.SiLU)
@exact.register(nn.GELU)
@exact.register(nn.ELU)
def looked_up(layer: nn.Module) -> Layer:
    """An activation."""
    return by_table(type(layer).__name__)


@exact.register
def rescale(layer: Rescale) -> Layer:
    """One division, rounded the same way everywhere."""
    return lambda a: hold(a / layer.middle - ONE)


@exact.register
def mean_logits(layer: MeanLogits) -> Layer:
    """The learned logits, as fixed-point numbers, added."""
    shift = hold(layer.logits.detach().double().cpu() * ONE)
    return lambda a: hold(a + shift)


@exact.register
def standardize(layer: Standardize) -> Layer:
    """One subtraction and one division for each number; logarithms of counts by table."""
    mean, spread = layer.mean.double().cpu(), layer.spread.double().cpu()
    logs = torch.from_numpy(fixed_point.log_one_plus())

    def run(a: Tensor) -> Tensor:
        values = a / ONE
        if layer.log:
            values = logs[values.clamp(0, len(logs) - 1).long()] / ONE
        return hold((values - mean) / spread * ONE)

    return run


@exact.register(ChannelsFirst)
def group_norm(layer: nn.GroupNorm) -> Layer:
    """Means and variances of whole numbers; divisions and NumPy's square roots are portable
    (torch's square roots are not: they come from a vector library)."""
    weight, bias = (p.detach().double().cpu()[:, None, None] for p in (layer.weight, layer.bias))

    def run(a: Tensor) -> Tensor:
        groups = a.unflatten(1, (layer.num_groups, -1)).flatten(2)
        count = groups.shape[-1]
        centred = groups - torch.floor(groups.sum(-1, keepdim=True) / count)
        most = 2.0 ** min(17, (52 - count.bit_length()) // 2)  # so that squares add up exactly
        coarse = torch.floor(centred / 2.0**6).clamp(-most, most)
        variance = coarse.square().sum(-1, keepdim=True) / count * (2.0**12 / ONE**2)
        deviation = torch.from_numpy(np.sqrt((variance + layer.eps).numpy()))
        normal = (centred / deviation).reshape(a.shape)
        return hold(normal * weight + bias * ONE)

    return run


@exact.register
def upsample(layer: nn.Upsample) -> Layer:
    """Nearest neighbours, found by whole numbers."""
    size: Any = layer.size

    def run(a: Tensor) -> Tensor:
        rows, columns = (torch.arange(n) * m // n for n, m in zip(size, a.shape[2:], strict=True))
        return a[..., rows, :][..., columns]

    return run


@exact.register
def residual(layer: Residual) -> Layer:
    """x + f(x)."""
    block = exact(layer.block)
    return lambda a: hold(a + block(a))


@exact.register(nn.Sequential)
@exact.register(FlippedOnce)
def sequential(layer: nn.Sequential) -> Layer:
    """One layer after the other."""
    each = [exact(part) for part in layer]

    def run(a: Tensor) -> Tensor:
        for part in each:
            a = part(a)
        return a

    return run


@exact.register
def merge(layer: Merge) -> Layer:
    """A latent brought into shape beside the state above, then a network of both."""
    net, shape = exact(layer.net), layer.shape
    return lambda z, *above: net(torch.cat([z.unflatten(1, shape), *above], 1))


@exact.register
def join(layer: Join) -> Layer:
    """All that is given side by side, vectors spread over the places of images, then a network."""
    net = exact(layer.net)
    return lambda *given: net(torch.cat(broadcast_over_pixels(given), 1))


@exact.register
def prepared(layer: InputLayerFirst) -> Layer:
    """A layer for the first thing given, then a network of all."""
    first, net = exact(layer.first), exact(layer.net)
    return lambda x, *given: net(first(x), *given)


@exact.register
def withheld(layer: ConditionDropout) -> Layer:
    """Outside of training nothing is withheld."""
    return lambda *given: [*given]


@exact.register
def mapped(layer: Mapped) -> Layer:
    """The network."""
    return exact(layer.net)


@exact.register(Jitter)
@exact.register(nn.Identity)
@exact.register(nn.Flatten)
@exact.register(nn.Unflatten)
@exact.register(nn.ReLU)
def unchanged(layer: nn.Module) -> Layer:
    """Layers that only move numbers, or drop those below zero, are exact as they are."""
    return layer
