"""Families for counts 0, 1, 2, ... without an upper end."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.data_init import DataInit
from vaekit.distributions.counts import NegativeBinomial, Poisson, ZeroInflated
from vaekit.families.base import COUNTS, Positive, Range, Shape
from vaekit.families.elementwise import independent, widen

COUNT = Range(
    0,
    whole=True,
    advice="counts are 0, 1, 2, ...; for signed or fractional data use likelihood='gaussian'",
)
LEAST = 1e-8  # of a mean


class Counted(DataInit):
    r"""Poisson counts. The mean is ``softplus(raw)`` times a buffer that follows the data's mean,
    so that raw numbers near 0 are typical of each element.

    .. math:: P(k) = m^k e^{-m} / k!
    """

    gain: Tensor
    kind = COUNTS
    has_density = True
    numbers, sizes = 1, 0

    def __init__(self, event_shape: Shape) -> None:
        super().__init__()
        self.event_shape, self.range, self.link = event_shape, COUNT, Positive(1e-4)
        self.register_buffer("gain", torch.ones(event_shape))

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, self.numbers)

    def init_from(self, x: Tensor) -> None:
        """Set the gain from the data's mean."""
        mean = x.nanmean(0, dtype=torch.float64).nan_to_num(0.0)
        self.gain.copy_(mean.clamp_min(1e-2) / self.link(torch.zeros(())))

    def forward(self, raw: Tensor) -> D.Distribution:
        """Counts of each element, independent of each other."""
        mean, *others = raw.chunk(self.numbers, -len(self.event_shape))
        return independent(self.counts(self.gain * self.link(mean), *others), self.event_shape)

    def counts(self, mean: Tensor, *others: Tensor) -> D.Distribution:
        """Counts of a mean.

        Args:
            mean: above 0.
            others: raw numbers beside it; of them the first ``sizes`` say how counts spread.
        """
        return Poisson(mean, validate_args=False)


class OverdispersedCounted(Counted):
    r"""Negative binomial counts by mean m and size r: the variance is m + m^2 / r.

    .. math::
        P(k) = \frac{\Gamma(k + r)}{k!\, \Gamma(r)} \Big(\frac{r}{r + m}\Big)^r
        \Big(\frac{m}{r + m}\Big)^k
    """

    numbers, sizes = 2, 1

    def counts(self, mean: Tensor, *others: Tensor) -> D.Distribution:
        """Negative binomial counts."""
        return NegativeBinomial(mean, self.link(others[0]))


class ZeroInflatedCounted(OverdispersedCounted):
    r"""Negative binomial counts, which are missed with some chance pi and then 0.

    .. math:: P(0) = \pi + (1 - \pi) NB(0), \qquad P(k) = (1 - \pi) NB(k)
    """

    numbers = 3

    def counts(self, mean: Tensor, *others: Tensor) -> D.Distribution:
        """Negative binomial counts, or 0."""
        size, missed = others
        return ZeroInflated(NegativeBinomial(mean, self.link(size)), missed)


class CountMixture(OverdispersedCounted):
    r"""A mixture of two negative binomials of one size: a background of mean m, and a signal of
    mean m (1 + a).

    .. math:: P(k) = (1 - w) NB(k; m, r) + w NB(k; m (1 + a), r)
    """

    numbers = 4

    def counts(self, mean: Tensor, *others: Tensor) -> D.Distribution:
        """Counts of the background, or of the signal."""
        size, share, above = others
        means = torch.stack([mean, mean * (1 + self.link(above))], -1)
        sizes = self.link(size)[..., None].expand(means.shape)
        which = D.Categorical(
            logits=torch.stack([torch.zeros_like(share), share], -1), validate_args=False
        )
        parts = NegativeBinomial(means, sizes)
        return D.MixtureSameFamily(which, parts, validate_args=False)


class OfTotal(DataInit):
    r"""Counts of a row as shares of its total: a decoder says what share each element has, so that
    rows that were measured more deeply are no other rows.

    .. math:: m = t \, \mathrm{softmax}(f(z) + \log s)

    where t is the total, and s are the shares in all training rows. How counts spread about their
    mean is learned once for each element (Lopez et al. 2018).

    Args:
        family: of the counts.
        by_row: whether the decoder says how counts spread, for each row.
    """

    shares: Tensor
    kind = COUNTS
    has_density = True

    def __init__(self, family: Counted, *, by_row: bool = False) -> None:
        super().__init__()
        self.family, self.event_shape, self.range = family, family.event_shape, COUNT
        self.own = 0 if by_row else family.sizes
        self.spread = nn.Parameter(torch.zeros(self.own, *self.event_shape))
        self.register_buffer("shares", torch.zeros(self.event_shape))

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return widen(self.event_shape, self.family.numbers - self.own)

    def init_from(self, x: Tensor) -> None:
        """Let raw numbers near 0 give the shares that all rows have together."""
        mean = x.mean(0, dtype=torch.float64)
        self.shares.copy_((mean + mean.mean() / 100 + 1e-12).log())

    def forward(self, raw: Tensor, total: Tensor) -> D.Distribution:
        """Counts of rows with these totals, (rows, 1)."""
        parts = raw.chunk(self.family.numbers - self.own, -len(self.event_shape))
        share = (parts[0] + self.shares).flatten(1).softmax(1).reshape(parts[0].shape)
        size = total.reshape(-1, *[1] * len(self.event_shape))
        others = [spread.expand_as(share) for spread in self.spread]
        counts = self.family.counts(size * share + LEAST, *others, *parts[1:])
        return independent(counts, self.event_shape)
