"""The objective of a density that says itself what is to be lowered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from vaekit.objectives.bounds import elbo
from vaekit.objectives.objective import Loss, Objective
from vaekit.rows import Rows


class Fitting(Objective):
    """The mean misfit of rows, as the density of a :class:`~vaekit.models.Density` says it: mostly
    - log p(x), in nats; some learn by another measure, for their density takes long to find."""

    def __init__(self) -> None:
        super().__init__(elbo)

    def weighed(self, model: nn.Module, rows: Rows, weights: Sequence[float | Tensor]) -> Loss:
        """The loss; there is nothing to weigh."""
        density: Any = model
        misfit = density.likelihood.misfit(rows.data).mean()
        return Loss(misfit, {"misfit": misfit.detach()})
