"""z -> z1 -> ... -> x."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch import distributions as D

from vaekit.models.drawing import Draw


class Rung(nn.Module):
    """One latent of a :class:`Ladder`.

    Args:
        prior: p(z), of so many numbers whatever lies above. posterior: q(z | features of x, state
            above). merge: the state below, from z and the state above.
    """

    def __init__(self, prior: nn.Module, posterior: nn.Module, merge: nn.Module) -> None:
        super().__init__()
        self.prior, self.posterior, self.merge = prior, posterior, merge

    def forward(self, draw: Draw, name: str, seen: Tensor | None, *above: Tensor) -> Tensor:
        """Draw z and return the state below it."""
        if seen is not None and above:
            seen = draw.tile(seen)
        posterior = None if seen is None else self.posterior(seen, *above)
        return self.merge(draw(name, self.prior(), posterior), *above)


class Ladder(nn.Module):
    """Latents in layers, from coarse to fine, inferred in the order in which they generate
    (Sønderby et al. 2016).

    Every layer draws noise of its own, z_i ~ N(0, I), and merges it into a state that depends on
    all layers above; q(z_i | x, those above) is relative to that (Vahdat & Kautz 2020). A layer
    whose prior is N(m(above), s(above)) is the special case of a merge that makes m + s z_i.

    Args:
        stages: networks that see x in ever coarser features, one for each rung.
        rungs: the latents, coarsest first. likelihood: p(x | the last state).
    """

    def __init__(
        self, stages: Sequence[nn.Module], rungs: Sequence[Rung], likelihood: nn.Module
    ) -> None:
        super().__init__()
        self.stages, self.rungs = nn.ModuleList(stages), nn.ModuleList(rungs)
        self.likelihood = likelihood

    @property
    def latents(self) -> dict[str, int]:
        """How many numbers each latent has, by name, in the order in which they are drawn."""
        sizes = [rung.prior().event_shape.numel() for rung in self.rungs]  # type: ignore[operator]
        return dict(zip(names(len(sizes)), sizes, strict=True))

    def forward(self, draw: Draw, x: Tensor | None = None) -> D.Distribution:
        """Draw all latents from the top down and return p(x | all of them)."""
        seen = self._features(x)
        state: tuple[Tensor, ...] = ()
        for name, rung, features in zip(names(len(self.rungs)), self.rungs, seen, strict=True):
            state = (rung(draw, name, features, *state),)
        return self.likelihood(*state)

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
