"""x alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.models.drawing import Draw
from vaekit.models.graph import NOTHING, Graph
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

    def forward(self, draw: Draw, rows: Rows = NOTHING) -> D.Distribution:
        """p(x), once for all rows that are there; else for each that is to be drawn."""
        p = self.likelihood()
        return p.expand(torch.Size([draw.rows])) if rows.x is None else p

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Nothing is drawn."""
        return ()
