"""The cells of a table as levels of their columns, any of them given any others."""

from __future__ import annotations

from torch import Tensor, nn

from vaekit.distributions.columns import AnyOrderCells
from vaekit.families.base import CELLS, Range, Shape
from vaekit.networks.cells import CellPredictor


class Columns(nn.Module):
    """Rows of cells, each a level of its column, or NaN where it is missing.

    Args:
        predictor: from features of a row and the cells that are seen to logits of all columns.
    """

    kind = CELLS
    has_density = True

    def __init__(self, predictor: CellPredictor) -> None:
        super().__init__()
        self.predictor = predictor

    @property
    def event_shape(self) -> Shape:
        """(D,), the number of columns."""
        return (len(self.predictor.levels),)

    @property
    def raw_shape(self) -> Shape:
        """Features of a row."""
        return (self.predictor.width,)

    @property
    def range(self) -> Range:
        """Whole numbers from 0, fewer than a column has levels; NaN for what is missing."""
        most = max(self.predictor.levels) - 1
        return Range(0, most, whole=True, missing=True, advice="give levels of the columns")

    def forward(self, raw: Tensor) -> AnyOrderCells:
        """The distribution of features, (rows, F)."""
        return AnyOrderCells(raw, self.predictor)
