"""Student's t without a wait."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch import distributions as D
from torch.distributions.utils import broadcast_all


class StudentT(D.StudentT):
    """torch's Student's t, which checks its degrees of freedom even with ``validate_args=False``
    and so waits for the GPU at every use."""

    def __init__(
        self,
        df: Tensor | float,
        loc: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        self._chi2 = D.Chi2(self.df, validate_args=validate_args)
        D.Distribution.__init__(self, self.df.size(), validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> StudentT:
        """The same distribution for more rows."""
        df, loc, scale = (part.expand(batch_shape) for part in (self.df, self.loc, self.scale))
        return StudentT(df, loc, scale, validate_args=False)
