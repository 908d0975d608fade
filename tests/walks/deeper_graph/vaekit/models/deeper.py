"""z -> w -> x."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from vaekit.models.drawing import Draw
from vaekit.models.graph import Graph
from vaekit.rows import Rows


class Deeper(Graph):
    """Two latents, the second's prior learned: z ~ p(z), w ~ p(w | z), x ~ p(x | w).

    Args:
        features: what the posteriors see of x.
        top: p(z).
        top_posterior: q(z | features).
        second: p(w | z).
        second_posterior: q(w | features, z).
        likelihood: p(x | w).
    """

    def __init__(
        self,
        features: nn.Module,
        top: Any,
        top_posterior: Any,
        second: Any,
        second_posterior: Any,
        likelihood: Any,
    ) -> None:
        super().__init__()
        self.features, self.likelihood = features, likelihood
        self.top, self.top_posterior = top, top_posterior
        self.second, self.second_posterior = second, second_posterior
        self.latents = {n: math.prod(p.event_shape) for n, p in (("z", top), ("w", second))}

    @property
    def posteriors(self) -> list[Any]:
        return [self.top_posterior, self.second_posterior]

    @property
    def priors(self) -> list[Any]:
        return [self.top, self.second]

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        seen = () if rows.x is None else (self.features(rows.x),)
        z = draw("z", self.top(), self.top_posterior(*seen) if seen else None)
        each = tuple(map(draw.tile, seen))
        w = draw("w", self.second(z), self.second_posterior(*each, z) if each else None)
        return (w,)
