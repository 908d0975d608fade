"""Networks whose codes are small maps of an image, as diffusion models in latent space take them.

Encoder and decoder of diffusers' AutoencoderKL (Rombach et al. 2022), layer by layer and by the
same names, so that weights go from one to the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.networks.layers import Shape
from vaekit.networks.narrow import Conv2d
from vaekit.networks.residual import ChannelsFirst

GROUPS, EPSILON = 8, 1e-6


def group_norm(width: int, groups: int) -> nn.GroupNorm:
    """Group normalisation."""
    return ChannelsFirst(groups, width, eps=EPSILON)


class ResnetBlock(nn.Module):
    """x + f(x), where f is twice: group norm, SiLU, 3 x 3 convolution.

    Args:
        before: channels that come in.
        after: channels that go out.
        groups: of the normalisation.
    """

    def __init__(self, before: int, after: int, groups: int) -> None:
        super().__init__()
        self.norm1 = group_norm(before, groups)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.norm2 = group_norm(after, groups)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(before, after, 1) if before != after else None

    def forward(self, x: Tensor) -> Tensor:
        """(rows, before, H, W) to (rows, after, H, W)."""
        y = self.conv1(F.silu(self.norm1(x)))
        y = self.conv2(F.silu(self.norm2(y)))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    """x + what each place takes from all others, by one head (Vaswani et al. 2017).

    Args:
        width: channels.
        groups: of the normalisation.
    """

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.group_norm = group_norm(width, groups)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        nn.init.zeros_(self.to_k.bias)  # which changes nothing: it moves all logits alike
        self.to_k.bias.requires_grad = False

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W), as it came."""
        places = self.group_norm(x).flatten(2).transpose(1, 2)
        q, k, v = (take(places)[:, None] for take in (self.to_q, self.to_k, self.to_v))
        seen = self.to_out[0](F.scaled_dot_product_attention(q, k, v)[:, 0])
        return x + seen.transpose(1, 2).reshape(x.shape)


class Down(nn.Module):
    """Half the height and width, by a convolution of stride 2 that looks one pixel further to the
    right and below."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = Conv2d(width, width, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W) to (rows, C, H / 2, W / 2)."""
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Up(nn.Module):
    """Each pixel four times, then a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W) to (rows, C, 2 H, 2 W)."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Stage(nn.Module):
    """Blocks of one size, then a change of size.

    Args:
        blocks: one after the other.
        resize: what comes last.
        called: the name that this has.
    """

    def __init__(self, blocks: Sequence[nn.Module], resize: nn.Module | None, called: str) -> None:
        super().__init__()
        self.resnets, self.called = nn.ModuleList(blocks), called
        if resize is not None:
            self.add_module(called, nn.ModuleList([resize]))

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W) to (rows, C', H', W')."""
        for block in (*self.resnets, *getattr(self, self.called, ())):
            x = block(x)
        return x


