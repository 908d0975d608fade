"""Models in fixed point: the same graph of latents, each of its parts exact.

A new graph, or a new kind of part, adds one registration of :func:`fixed_point_copy`, or is
refused.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from vaekit.codec import cells, mixtures  # noqa: F401 (they register themselves)
from vaekit.codec.by_type import ByType, refused
from vaekit.codec.families import symbols_of
from vaekit.codec.layers import exact
from vaekit.codec.posteriors import CorrelatedNormal
from vaekit.codec.priors import fixed_point_prior
from vaekit.codec.symbols import Symbols
from vaekit.conditionals import Conditional
from vaekit.models import VAE, Ladder, Rung


class FixedPointConditional(nn.Module):
    """A conditional in fixed point: whole numbers in, symbols out."""

    def __init__(self, conditional: Conditional) -> None:
        super().__init__()
        self.symbols, self.net = symbols_of(conditional.family), exact(conditional.net)
        self.event_shape = conditional.event_shape

    def forward(self, *given: Tensor) -> Symbols | CorrelatedNormal:
        """What the coder needs of p(a | given)."""
        return self.symbols(self.net(*given))


class FixedPointMap(nn.Module):
    """A network in fixed point."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = exact(net)

    def forward(self, *given: Tensor) -> Any:
        """What the network gives, in fixed-point numbers."""
        return self.net(*given)


@ByType
def fixed_point_copy(part: Any) -> Any:
    """The fixed-point copy of a model or of one of its conditionals, for coding.

    Raises:
        BadInput: where it or a part of it has none.
    """
    raise refused(part)


fixed_point_copy.register(Conditional, FixedPointConditional)


@fixed_point_copy.register
def fixed_point_vae(model: VAE) -> VAE:
    """z -> x."""
    likelihood, posterior = map(fixed_point_copy, (model.likelihood, model.posterior))
    side = None if model.side is None else FixedPointMap(model.side)
    return VAE(fixed_point_prior(model.prior), posterior, likelihood, side).eval()


@fixed_point_copy.register
def fixed_point_ladder(model: Ladder) -> Ladder:
    """z -> z1 -> ... -> x."""
    likelihood = fixed_point_copy(model.likelihood)
    rungs = [fixed_point_copy(rung) for rung in model.rungs]
    stages = [FixedPointMap(stage) for stage in model.stages]
    return Ladder(stages, rungs, likelihood).eval()


@fixed_point_copy.register
def fixed_point_rung(rung: Rung) -> Rung:
    """One latent of a ladder."""
    posterior, merge = fixed_point_copy(rung.posterior), FixedPointMap(rung.merge)
    return Rung(fixed_point_prior(rung.prior), posterior, merge)
