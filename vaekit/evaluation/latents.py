"""Whether a model uses its latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from vaekit.distributions import kl_per_dimension
from vaekit.evaluation.passes import at_mean, chunks, drawn, in_chunks, latent_distributions
from vaekit.models import Graph
from vaekit.rows import AnyRows, Rows
from vaekit.system.seeding import seeded

ACTIVE = 0.01
FEWEST = 10  # different rows that show which latents move

NONE_USED = "No latent unit depends on the data: train longer, or at another learning rate."
NONE_USED_WITH_KL = (
    "Posterior collapse: no latent unit depends on the data. Give the KL a warm-up, "
    "free bits, or a weaker decoder."
)


@dataclass(frozen=True)
class LatentHealth:
    """What the latents carry, over a set of rows.

    Args:
        kl: mean KL(q(z_i|x) || p(z_i)) of each dimension in nats, (dim,); None unless both are
            Gaussian.
        variance: variance over the rows of each posterior mean, (dim,).
        rows: how many there are.
        different: how many of them differ, counted up to 10.
    """

    kl: Tensor | None
    variance: Tensor
    rows: int = FEWEST
    different: int = FEWEST

    @property
    def active(self) -> Tensor:
        """Which units are active: their mean moves with x, Var_x(E_q[z_i]) > 0.01 (Burda 2016)."""
        return self.variance > ACTIVE

    @property
    def can_tell(self) -> bool:
        """Whether there are rows enough, and different ones, to show which units are active."""
        return self.different >= FEWEST

    @property
    def is_sparse(self) -> bool:
        """Whether most of many units carry nothing."""
        return len(self.active) > 4 and int(self.active.sum()) < len(self.active) / 4

    @property
    def diagnosis(self) -> str:
        """One sentence for people, of a model with a KL."""
        return self.said(has_kl=True)

    def said(self, *, has_kl: bool) -> str:
        """One sentence for people.

        Args:
            has_kl: whether the model has a KL, of which less might be asked for.
        """
        used, total = int(self.active.sum()), len(self.active)
        if not self.can_tell:
            return self._too_few
        if used == 0:
            return NONE_USED_WITH_KL if has_kl else NONE_USED
        if self.is_sparse:
            more = "; free bits or a KL warm-up would use more." if has_kl else "."
            return (
                f"Only {used} of {total} latent units are in use; the others carry nothing. "
                f"A smaller latent space would do as well{more}"
            )
        return f"{used} of {total} latent units are in use."

    @property
    def _too_few(self) -> str:
        if self.rows < FEWEST:
            do = "do" if self.rows > 1 else "does"
            return f"{_rows(self.rows)} {do} not show which latent units are used."
        alike = "all the same" if self.different == 1 else f"only {self.different} different ones"
        return f"{_rows(self.rows)}, {alike}, do not show which latent units are used."


def _rows(number: int) -> str:
    return f"{number:,} row{'s' * (number != 1)}"


@torch.inference_mode()
def latent_health(model: Graph, rows: AnyRows, seed: int = 0) -> LatentHealth:
    """Look at the posteriors of all latents, side by side, over some rows.

    The KL of a latent that depends on others is taken at one draw of those.
    """
    model.eval()
    with seeded(seed, "health"):
        means, kl = in_chunks(lambda part: _means_and_kl(model, part), rows).double().unbind(1)
    known = not bool(kl.isnan().any())
    variance = means.var(0, correction=0)
    return LatentHealth(kl.mean(0) if known else None, variance, len(rows), _different(rows))


def _different(rows: AnyRows) -> int:
    """How many rows differ, counted no further than is needed."""
    seen: set[bytes] = set()
    for part in chunks(rows):
        for row in range(len(part)):
            seen.add(b"".join(t[row].cpu().numpy().tobytes() for t in part.tensors))
            if len(seen) == FEWEST:
                return FEWEST
    return len(seen)


def _means_and_kl(model: Graph, rows: Rows) -> Tensor:
    """The posterior means and KL(q || p) of each dimension, (rows, 2, dim); KL that is not known
    is NaN."""
    known = latent_distributions(model, rows, drawn).values()
    at = known if len(known) == 1 else latent_distributions(model, rows, at_mean).values()
    means = [latent.posterior.mean for latent in at]
    found = [kl_per_dimension(latent.posterior, latent.prior) for latent in known]
    filled = [
        torch.full_like(mean, torch.nan) if kl is None else kl
        for mean, kl in zip(means, found, strict=True)
    ]
    return torch.stack([torch.cat(means, 1), torch.cat(filled, 1)], 1)
