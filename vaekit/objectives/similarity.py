"""A learned similarity in place of pixels': rows are compared as a discriminator sees them
(Larsen et al. 2016)."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.models.drawing import Generator
from vaekit.models.trace import Trace, replay
from vaekit.networks import dense
from vaekit.objectives.bounds import Bound, elbo
from vaekit.objectives.critics import Critic, by_constants, squared_slope


def apart_from_pixels(pixels: float) -> Bound:
    """The ELBO, by which epochs are compared, with the gradient of ``pixels`` E_q[log p(x|z)] - KL:
    what a decoder makes is told by something else.

    Args:
        pixels: weight of the likelihood.
    """

    if pixels == 1:
        return elbo

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

    where it cannot be better its logit is the log ratio of their densities. Beside that it pays
    :math:`\tfrac12 \text{steep}\, E|\nabla_x \operatorname{logit} D(x)|^2` of rows of the data, so
    that it does not grow too sure to learn from (R1: Mescheder et al. 2018). The penalty is

    .. math:: \tfrac12 |f(x) - f(\tilde x)|^2
        + \text{strength} \cdot \tfrac12 E[-\log D(\tilde x) - \log D(x_p)]

    with f its features, of which each row's have a mean of 0 and a variance of 1: how far rows can
    be from each other does not change as the discriminator learns. The first part reaches encoder
    and decoder, the second the decoder alone.

    Made rows are means of p(x|z). Where the values of the data are few (``Kind.coarse``), a mean is
    plainly none of them, so that they are draws, whose gradient is taken to be their mean's
    (straight through: Bengio et al. 2013).

    Args:
        features: from x, rescaled, to (rows, width) features.
        width: how many.
        strength: of the second part.
        steep: of what the discriminator pays for its slope.
        rescale: what brings x to the numbers that features are made of, and by which slopes are
            measured.
        lr: see :class:`Critic`.
        clip: see :class:`Critic`.
    """

    def __init__(
        self,
        features: nn.Module,
        width: int,
        strength: float = 1.0,
        steep: float = 0.0,
        rescale: nn.Module | None = None,
        lr: float = 1e-3,
        clip: float = 0.0,
    ) -> None:
        super().__init__(lr, clip)
        level = nn.LayerNorm(width, elementwise_affine=False)
        self.rescale, self.net = rescale or nn.Identity(), nn.Sequential(features, level)
        self.strength, self.steep = strength, steep
        self.head = nn.Sequential(nn.SiLU(), dense((width,), (1,), []))

    def features(self, x: Tensor) -> Tensor:
        """f(x), (rows, width), whose gradient does not reach the discriminator."""
        return by_constants(self.net, self.rescale(x))

    def logit(self, x: Tensor) -> Tensor:
        """log D / (1 - D), (rows, 1)."""
        return self._judged(self.rescale(x))

    def forward(self, t: Trace) -> tuple[Tensor, Tensor]:
        """The penalty in nats per row, and the critic's own loss."""
        x, again = t.rows.data, replay(t, fixed=True)
        likelihood: Any = t.model.likelihood
        look = partial(seen, x=x, coarse=likelihood.family.kind.coarse(likelihood.family))
        made, held = look(t.likelihood), look(again.likelihood)
        drawn = look(t.model(Generator(len(x)), t.rows.without_x()))
        wanted = self.features(x).detach()
        far = (self.features(made) - wanted).square().sum(1).mean() / 2
        fooled = self._doubt(held) + self._doubt(drawn)
        own = F.softplus(-self.logit(x)).mean() + self._caught(made) / 2 + self._caught(drawn) / 2
        if self.steep:
            own = own + self.steep * squared_slope(self._judged, self.rescale(x))
        return far + self.strength * fooled / 2, own / 2

    def _judged(self, rescaled: Tensor) -> Tensor:
        found: Tensor = self.head(self.net(rescaled))
        return found

    def _doubt(self, made: Tensor) -> Tensor:
        """- log D, on average, whose gradient reaches what made the rows alone."""
        features = self.features(made)
        return F.softplus(-by_constants(self.head, features)).mean()

    def _caught(self, made: Tensor) -> Tensor:
        """- log (1 - D), on average, whose gradient reaches D alone."""
        return F.softplus(self.logit(made.detach())).mean()


def seen(p: Any, x: Tensor, coarse: bool) -> Tensor:
    """What p(x|z) makes, one for each of rows x, as the discriminator sees it.

    Args:
        p: p(x|z), of as many rows as x or more.
        x: rows of the data.
        coarse: whether to draw, where rows of x have whole numbers alone; else they are means.
    """
    mean: Tensor = p.mean[: len(x)]
    if not coarse:
        return mean
    whole = (x == x.round()).flatten(1).all(1).view(-1, *[1] * (x.dim() - 1))
    draw = p.sample()[: len(x)].to(mean)
    return mean + torch.where(whole, draw - mean, torch.zeros_like(mean)).detach()
