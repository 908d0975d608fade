"""Priors that are fitted to the codes of a trained model, in place of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.conditionals.base import Prior
from vaekit.conditionals.priors import Site, prior, prior_kind

NARROWEST = 1e-6


class Scaled(Prior):
    r"""Another prior, moved and stretched to where codes lie: z = a + b u, with u of the other.

    .. math:: \log p(z) = \log p_u((z - a) / b) - \sum_i \log b_i

    a and b are the means and standard deviations of the codes that it is fitted to, so that what
    is learned is always of one size.

    Args:
        prior: of u.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, prior: Prior) -> None:
        super().__init__(*prior.event_shape)
        self.prior, self.exact = prior, prior.exact
        self.register_buffer("shift", torch.zeros(prior.event_shape))
        self.register_buffer("scale", torch.ones(prior.event_shape))

    @property
    def components(self) -> int:
        """Those of the other."""
        return self.prior.components

    @torch.no_grad()
    def begin(self, x: Tensor, codes: Tensor) -> None:
        """Take a and b from the codes, and let the other begin with codes brought to one size."""
        self.shift.copy_(codes.mean(0))
        self.scale.copy_(codes.std(0, correction=0).clamp_min(NARROWEST))
        self.prior.begin(x, (codes - self.shift) / self.scale)

    def misfit(self, z: Tensor) -> Tensor:
        """That of the other, at codes brought to one size."""
        return self.prior.misfit((z - self.shift) / self.scale)

    def forward(self, *given: Tensor) -> D.Distribution:
        """The prior of standardised codes, moved to where they lie."""
        move = D.AffineTransform(self.shift, self.scale, event_dim=1)
        return D.TransformedDistribution(self.prior(), move, validate_args=False)

    def quantiles(self, shares: Tensor) -> Tensor | None:
        """Those of the other, moved and stretched."""
        found = self.prior.quantiles(shares)
        return None if found is None else self.shift + self.scale * found


class Refitted(Prior):
    """A prior that was fitted after training; that of the training is kept beside it.

    Args:
        new: what is used.
        trained: what the model was trained with.
    """

    def __init__(self, new: Prior, trained: Any) -> None:
        super().__init__(*new.event_shape)
        self.new, self.trained, self.exact = new, trained, new.exact

    @property
    def components(self) -> int:
        """Those of the new prior."""
        return self.new.components

    def forward(self, *given: Tensor) -> D.Distribution:
        """The refitted p(z)."""
        return self.new()

    def quantiles(self, shares: Tensor) -> Tensor | None:
        """Those of the new prior."""
        return self.new.quantiles(shares)

    def fitting(self, codes: Tensor, held: list[int]) -> Tensor:
        """As the new prior knows."""
        return self.new.fitting(codes, held)

    def path(self, start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
        """As the new prior leads."""
        return self.new.path(start, end, shares)


def refit_of(name: str, site: Site) -> Prior:
    """The prior called ``name``, to be fitted to codes.

    Raises:
        BadInput: as :func:`vaekit.conditionals.prior`.
    """
    made = prior(name, site)
    return Scaled(made) if prior_kind(name).scaled else made
