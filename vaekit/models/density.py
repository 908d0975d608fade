"""x alone."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from vaekit.models.drawing import Draw
from vaekit.models.graph import Graph
from vaekit.rows import Rows


class Density(Graph):
    """No latents: x ~ p(x). What is trained, traced and drawn from like any graph is then a
    density by itself, such as a prior whose rows are codes.

    Args:
        likelihood: p(x), called with nothing; its distribution has no batch.
    """

    def __init__(self, likelihood: nn.Module) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.latents = {}

    @property
    def posteriors(self) -> list[Any]:
        """There are none."""
        return []

    @property
    def priors(self) -> list[Any]:
        """There are none."""
        return []

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Nothing is drawn."""
        return ()
