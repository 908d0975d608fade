"""Convolutions whose gradients are right for narrow images in bfloat16 too.

torch's gradient of a strided convolution's weights is memory that nobody wrote to where a processor
computes in half precision and the larger of both images is narrower than the stride: 1 pixel wide,
in practice, however high. Those convolutions are computed in float32; all others are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.conv import _ConvNd


class _InEnough(_ConvNd):
    """What comes before torch's convolution of any number of axes."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        whole = super()._conv_forward
        return in_enough(whole, x, weight, bias, x.shape[-1], self.stride[-1])


class Conv1d(_InEnough, nn.Conv1d):
    """torch's convolution of series, in float32 where :func:`in_enough` says so."""


class Conv2d(_InEnough, nn.Conv2d):
    """torch's convolution of images, in float32 where :func:`in_enough` says so."""


class ConvTranspose1d(nn.ConvTranspose1d):
    """torch's transposed convolution of series, in float32 where :func:`in_enough` says so."""

    def forward(self, x: Tensor, output_size: Any = None) -> Tensor:
        """(rows, inputs, small) to (rows, outputs, large); ``output_size`` is ignored."""
        padding: Any = self.padding
        how = (self.stride, padding, self.output_padding)
        return spread(F.conv_transpose1d, x, self.weight, self.bias, *how)


def spread(
    convolve: Callable[..., Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Any,
    extra: Sequence[int],
) -> Tensor:
    """A transposed convolution, in float32 where :func:`in_enough` says so.

    Args:
        convolve: torch's function.
        x: small images, or series.
        weight: (inputs, outputs, *kernel).
        bias: (outputs,), or None.
        stride: along each axis.
        padding: cut off both ends, along each axis or along all alike.
        extra: left at the far end, along each axis.
    """
    margin = padding if isinstance(padding, int) else padding[-1]
    wide = (x.shape[-1] - 1) * stride[-1] - 2 * margin + weight.shape[-1] + extra[-1]

    def whole(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return convolve(x, weight, bias, stride, padding, extra)

    return in_enough(whole, x, weight, bias, wide, stride[-1])


def in_enough(
    convolve: Callable[[Tensor, Tensor, Tensor | None], Tensor],
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    wide: int,
    stride: int,
) -> Tensor:
    """What ``convolve`` gives, in its own type, but computed in float32 if it would be computed
    in half precision on a processor and ``wide`` < ``stride``.

    Args:
        convolve: a strided convolution, or a transposed one.
        x: what it is given.
        weight: its weights.
        bias: its bias, or None.
        wide: the width of the larger of both images, what comes out of a transposed convolution.
        stride: along the width.
    """
    if wide >= stride or x.device.type != "cpu" or (dtype := _type_of(x)).itemsize > 2:
        return convolve(x, weight, bias)
    with torch.autocast("cpu", enabled=False):
        y = convolve(x.float(), weight.float(), None if bias is None else bias.float())
    return y.to(dtype)


def _type_of(x: Tensor) -> torch.dtype:
    """The type in which a processor convolves x."""
    if x.dtype == torch.float64 or not torch.is_autocast_enabled("cpu"):
        return x.dtype
    return torch.get_autocast_dtype("cpu")