class Middle(nn.Module):
    """Block, attention, block, at the smallest size."""

    def __init__(self, width: int, groups: int) -> None:
        super().__init__()
        self.attentions = nn.ModuleList([Attention(width, groups)])
        self.resnets = nn.ModuleList([ResnetBlock(width, width, groups) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W), as it came."""
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class MapEncoder(nn.Module):
    """(rows, C, H, W) to (rows, outputs, h, w), each stage but the last halving the image.

    Args:
        image: channels of x.
        outputs: channels of what comes out.
        channels: of the stages.
        blocks: of each stage.
        groups: of the normalisation.
    """

    def __init__(
        self, image: int, outputs: int, channels: Sequence[int], blocks: int, groups: int
    ) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(image, channels[0], 3, padding=1)
        stages = []
        for number, (before, after) in enumerate(pairwise((channels[0], *channels))):
            each = [ResnetBlock(before if i == 0 else after, after, groups) for i in range(blocks)]
            last = number == len(channels) - 1
            stages.append(Stage(each, None if last else Down(after), "downsamplers"))
        self.down_blocks = nn.ModuleList(stages)
        self.mid_block = Middle(channels[-1], groups)
        self.conv_norm_out = group_norm(channels[-1], groups)
        self.conv_out = nn.Conv2d(channels[-1], outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W) to (rows, outputs, h, w)."""
        x = self.conv_in(x)
        for stage in self.down_blocks:
            x = stage(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class MapDecoder(nn.Module):
    """(rows, inputs, h, w) to (rows, outputs, H, W): the mirror of :class:`MapEncoder`, one block
    more in each stage.

    Args:
        inputs: channels of a code.
        outputs: channels of what comes out.
        channels: of the encoder's stages.
        blocks: of each of its stages.
        groups: of the normalisation.
    """

    def __init__(
        self, inputs: int, outputs: int, channels: Sequence[int], blocks: int, groups: int
    ) -> None:
        super().__init__()
        widths = [*reversed(channels)]
        self.conv_in = nn.Conv2d(inputs, widths[0], 3, padding=1)
        self.mid_block = Middle(widths[0], groups)
        stages = []
        for number, (before, after) in enumerate(pairwise((widths[0], *widths))):
            each = [
                ResnetBlock(before if i == 0 else after, after, groups) for i in range(blocks + 1)
            ]
            last = number == len(widths) - 1
            stages.append(Stage(each, None if last else Up(after), "upsamplers"))
        self.up_blocks = nn.ModuleList(stages)
        self.conv_norm_out = group_norm(widths[-1], groups)
        self.conv_out = nn.Conv2d(widths[-1], outputs, 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """(rows, inputs, h, w) to (rows, outputs, H, W)."""
        z = self.mid_block(self.conv_in(z))
        for stage in self.up_blocks:
            z = stage(z)
        return self.conv_out(F.silu(self.conv_norm_out(z)))


class ToCode(nn.Module):
    """An image to the numbers of q(z|x), side by side: all means, then all logarithms of variances.
    Sides that do not halve evenly get a margin like their last pixels.

    Args:
        image: (C, H, W).
        latent: channels of a code.
        channels: of the stages.
        blocks: of each stage.
    """

    def __init__(self, image: Shape, latent: int, channels: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.latent, self.channels, self.blocks = latent, [*channels], blocks
        self.groups = groups_of(channels)
        self.margin = margin(image, len(channels))
        self.encoder = MapEncoder(image[0], 2 * latent, channels, blocks, self.groups)
        self.quant_conv = nn.Conv2d(2 * latent, 2 * latent, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W) to (rows, 2 latent h w)."""
        below, right = self.margin
        if below or right:
            x = F.pad(x, (0, right, 0, below), mode="replicate")
        return self.quant_conv(self.encoder(x)).flatten(1)


class FromCode(nn.Module):
    """Codes, side by side, to raw numbers of an image, without the encoder's margin.

    Args:
        code: (latent, h, w).
        raw: (outputs, H, W).
        channels: of the encoder's stages.
        blocks: of each of its stages.
    """

    def __init__(self, code: Shape, raw: Shape, channels: Sequence[int], blocks: int) -> None:
        super().__init__()
        self.code, self.raw = code, raw
        self.decoder = MapDecoder(code[0], raw[0], channels, blocks, groups_of(channels))
        self.post_quant_conv = nn.Conv2d(code[0], code[0], 1)

    def forward(self, z: Tensor) -> Tensor:
        """(rows, latent h w) to (rows, outputs, H, W)."""
        _, height, width = self.raw
        raw = self.decoder(self.post_quant_conv(z.unflatten(1, self.code)))
        return raw[..., :height, :width]


def groups_of(channels: Sequence[int]) -> int:
    """Groups of the normalisation, into which each number of channels goes: at most 8, of four
    channels at least where there are so many."""
    common = math.gcd(*channels)
    return math.gcd(GROUPS, max(common // 4, 1), common)


def code_shape(image: Shape, latent: int, stages: int) -> Shape:
    """The shape of a code, (latent, h, w)."""
    below, right = margin(image, stages)
    side = 2 ** (stages - 1)
    return latent, (image[1] + below) // side, (image[2] + right) // side


def margin(image: Shape, stages: int) -> tuple[int, int]:
    """Pixels below and to the right without which the sides do not halve evenly."""
    side = 2 ** (stages - 1)
    return -image[1] % side, -image[2] % side


__all__ = ["FromCode", "ToCode", "code_shape", "groups_of", "margin"]
