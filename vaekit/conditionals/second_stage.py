"""A prior that is a small variational autoencoder of codes."""

from __future__ import annotations

from torch import Tensor
from torch import distributions as D

from vaekit.conditionals.base import Prior
from vaekit.conditionals.conditional import Conditional
from vaekit.distributions.bounded import Marginal
from vaekit.families.gaussians import DiagonalNormal
from vaekit.networks import dense

SAMPLES = 64  # of u, for each code


class SecondStage(Prior):
    """Codes of codes: u ~ p(u), z ~ p(z | u), with q(u | z) to infer it, by networks of two hidden
    layers (Dai & Wipf 2019).

    log p(z) is known from below alone: it is bounded by 64 importance samples, whose noise is a
    function of the code; in training by one of fresh noise, which is the ELBO.

    Args:
        base: p(u).
        width: of the hidden layers.
    """

    exact = False

    called = "second_stage"

    def __init__(self, base: Prior, width: int = 128) -> None:
        super().__init__(*base.event_shape)
        code = DiagonalNormal(*base.event_shape)
        self.base = base
        self.encoder, self.decoder = (
            Conditional(dense(code.event_shape, code.raw_shape, [width] * 2, "silu"), code)
            for _ in range(2)
        )

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        samples, fixed = (1, False) if self.training else (SAMPLES, True)
        return Marginal(self.base(), self.decoder, self.encoder, samples, fixed=fixed)
