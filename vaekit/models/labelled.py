"""y -> (z, x)."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from vaekit.models.drawing import Draw
from vaekit.models.graph import Graph
from vaekit.rows import Rows

LABEL = "y"


class Labelled(Graph):
    """A label that may be observed, drawn or summed out: y ~ p(y), then a VAE that is given y
    (M2 of Kingma et al. 2014).

    Args:
        prior: p(y).
        posterior: q(y | x).
        vae: z and x given y, a :class:`~vaekit.models.VAE`.
    """

    def __init__(self, prior: Any, posterior: Any, vae: Graph) -> None:
        super().__init__()
        self.prior, self.posterior, self.vae = prior, posterior, vae
        self.latents = {LABEL: math.prod(prior.event_shape), **vae.latents}

    @property
    def likelihood(self) -> Any:
        """p(x | z, y)."""
        return self.vae.likelihood

    @property
    def may_be_untold(self) -> bool:
        """Of what is given beside the label."""
        return self.vae.may_be_untold

    @property
    def posteriors(self) -> list[Any]:
        """q(y | x), q(z | x, y)."""
        return [self.posterior, *self.vae.posteriors]

    @property
    def priors(self) -> list[Any]:
        """p(y), p(z)."""
        return [self.prior, *self.vae.priors]

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Draw y, then z given y."""
        y = draw(LABEL, self.prior(), None if rows.x is None else self.posterior(rows.x))
        each = rows.map(draw.tile)
        return self.vae.walk(draw, Rows(each.x, {**each.given, LABEL: y}))
