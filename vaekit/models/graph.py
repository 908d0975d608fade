"""What every graph of latents is: a generative process, and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch import distributions as D

from vaekit.models.drawing import Draw
from vaekit.rows import Rows

NOTHING = Rows()


class Graph(nn.Module, ABC):
    """A model: latents drawn in generative order, then p(x | latents).

    A graph is used by rules: ``draw("z", prior, posterior)`` gives each latent its value, and who
    calls the model hands the rule in. So one graph trains, generates, encodes, decodes, scores
    and compresses.

    Attributes:
        latents: how many numbers each latent has, by name, in the order in which they are drawn.
        likelihood: p(x | what :meth:`walk` returns).
    """

    latents: Mapping[str, int]
    likelihood: Any

    @abstractmethod
    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Draw all latents; returns what p(x | latents) is made of, ``draw.rows`` rows each."""

    @property
    @abstractmethod
    def posteriors(self) -> list[Any]:
        """q of each latent, in order."""

    def emit(self, *state: Tensor) -> D.Distribution:
        """p(x | latents), from what :meth:`walk` returned."""
        return self.likelihood(*state)

    def forward(self, draw: Draw, rows: Rows = NOTHING) -> D.Distribution:
        """Draw all latents by the rule handed in and return p(x | latents)."""
        return self.emit(*self.walk(draw, rows))

    @property
    def has_density(self) -> bool:
        """False if a posterior is a point: then there is no KL, no ELBO and no log p(x)."""
        return all(posterior.has_density for posterior in self.posteriors)
