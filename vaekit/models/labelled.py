"""y -> (z, x)."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from vaekit.distributions.labels import PartlyKnown
from vaekit.models.drawing import Draw
from vaekit.models.graph import Graph
from vaekit.rows import Rows

LABEL = "y"


class Labelled(Graph):
    """A label that may be observed, drawn or summed out: y ~ p(y), then a VAE that is given y
    (M2 of Kingma et al. 2014).

    A row whose label is known is a row of p(x | y): its prior and posterior of y are both at that
    label.

    Args:
        prior: p(y).
        posterior: q(y | x).
        vae: z and x given y, a :class:`~vaekit.models.VAE`.
        told: the name of what is given that is y, zeros where it is not known; None if it never is.
    """

    def __init__(self, prior: Any, posterior: Any, vae: Graph, told: str | None = None) -> None:
        super().__init__()
        self.prior, self.posterior, self.vae = prior, posterior, vae
        self.told = told
        self.latents = {LABEL: math.prod(prior.event_shape), **vae.latents}

    @property
    def likelihood(self) -> Any:
        """p(x | z, y)."""
        return self.vae.likelihood

    @property
    def may_be_untold(self) -> bool:
        """Of the label, and of what is given beside it."""
        return self.told is not None or self.vae.may_be_untold

    @property
    def posteriors(self) -> list[Any]:
        """q(y | x), q(z | x, y)."""
        return [self.posterior, *self.vae.posteriors]

    @property
    def inferring(self) -> list[nn.Module]:
        """q of both."""
        return [self.posterior, *self.vae.inferring]

    @property
    def priors(self) -> list[Any]:
        """p(y), p(z)."""
        return [self.prior, *self.vae.priors]

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Draw y, then z given y."""
        given = dict(rows.given)
        p, q = self.prior(), self.classes(rows)
        if (known := given.pop(self.told or "", None)) is not None:
            p, q = PartlyKnown(p, known), None if q is None else PartlyKnown(q, known)
        y = draw(LABEL, p, q)
        each = Rows(rows.x, given).map(draw.tile)
        return self.vae.walk(draw, Rows(each.x, {**each.given, LABEL: y}))

    def classes(self, rows: Rows) -> Any:
        """q(y | x), whatever is known of y."""
        return None if rows.x is None else self.posterior(rows.x)
