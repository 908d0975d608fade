"""c -> z -> x."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.conditionals import Mixture
from vaekit.data_init import DataInit
from vaekit.models.vae import VAE
from vaekit.rows import Rows
from vaekit.system.seeding import seeded

BATCH, LR, TRIES = 128, 1e-3, 10


class Clustered(VAE):
    r"""A VAE whose rows are of clusters: c ~ p(c), z ~ p(z | c), x ~ p(x | z) (Jiang et al. 2017).

    c is summed out exactly, so that p(z) is a mixture; q(c | x) is p(c | z), the best there can be
    for a code, at the mean of q(z | x).

    Args:
        prior: p(z), with p(c | z).
        posterior: q(z | x).
        likelihood: p(x | z).
        updates: of the pretraining, before the clusters are put where codes are.
    """

    def __init__(self, prior: Mixture, posterior: Any, likelihood: Any, updates: int) -> None:
        super().__init__(prior, posterior, likelihood)
        self.start = Pretraining(prior, posterior, likelihood, updates)

    def classes(self, rows: Rows) -> D.OneHotCategorical | None:
        """q(c | x)."""
        return None if rows.x is None else self.prior.members(self.posterior(rows.x).mean)

    @property
    def first_posterior(self) -> nn.Module:
        """Not to be had: the prior is what says the clusters.

        Raises:
            BadInput: always.
        """
        raise self._keeps_its_prior()

    def put_first_prior(self, prior: Any) -> None:
        """Not to be done.

        Raises:
            BadInput: always.
        """
        raise self._keeps_its_prior()


class Pretraining(DataInit):
    """The start of a model with clusters: as an autoencoder, whose codes a mixture is fitted to.

    It stands behind all parts that look at the data, and has no weights of its own.

    Args:
        prior: p(z).
        posterior: q(z | x).
        likelihood: p(x | z).
        updates: of the autoencoder.
    """

    def __init__(self, prior: Mixture, posterior: Any, likelihood: Any, updates: int) -> None:
        super().__init__()
        self.updates, self.parts = updates, (prior, posterior, likelihood)

    def init_from(self, x: Tensor) -> None:
        """Learn to rebuild rows from their codes, then fit the mixture to the codes."""
        prior, posterior, likelihood = self.parts
        weights = [*posterior.parameters(), *likelihood.parameters()]
        optimizer = torch.optim.Adam(weights, LR)
        with torch.enable_grad(), seeded(0, "pretraining"):
            for _ in range(self.updates):
                batch = x[torch.randint(len(x), (BATCH,))]
                optimizer.zero_grad()
                loss = -likelihood(posterior(batch).mean).log_prob(batch).mean()
                loss.backward()
                optimizer.step()
            optimizer.zero_grad()
        with torch.no_grad(), seeded(0, "clusters"):
            _settle(prior, torch.cat([posterior(part).mean for part in x.split(BATCH)]))


def _settle(prior: Mixture, codes: Tensor) -> None:
    """The likeliest mixture of some tries, each of which begins at other codes."""
    best, kept = torch.tensor(-torch.inf), prior.state_dict()
    for _ in range(TRIES):
        prior.settle(codes[torch.randperm(len(codes))])
        if (found := prior().log_prob(codes).mean()) > best:
            best, kept = found, {name: value.clone() for name, value in prior.state_dict().items()}
    prior.load_state_dict(kept)
