"""z -> x."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from vaekit.models.drawing import Draw
from vaekit.models.graph import Graph
from vaekit.rows import Rows
from vaekit.system.checks import require


class VAE(Graph):
    """One latent: z ~ p(z), x ~ p(x | z), with q(z | x) to infer it (Kingma & Welling 2014).

    Args:
        prior: p(z | given).
        posterior: q(z | x, given).
        likelihood: p(x | z, given).
        side: what is done to all that is given before it is used; by default nothing.
        metric: of codes, if one is learned.
    """

    def __init__(
        self,
        prior: Any,
        posterior: Any,
        likelihood: Any,
        side: nn.Module | None = None,
        metric: nn.Module | None = None,
    ) -> None:
        super().__init__(metric)
        self.prior, self.posterior, self.likelihood = prior, posterior, likelihood
        self.side = side
        self.latents = {"z": math.prod(prior.event_shape)}

    @property
    def may_be_untold(self) -> bool:
        """If what is given was withheld now and then."""
        return self.side is not None

    @property
    def posteriors(self) -> list[Any]:
        """q(z | x)."""
        return [self.posterior]

    @property
    def priors(self) -> list[Any]:
        """p(z)."""
        return [self.prior]

    @property
    def first_posterior(self) -> nn.Module:
        """q(z | x, given).

        Raises:
            BadInput: where codes are of another kind than vectors that may lie anywhere.
        """
        require(not self.prior.stays, self.prior.stays)
        return self.posterior

    def put_first_prior(self, prior: Any) -> None:
        """Let z have another prior."""
        self.prior = prior
        self.latents = {**self.latents, "z": math.prod(prior.event_shape)}

    def networks(self, rows: Rows) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        """The encoder's and the decoder's."""
        z = rows.data.new_zeros(len(rows), self.latents["z"])
        given = tuple(rows.given.values())
        encoder, decoder = self.posterior.net, self.likelihood.net
        return {"encoder": (encoder, (rows.data, *given)), "decoder": (decoder, (z, *given))}

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Draw z; returns it and all that is given."""
        given = [*rows.given.values()]
        if self.side is not None:
            given = self.side(*given)
        posterior = None if rows.x is None else self.posterior(rows.x, *given)
        z = draw("z", self.prior(*given), posterior)
        return z, *map(draw.tile, given)
