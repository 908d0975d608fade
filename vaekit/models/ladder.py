"""z -> z1 -> ... -> x."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from torch import distributions as D

from vaekit.models.drawing import Draw
from vaekit.models.graph import Graph
from vaekit.rows import Rows


class Rung(nn.Module):
    """One latent of a :class:`Ladder`.

    Args:
        prior: p(z), of so many numbers whatever lies above.
        posterior: q(z | features of x, state above).
        merge: the state below, from z and the state above.
    """

    def __init__(self, prior: Any, posterior: Any, merge: nn.Module) -> None:
        super().__init__()
        self.prior, self.posterior, self.merge = prior, posterior, merge

    def forward(self, draw: Draw, name: str, seen: Tensor | None, *above: Tensor) -> Tensor:
        """Draw z."""
        if seen is not None and above:
            seen = draw.tile(seen)
        posterior = None if seen is None else self.posterior(seen, *above)
        return draw(name, self.prior(), posterior)


class Seen(nn.Module):
    """q(z | x) of a ladder's top latent.

    Args:
        stages: networks that see x in ever coarser features.
        posterior: q(z | the coarsest features).
    """

    def __init__(self, stages: nn.ModuleList, posterior: nn.Module) -> None:
        super().__init__()
        self.stages, self.posterior = stages, posterior

    def forward(self, x: Tensor, *given: Tensor) -> D.Distribution:
        """q(z | x), (B,) rows."""
        for stage in self.stages:
            x = stage(x)
        return self.posterior(x)


class Ladder(Graph):
    """Latents in layers, from coarse to fine, inferred in the order in which they generate
    (Sønderby et al. 2016).

    Every layer draws noise of its own, z_i ~ N(0, I), and merges it into a state that depends on
    all layers above; q(z_i | x, those above) is relative to that (Vahdat & Kautz 2020). A layer
    whose prior is N(m(above), s(above)) is the special case of a merge that makes m + s z_i.

    Args:
        stages: networks that see x in ever coarser features, one for each rung.
        rungs: the latents, coarsest first.
        likelihood: p(x | the last state).
    """

    def __init__(
        self, stages: Sequence[nn.Module], rungs: Sequence[Rung], likelihood: nn.Module
    ) -> None:
        super().__init__()
        self.stages, self.rungs = nn.ModuleList(stages), nn.ModuleList(rungs)
        self.likelihood = likelihood
        sizes = [math.prod(rung.prior.event_shape) for rung in rungs]
        self.latents = dict(zip(names(len(rungs)), sizes, strict=True))

    @property
    def posteriors(self) -> list[Any]:
        """q of each rung, coarsest first."""
        return [rung.posterior for rung in self.rungs]

    @property
    def inferring(self) -> list[nn.Module]:
        """What sees x, and q of each rung."""
        return [self.stages, *self.posteriors]

    @property
    def priors(self) -> list[Any]:
        """p of each rung, coarsest first."""
        return [rung.prior for rung in self.rungs]

    @property
    def first_posterior(self) -> nn.Module:
        """q(z | x)."""
        return Seen(self.stages, self.rungs[0].posterior)  # type: ignore[arg-type]

    def put_first_prior(self, prior: Any) -> None:
        """Let the top latent have another prior."""
        self.rungs[0].prior = prior

    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Draw all latents from the top down; returns the last one and the state above it."""
        state: tuple[Tensor, ...] = ()
        drawn: tuple[Tensor, ...] = ()
        seen = self._features(rows.x)
        for number, (name, features) in enumerate(zip(self.latents, seen, strict=True)):
            if drawn:
                state = (self._merged(number - 1, *drawn, *state),)
            drawn = (self.rungs[number](draw, name, features, *state),)
        return *drawn, *state

    def _merged(self, number: int, *state: Tensor) -> Tensor:
        return self.rungs[number].merge(*state)  # type: ignore[operator]

    def emit(self, *state: Tensor) -> D.Distribution:
        """p(x | all latents): the last one is merged into the state."""
        return self.likelihood(self._merged(-1, *state))

    def _features(self, x: Tensor | None) -> list[Tensor | None]:
        """What the rungs see of x, coarsest first."""
        if x is None:
            return [None] * len(self.rungs)
        found: list[Tensor | None] = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found[::-1]


def names(rungs: int) -> list[str]:
    """z, z1, z2, ...: the latents of a ladder from the top down."""
    return ["z", *(f"z{i}" for i in range(1, rungs))]
