"""y -> (z, x)."""

from __future__ import annotations

from torch import Tensor, nn
from torch import distributions as D

from vaekit.models.drawing import Draw


class Labelled(nn.Module):
    """A label that may be observed, drawn or summed out: y ~ p(y), then a VAE that is given y
    (M2 of Kingma et al. 2014).

    Args:
        prior: p(y). posterior: q(y | x). vae: z and x given y, a :class:`VAE`.
    """

    def __init__(self, prior: nn.Module, posterior: nn.Module, vae: nn.Module) -> None:
        super().__init__()
        self.prior, self.posterior, self.vae = prior, posterior, vae

    def forward(self, draw: Draw, x: Tensor | None = None) -> D.Distribution:
        """Draw y, then z given y, and return p(x | y, z)."""
        y = draw("y", self.prior(), None if x is None else self.posterior(x))
        return self.vae(draw, None if x is None else draw.tile(x), y)
