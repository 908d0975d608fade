"""The convolutional MNIST model of the well-known Keras tutorial, layer by layer.

Encoder: Conv 32 stride 2, Conv 64 stride 2, Dense 16, two heads. Decoder: Dense 3136,
ConvT 64 stride 2, ConvT 32 stride 2, ConvT 1. For 28 x 28 images and two latents they have
69,076 and 65,089 parameters. Source: F. Chollet, keras.io/examples/generative/vae.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.networks.fast import transposed
from vaekit.networks.layers import Heads, Shape, glorot, halvings, to_shape, to_vector
from vaekit.networks.narrow import Conv2d


def same_padding(size: int, stride: int, kernel: int = 3) -> tuple[int, int]:
    """What TensorFlow's "same" adds before and after: the odd one out goes after.

    >>> same_padding(28, 2), same_padding(15, 2), same_padding(28, 1)
    ((0, 1), (1, 1), (1, 1))
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class SameConv(Conv2d):
    """A 3 x 3 convolution with "same" padding as TensorFlow pads it."""

    def __init__(self, before: int, after: int, size: Shape, stride: int = 2) -> None:
        super().__init__(before, after, 3, stride=stride)
        rows, columns = (same_padding(n, stride) for n in size)
        self.around = (*columns, *rows)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, before, *size) to (rows, after, *ceil(size / stride))."""
        return super().forward(F.pad(x, self.around))


class SameConvTranspose(nn.ConvTranspose2d):
    """The transpose of :class:`SameConv`: from images of ceil(size / stride) to ``size``.

    torch cuts one pixel off the front of each axis ("padding"), TensorFlow none where sizes are
    even. Both are the same on an image flipped, which is much faster than to compute the
    whole result and cut it, above all in bfloat16.
    """

    def __init__(self, before: int, after: int, size: Shape, stride: int = 2) -> None:
        small = [-(-n // stride) for n in size]
        rows, columns = (n - stride * (m - 1) - 1 for n, m in zip(size, small, strict=True))
        super().__init__(before, after, 3, stride, padding=1, output_padding=(rows, columns))
        self.size, self.start = size, tuple(same_padding(n, stride)[0] for n in size)

    def axes(self, flipped: Sequence[int]) -> list[int]:
        """The axes that must be flipped here, if ``flipped`` are already: where one pixel is cut
        off either end it does not matter."""
        if max(self.stride) == 1:
            return list(flipped)
        return [axis + 2 for axis, start in enumerate(self.start) if start == 0]

    def forward(self, x: Tensor, flipped: Sequence[int] | None = None) -> Tensor:
        """The image; ``flipped`` are the axes along which x is flipped already, and then the result
        stays so. They must be those of :meth:`axes`."""
        if flipped is None:
            axes = self.axes(())
            return flip(self(flip(x, axes), axes), axes)
        weight = flip(self.weight, flipped)
        extra = self.output_padding
        return transposed(x, weight, self.bias, self.stride, 1, extra)


def flip(image: Tensor, axes: Sequence[int]) -> Tensor:
    """The image flipped along some axes."""
    return image.flip(list(axes)) if axes else image


class FlippedOnce(nn.Sequential):
    """Layers one after the other. Images are flipped before and after a run of
    transposed convolutions, not at each; all layers between treat every pixel alike."""

    def forward(self, x: Tensor) -> Tensor:
        """The layers in order, with flips in between."""
        flipped: list[int] = []
        for layer in self:
            if isinstance(layer, SameConvTranspose):
                before, flipped = flipped, layer.axes(flipped)
                x = layer(flip(x, sorted({*before} ^ {*flipped})), flipped)
            else:
                x = layer(x)
        return flip(x, flipped)


def tutorial_encoder(image: Shape, latent: int) -> nn.Sequential:
    """(rows, C, H, W) to ``latent`` means, then ``latent`` log variances."""
    full, half, quarter = halvings(image[1:], 2)
    return _sequential(
        nn.Sequential(),
        conv1=SameConv(image[0], 32, full),
        relu1=nn.ReLU(),
        conv2=SameConv(32, 64, half),
        relu2=nn.ReLU(),
        flatten=nn.Flatten(),
        dense=to_vector((64, *quarter), 16)[1],
        relu3=nn.ReLU(),
        heads=Heads(16, z_mean=latent, z_log_var=latent),
    )


def tutorial_decoder(latent: int, raw: Shape) -> nn.Sequential:
    """(rows, latent) to (rows, *raw)."""
    full, half, quarter = halvings(raw[1:], 2)
    dense, reshape = to_shape(latent, (64, *quarter))
    return _sequential(
        FlippedOnce(),
        dense=dense,
        relu1=nn.ReLU(),
        reshape=reshape,
        deconv1=SameConvTranspose(64, 64, half),
        relu2=nn.ReLU(),
        deconv2=SameConvTranspose(64, 32, full),
        relu3=nn.ReLU(),
        deconv3=SameConvTranspose(32, raw[0], full, stride=1),
    )


def _sequential(net: nn.Sequential, **layers: nn.Module) -> nn.Sequential:
    for name, layer in layers.items():
        net.add_module(name, layer)
    glorot(net)
    return net
