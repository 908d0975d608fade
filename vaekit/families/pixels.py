"""Pictures whose pixels are drawn one after the other."""

from __future__ import annotations

from torch import Tensor

from vaekit.distributions.pixels import PixelByPixel
from vaekit.families.base import Likelihood, Shape
from vaekit.families.wrapped import Wrapped
from vaekit.networks.masked import PixelNet
from vaekit.system.checks import require


class Pixels(Wrapped):
    """p(x | z) of pictures, pixel by pixel given those before it and features that z makes of each
    (Gulrajani et al. 2017).

    Args:
        base: of independent pixels, of whole values.
        features: numbers of each pixel that z makes.
        width: channels of the masked convolutions.
        layers: how many of them.
    """

    def __init__(self, base: Likelihood, features: int, width: int, layers: int) -> None:
        super().__init__(base)
        shape = base.event_shape
        require(len(shape) == 3, "pixels are drawn one after the other in pictures alone")
        require(
            base.kind.discrete,
            "pixels are drawn one after the other of whole values alone, not "
            f"{base.kind.name} ones",
        )
        self.features = features
        self.first = base.kind.input(base)
        self.net = PixelNet(shape[0], features, base.raw_shape[0], width, layers)

    @property
    def raw_shape(self) -> Shape:
        """Shape of the features of a row."""
        return (self.features, *self.event_shape[1:])

    def forward(self, raw: Tensor) -> PixelByPixel:
        """The distribution of features, (rows, *raw_shape)."""
        return PixelByPixel(raw, self.predicted, self.base, self.net.reach, self.event_shape[0])

    def predicted(self, x: Tensor, features: Tensor) -> Tensor:
        """Raw numbers of each pixel, from those before it."""
        return self.net(self.first(x), features)
