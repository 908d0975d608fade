"""What distributions about a point of a curved space have in common."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor
from torch import distributions as D


class AboutAPoint(D.Distribution):
    """Vectors about one of them.

    Args:
        loc: the point, (*batch, dim).
        width: what says how far from it, (*batch,) or (*batch, dim).
    """

    arg_constraints: dict[str, Any] = {}
    has_rsample = True

    def __init__(self, loc: Tensor, width: Tensor) -> None:
        self.loc, self.width = loc, width
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)

    @property
    def dim(self) -> int:
        """Of the vectors."""
        return self.event_shape[0]

    @property
    def mean(self) -> Tensor:
        """The point: there squared distances within the space are smallest."""
        return self.loc

    def expand(self, batch_shape: Any, _instance: Any = None) -> Self:
        """The same distribution for more rows."""
        own = self.width.shape[len(self.batch_shape) :]
        loc = self.loc.expand(*batch_shape, *self.event_shape)
        return type(self)(loc, self.width.expand(*batch_shape, *own))
