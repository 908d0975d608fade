"""Correlated normals whose own scales may be small beside what is shared."""

from __future__ import annotations

from torch import Tensor
from torch import distributions as D


class LowRankNormal(D.LowRankMultivariateNormal):
    r"""Covariance W W^T + diag(s^2).

    The quadratic form of its density is a difference of two numbers near \|W\|^2 / s^2. They are
    taken in float64: in float32 a thousand nats would be lost where s is 1e-4 of W.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        exact = D.LowRankMultivariateNormal(
            self.loc.double(), self.cov_factor.double(), self.cov_diag.double(), validate_args=False
        )
        return exact.log_prob(value.double()).to(self.loc.dtype)
