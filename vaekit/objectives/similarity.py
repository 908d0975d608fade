"""A learned similarity in place of pixels': rows are compared as a discriminator sees them
(Larsen et al. 2016)."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.models.drawing import Generator
from vaekit.models.trace import Trace, replay
from vaekit.networks import dense
from vaekit.objectives.bounds import Bound, elbo
from vaekit.objectives.critics import Critic, by_constants


def apart_from_pixels(pixels: float) -> Bound:
    """The ELBO, by which epochs are compared, with the gradient of ``pixels`` E_q[log p(x|z)] - KL:
    what a decoder makes is told by something else.

    Args:
        pixels: weight of the likelihood.
    """

    @partial(Bound)
    def apart_from_pixels(t: Trace) -> Tensor:
        moved = (t.log_weight.exp() * (pixels * t.log_px - t.kl_weight * t.kl)).sum(0)
        return elbo(t).detach() + moved - moved.detach()

    return apart_from_pixels


class Discriminator(Critic):
    r"""A classifier D of rows that learns to tell those of the data from those that a decoder made,
    half of them of codes of the same rows, half of draws of the prior:

    .. math:: \text{own} = \tfrac12 E[-\log D(x)] + \tfrac14 E[-\log (1 - D(\tilde x))]
        + \tfrac14 E[-\log (1 - D(x_p))]

    where it cannot be better its logit is the log ratio of their densities. The penalty is

    .. math:: \tfrac12 |f(x) - f(\tilde x)|^2
        + \text{strength} \cdot \tfrac12 E[-\log D(\tilde x) - \log D(x_p)]

    with f its features. The first part reaches encoder and decoder, the second the decoder alone.

    Args:
        features: from x to (rows, width) features.
        width: how many.
        strength: of the second part.
        lr: see :class:`Critic`.
        clip: see :class:`Critic`.
    """

    def __init__(
        self,
        features: nn.Module,
        width: int,
        strength: float = 1.0,
        lr: float = 1e-3,
        clip: float = 0.0,
    ) -> None:
        super().__init__(lr, clip)
        self.features, self.strength = features, strength
        self.head = nn.Sequential(nn.SiLU(), dense((width,), (1,), []))

    def logit(self, x: Tensor) -> Tensor:
        """log D / (1 - D), (rows, 1)."""
        return self.head(self.features(x))

    def forward(self, t: Trace) -> tuple[Tensor, Tensor]:
        """The penalty in nats per row, and the critic's own loss."""
        rows, again = len(t.rows), replay(t, fixed=True)
        x, made = t.rows.data, t.likelihood.mean[:rows]
        drawn = t.model(Generator(rows), t.rows.without_x()).mean
        seen = by_constants(self.features, x).detach()
        far = (by_constants(self.features, made) - seen).square().sum(1).mean() / 2
        fooled = self._doubt(again.likelihood.mean[:rows]) + self._doubt(drawn)
        own = F.softplus(-self.logit(x)).mean() + self._caught(made) / 2 + self._caught(drawn) / 2
        return far + self.strength * fooled / 2, own / 2

    def _doubt(self, made: Tensor) -> Tensor:
        """- log D, on average, whose gradient reaches what made the rows alone."""
        features = by_constants(self.features, made)
        return F.softplus(-by_constants(self.head, features)).mean()

    def _caught(self, made: Tensor) -> Tensor:
        """- log (1 - D), on average, whose gradient reaches D alone."""
        return F.softplus(self.logit(made.detach())).mean()
