"""z -> x."""

from __future__ import annotations

from torch import Tensor, nn
from torch import distributions as D

from vaekit.models.drawing import Draw


class VAE(nn.Module):
    """One latent: z ~ p(z), x ~ p(x | z), with q(z | x) to infer it (Kingma & Welling 2014).

    Args:
        prior: p(z | given). posterior: q(z | x, given). likelihood: p(x | z, given).
    """

    def __init__(self, prior: nn.Module, posterior: nn.Module, likelihood: nn.Module) -> None:
        super().__init__()
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood

    @property
    def latents(self) -> dict[str, int]:
        """How many numbers each latent has, by name."""
        return {"z": self.prior().event_shape.numel()}

    def forward(self, draw: Draw, x: Tensor | None = None, *given: Tensor) -> D.Distribution:
        """Draw z by the rule handed in and return p(x | z), with ``draw.rows`` rows."""
        posterior = None if x is None else self.posterior(x, *given)
        z = draw("z", self.prior(*given), posterior)
        return self.likelihood(z, *map(draw.tile, given))
