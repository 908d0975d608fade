"""Transposed 3 x 3 convolutions of a stated output size."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.networks.layers import Shape


class Transposed(nn.ConvTranspose2d):
    """Pixels ``start`` to ``start + size`` of the full transposed 3 x 3 convolution.

    With stride 2 it is computed as a plain convolution: each pixel of the input gives a 2 x 2
    block of outputs, each block depends on 2 x 2 inputs, so a 2 x 2 kernel with four times the
    outputs gives all blocks, which are then moved into place (Shi et al. 2016). These are the
    same numbers, up to rounding, by the operation that processors do best, above all in bfloat16.

    Args:
        size: (height, width) of the result; at most twice the input's for stride 2.
        start: 0 or 1 along each axis: how many pixels of the full result are cut off before it.
    """

    def __init__(
        self, before: int, after: int, size: Shape, start: Shape = (1, 1), stride: int = 2
    ) -> None:
        super().__init__(before, after, 3, stride=stride)
        self.size, self.start = size, start

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        top, left = self.start
        if self.stride == (1, 1):
            return crop(super().forward(x, output_size), self.start, self.size)
        bias = None if self.bias is None else self.bias.repeat(4)
        padded = F.pad(x, (1 - left, left, 1 - top, top))
        blocks = F.conv2d(padded, block_weight(self.weight, self.start), bias)
        return crop(in_place(blocks), (0, 0), self.size)


def in_place(blocks: Tensor) -> Tensor:
    """(rows, 2 * 2 * after, H, W) to (rows, after, 2H, 2W): each pixel's block spread out.

    All in the layout with channels last, so that half a block moves in one piece.
    """
    rows, channels, height, width = blocks.shape
    halves = blocks.permute(0, 2, 3, 1).reshape(rows, height, width, 2, channels // 2)
    spread = halves.transpose(2, 3).reshape(rows, 2 * height, 2 * width, channels // 4)
    return spread.permute(0, 3, 1, 2)


def block_weight(weight: Tensor, start: Shape) -> Tensor:
    """(before, after, 3, 3) to the kernel of the plain convolution, (2 * 2 * after, before, 2, 2).

    Along one axis, output 2i + p - start takes input i - t (t = 0, 1) times weight 2t + p; the
    one weight of the four that does not exist is zero.
    """
    before, after = weight.shape[:2]
    top, left = start
    w = F.pad(weight, (left, 1 - left, top, 1 - top)).reshape(before, after, 2, 2, 2, 2)
    w = w.flip(2, 4).permute(3, 5, 1, 2, 4, 0)  # channels last
    return w.reshape(4 * after, 2, 2, before).permute(0, 3, 1, 2)


def crop(x: Tensor, start: Shape, size: Shape) -> Tensor:
    """A window of an image."""
    (top, left), (rows, columns) = start, size
    if (top, left, rows, columns) == (0, 0, *x.shape[2:]):
        return x
    return x[..., top : top + rows, left : left + columns]
