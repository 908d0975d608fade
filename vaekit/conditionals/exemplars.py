"""A prior around the codes of training rows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D
from torch.nn import functional as F

from vaekit.conditionals.base import Prior, evenly
from vaekit.data_init import DataInit
from vaekit.distributions.exemplars import Exemplars, keys_of
from vaekit.networks.noise import drawn
from vaekit.system.checks import require

FLOOR, AT_ONCE = 1e-3, 200  # of the deviation; exemplars of an update


class Exemplar(DataInit, Prior):
    r"""An even mixture of normals around the codes of training rows, by the model's own encoder,
    all of one deviation that is learned (Norouzi et al. 2020).

    .. math:: p(z) = \frac1K \sum_k N(z; \mu(x_k), s^2 I)

    In training 200 of the rows are taken at random for each update, and a row that is one of them
    has no part in its own prior: so nothing is gained by learning rows by heart. Rows are known by
    their numbers; a row whose numbers are drawn anew in each epoch is not known.

    Args:
        posterior: q(z | x), of the model whose prior this is; shared with it.
        shape: of one row of x.
        dim: numbers of a code.
        components: how many rows, spread evenly over those shown.
    """

    rows: Tensor

    called = "exemplar"

    def __init__(
        self, posterior: nn.Module, shape: tuple[int, ...], dim: int, components: int = 1000
    ) -> None:
        super().__init__(dim)
        require(components >= 2, f"components must be at least 2, not {components}")
        self.posterior: Any = posterior
        self.register_buffer("rows", torch.zeros(components, *shape))
        self.raw_scale = nn.Parameter(torch.zeros(()))

    @property
    def components(self) -> int:
        """How many rows."""
        return len(self.rows)

    def init_from(self, x: Tensor) -> None:
        """Take rows spread evenly over those shown.

        Raises:
            BadInput: for rows with gaps, which could not be known again by their numbers.
        """
        whole = not bool(x.isnan().any())
        require(whole, "an exemplar prior needs rows without gaps: take vamp, mixture or lars")
        self.rows.copy_(x[evenly(len(x), self.components)])

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        rows = self.rows
        if self.training:
            order = drawn(self, lambda: torch.randperm(self.components, device=rows.device))
            rows = rows[order[:AT_ONCE]]
        scale = F.softplus(self.raw_scale) + FLOOR
        return Exemplars(self.posterior(rows).mean, scale, keys_of(rows))
