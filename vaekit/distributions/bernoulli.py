"""The continuous Bernoulli as a proper density for any logit."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributions as D
from torch.distributions import constraints

NEAR = 0.5  # logits nearer 0 than this go by series: the closed forms lose digits there
VERY_NEAR = 0.05


class ContinuousBernoulli(D.Distribution):
    r"""A value in [0, 1] whose log density is a straight line of slope l.

    .. math:: \log p(x) = l x - \log(1 + e^l) + \log \frac{l}{\tanh(l / 2)}
              = -|l| y + \log \frac{|l|}{1 - e^{-|l|}}

    where y is the distance of x from the likelier end. torch's own clamps the probability
    sigmoid(l) to seven digits, so that it is no density for \|l\| above 15.

    Args:
        logits: l, any number.
        validate_args: whether torch checks what it is given.

    Source: Loaiza-Ganem & Cunningham 2019, The continuous Bernoulli.
    """

    arg_constraints = {"logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor, validate_args: bool | None = None) -> None:
        self.logits = logits
        super().__init__(logits.shape, validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> ContinuousBernoulli:
        """The same distribution for more rows."""
        return ContinuousBernoulli(self.logits.expand(batch_shape), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        slope, square = self._steep(), self._near().square()
        flat = (value - 0.5) * self.logits - _log_sinhc(square)
        steep = slope.log() - (-torch.expm1(-slope)).log() - slope * self._from_likely(value)
        return torch.where(self._is_near, flat, steep)

    @property
    def mean(self) -> Tensor:
        """1 / (1 - exp(-l)) - 1 / l."""
        near, slope = self._near(), self._steep()
        square = near.square()
        series = 1 / 12 - square * (1 / 720 - square * (1 / 30240 - square / 1209600))
        away = 1 / slope - torch.exp(-slope) / -torch.expm1(-slope)
        return torch.where(self._is_near, 0.5 + near * series, self._from_likely(away))

    @property
    def variance(self) -> Tensor:
        """1 / l^2 - 1 / (4 sinh^2(l / 2))."""
        slope, square = self._steep(), self._near().square()
        series = 1 / 12 - square * (1 / 240 - square * (1 / 6048 - square / 172800))
        steep = slope.square().reciprocal() - torch.exp(-slope) / torch.expm1(-slope).square()
        return torch.where(self._is_near, series, steep)

    def entropy(self) -> Tensor:
        """In nats; the log density is a straight line, so its mean is its value at the mean."""
        return -self.log_prob(self.mean)

    def cdf(self, value: Tensor) -> Tensor:
        """P(X <= value): (exp(l value) - 1) / (exp(l) - 1)."""
        slope, near = self._steep(VERY_NEAR), self._near(VERY_NEAR)
        rest = value * (1 - value)
        second = (1 - 2 * value) / 12
        flat = value - rest * near * (0.5 - near * (second + near * rest / 24))
        steep = torch.expm1(-slope * self._from_likely(value)) / torch.expm1(-slope)
        return torch.where(near == self.logits, flat, self._from_likely(steep))

    def icdf(self, value: Tensor) -> Tensor:
        """The x below which lies a share ``value``: log(1 + value (exp(l) - 1)) / l."""
        near = self._near(VERY_NEAR)
        rest = value * (1 - value)
        third, fourth = (1 - 2 * value) / 6, (1 - 6 * rest) / 24
        flat = value + rest * near * (0.5 + near * (third + near * fourth))
        steep = self._from_likely(self._quantile(value))
        return torch.where(near == self.logits, flat, steep).clamp(0, 1)

    def _quantile(self, value: Tensor) -> Tensor:
        """Of the distance from the likelier end: - log(1 - share (1 - exp(-|l|))) / |l|."""
        slope, share = self._steep(VERY_NEAR), self._from_likely(value)
        rest = torch.where(self.logits > 0, value, 1 - value)
        most = -share * torch.expm1(-slope)
        few, many = torch.log1p(-most.clamp_max(0.5)), share.log() - slope
        return -torch.where(most < 0.5, few, torch.logaddexp(rest.log(), many)) / slope

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the parameters."""
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device))

    @property
    def _is_near(self) -> Tensor:
        return self.logits.abs() < NEAR

    def _near(self, limit: float = NEAR) -> Tensor:
        """The logits where they are near 0; elsewhere the limit."""
        return self.logits.clamp(-limit, limit)

    def _steep(self, limit: float = NEAR) -> Tensor:
        """Their size where they are not; elsewhere the limit."""
        return self.logits.abs().clamp_min(limit)

    def _from_likely(self, value: Tensor) -> Tensor:
        """How far a value lies from the likelier end, and the reverse."""
        return torch.where(self.logits > 0, 1 - value, value)


def _log_sinhc(square: Tensor) -> Tensor:
    """log(sinh(l / 2) / (l / 2)) of l^2, as a series for small l."""
    return square * (1 / 24 - square * (1 / 2880 - square * (1 / 181440 - square / 9676800)))
