"""A distribution in other units."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch import distributions as D


class Affine(D.Distribution):
    r"""shift + gain y, for a y from ``base``.

    .. math:: \log p(x) = \log p_y((x - \mathrm{shift}) / \mathrm{gain}) - \log \mathrm{gain}

    The shift is taken from x before anything else, so that large offsets cost no digits, and no
    square is taken of numbers in the data's units, which float32 may not hold.

    Args:
        base: of y, elementwise, with loc and scale.
        shift: added.
        gain: > 0.
    """

    has_rsample = True
    arg_constraints: dict[str, Any] = {}

    def __init__(self, base: Any, shift: Tensor, gain: Tensor) -> None:
        self.base, self.shift, self.gain = base, shift, gain
        super().__init__(base.batch_shape, validate_args=False)

    @property
    def support(self) -> Any:
        """The values that have a density."""
        return self.base.support

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self.base.mean * self.gain + self.shift

    @property
    def loc(self) -> Tensor:
        """The base's location, in the units of x."""
        return self.base.loc * self.gain + self.shift

    @property
    def scale(self) -> Tensor:
        """The base's scale, likewise."""
        return self.base.scale * self.gain

    @property
    def stddev(self) -> Tensor:
        """The standard deviation."""
        return self.base.stddev * self.gain

    @property
    def variance(self) -> Tensor:
        """The variance."""
        return self.stddev.square()

    def expand(self, batch_shape: Any, _instance: Any = None) -> Affine:
        """The same distribution for more rows."""
        return Affine(self.base.expand(batch_shape), self.shift, self.gain)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value), in nats, one per element."""
        return self.base.log_prob((value - self.shift) / self.gain) - self.gain.log()

    def cdf(self, value: Tensor) -> Tensor:
        """P(X <= value)."""
        return self.base.cdf((value - self.shift) / self.gain)

    def icdf(self, value: Tensor) -> Tensor:
        """The x below which lies a share ``value``."""
        return self.base.icdf(value) * self.gain + self.shift

    def entropy(self) -> Tensor:
        """In nats."""
        return self.base.entropy() + self.gain.log()

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Draws with gradients to the parameters."""
        return self.base.rsample(sample_shape) * self.gain + self.shift
