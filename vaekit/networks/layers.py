"""Small layers shared by the networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vaekit.networks.fast import Linear
from vaekit.system.checks import known
from vaekit.system.types import Shape

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
}


def activation(name: str) -> nn.Module:
    """A fresh activation layer by name."""
    return ACTIVATIONS[known("activation", name, ACTIVATIONS)]()


class Heads(nn.Module):
    """Several linear heads side by side, concatenated: a mean head and a log-variance head."""

    def __init__(self, inputs: int, **outputs: int) -> None:
        super().__init__()
        for name, width in outputs.items():
            self.add_module(name, Linear(inputs, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([head(x) for head in self.children()], -1)


def to_vector(shape: Shape, width: int) -> list[nn.Module]:
    """Flatten (rows, *shape) and map it linearly to ``width`` numbers."""
    return [nn.Flatten(), Linear(math.prod(shape), width)]


def to_shape(width: int, shape: Shape) -> list[nn.Module]:
    """Map ``width`` numbers linearly to (rows, *shape)."""
    return [Linear(width, math.prod(shape)), nn.Unflatten(1, shape)]


def halvings(size: Sequence[int], times: int) -> list[Shape]:
    """The sizes of an image as strided convolutions halve it, odd sizes rounded up.

    >>> halvings((28, 15), 2)
    [(28, 15), (14, 8), (7, 4)]
    """
    sizes = [tuple(size)]
    for _ in range(times):
        sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
    return sizes


def depth_for(size: Sequence[int], smallest: int = 4) -> int:
    """How often an image can be halved before its short side falls below ``smallest``."""
    return max(int(math.log2(max(min(size), 1) / smallest)), 0)


def glorot(net: nn.Module) -> nn.Module:
    """Draw weights as Glorot & Bengio 2010 do, set biases to zero: Keras's default."""
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return net
