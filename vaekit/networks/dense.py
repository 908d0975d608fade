"""Dense networks over vectors or flattened images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from vaekit.networks.fast import Linear
from vaekit.networks.layers import Shape, activation, to_shape


def dense(
    inputs: Shape, outputs: Shape, hidden: Sequence[int] = (400,), act: str = "relu"
) -> nn.Sequential:
    """(rows, *inputs) to (rows, *outputs) through layers of the ``hidden`` widths."""
    layers: list[nn.Module] = [nn.Flatten()]
    widths = [math.prod(inputs), *hidden]
    for before, after in pairwise(widths):
        layers += [Linear(before, after), activation(act)]
    return nn.Sequential(*layers, *to_shape(widths[-1], outputs))
