"""What every graph of latents is: a generative process, and nothing else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.models.drawing import Draw
from vaekit.rows import Rows
from vaekit.system.checks import BadInput

NOTHING = Rows()


class Graph(nn.Module, ABC):
    """A model: latents drawn in generative order, then p(x | latents).

    A graph is used by rules: ``draw("z", prior, posterior)`` gives each latent its value, and who
    calls the model hands the rule in. So one graph trains, generates, encodes, decodes, scores
    and compresses.

    Attributes:
        latents: how many numbers each latent has, by name, in the order in which they are drawn.
        likelihood: p(x | what :meth:`walk` returns).
        told: the name of what is given that is a latent of the model; None if nothing is.
        metric: of the first latent's codes, where one is learned.
    """

    latents: Mapping[str, int]
    likelihood: Any
    told: str | None = None

    def __init__(self, metric: nn.Module | None = None) -> None:
        super().__init__()
        self.metric = metric

    @abstractmethod
    def walk(self, draw: Draw, rows: Rows) -> tuple[Tensor, ...]:
        """Draw all latents; returns what p(x | latents) is made of, ``draw.rows`` rows each."""

    @property
    @abstractmethod
    def posteriors(self) -> list[Any]:
        """q of each latent, in order."""

    @property
    def inferring(self) -> list[nn.Module]:
        """All that has a part in q alone."""
        return self.posteriors

    def emit(self, *state: Tensor) -> D.Distribution:
        """p(x | latents), from what :meth:`walk` returned."""
        return self.likelihood(*state)

    def forward(self, draw: Draw, rows: Rows = NOTHING) -> D.Distribution:
        """Draw all latents by the rule handed in and return p(x | latents)."""
        return self.emit(*self.walk(draw, rows))

    @property
    @abstractmethod
    def priors(self) -> list[Any]:
        """p of each latent, in order."""

    @property
    def first_posterior(self) -> nn.Module:
        """q(z | x, given) of the first latent, which shares its weights with this graph.

        Raises:
            BadInput: for a graph whose first latent's prior cannot be replaced.
        """
        raise self._keeps_its_prior()

    def put_first_prior(self, prior: Any) -> None:
        """Let the first latent have another prior.

        Raises:
            BadInput: for a graph where that cannot be done.
        """
        raise self._keeps_its_prior()

    def _keeps_its_prior(self) -> BadInput:
        return BadInput(f"the prior of a {type(self).__name__} cannot be refitted")

    def networks(self, rows: Rows) -> dict[str, tuple[nn.Module, tuple[Tensor, ...]]]:
        """Networks to look into, by name, each with what it is called with for these rows; none
        if the model is best seen as a whole."""
        return {}

    def path(self, start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
        """Codes on the way from one to another, (pairs, shares, dim), each latent as its prior
        leads."""
        sizes = list(self.latents.values())
        ends = zip(self.priors, start.split(sizes, -1), end.split(sizes, -1), strict=True)
        return torch.cat([prior.path(a, b, shares) for prior, a, b in ends], -1)

    def fitting(self, codes: Tensor, held: list[int]) -> Tensor:
        """Codes that somebody made up, (..., dim), brought to where there are codes, the numbers
        ``held`` as they are where they can be; each latent as its prior knows."""
        found, first = [], 0
        for prior, own in zip(self.priors, codes.split([*self.latents.values()], -1), strict=True):
            kept = [place - first for place in held if 0 <= place - first < own.shape[-1]]
            found.append(prior.fitting(own, kept))
            first += own.shape[-1]
        return torch.cat(found, -1)

    def quantiles(self, shares: Tensor) -> Tensor | None:
        """The values below which a share of the prior's mass lies in each dimension of a code,
        (shares, dim); None where they are not known."""
        each = [prior.quantiles(shares) for prior in self.priors]
        known = [values for values in each if values is not None]
        return torch.cat(known, -1) if known and len(known) == len(each) else None

    def classes(self, rows: Rows) -> Any:
        """q(class | x), (B,) rows of one-hot vectors, of a model with a latent that is a class,
        whatever is known of it; None for all others, and for rows without x."""
        return None

    @property
    def may_be_untold(self) -> bool:
        """Whether it learned to do without what it is given."""
        return False

    @property
    def has_density(self) -> bool:
        """False if a posterior is a point: then there is no KL, no ELBO and no log p(x)."""
        return all(posterior.has_density for posterior in self.posteriors)

    @property
    def is_noisy(self) -> bool:
        """Whether new rows are draws of p(x|z). Those of an autoencoder are its means, since the
        noise that belongs to a squared error was never fitted, but where values are few."""
        if self.has_density:
            return True
        family = self.likelihood.family
        return bool(family.kind.coarse(family))
