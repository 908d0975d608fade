"""Whether a model uses its latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaekit.distributions import kl_per_dimension
from vaekit.evaluation.passes import Rows, in_chunks, known_of
from vaekit.models.drawing import at_mean, from_posterior
from vaekit.system.seeding import seeded

ACTIVE = 0.01


@dataclass(frozen=True)
class LatentHealth:
    """What the latents carry, over a set of rows.

    Args:
        kl: mean KL(q(z_i|x) || p(z_i)) of each dimension in nats, (dim,); None unless both are
            Gaussian.
        variance: variance over the rows of each posterior mean, (dim,).
    """

    kl: Tensor | None
    variance: Tensor

    @property
    def active(self) -> Tensor:
        """Which units are active: their mean moves with x, Var_x(E_q[z_i]) > 0.01 (Burda 2016)."""
        return self.variance > ACTIVE

    @property
    def diagnosis(self) -> str:
        """One sentence for people."""
        used, total = int(self.active.sum()), len(self.active)
        if used == 0:
            return (
                "Posterior collapse: no latent unit depends on the data. Give the KL a warm-up, "
                "free bits, or a weaker decoder."
            )
        if used < total / 4 and total > 4:
            return (
                f"Only {used} of {total} latent units are in use; the others carry nothing. "
                "A smaller latent space would do as well; free bits or a KL warm-up would use more."
            )
        return f"{used} of {total} latent units are in use."


@torch.inference_mode()
def latent_health(model: nn.Module, x: Rows, seed: int = 0) -> LatentHealth:
    """Look at the posteriors of all latents, side by side, over rows of x.

    The KL of a latent that depends on others is taken at one draw of those.
    """
    model.eval()
    with seeded(seed, "health"):
        means, kl = in_chunks(lambda part: _means_and_kl(model, part), x).double().unbind(1)
    known = not bool(kl.isnan().any())
    return LatentHealth(kl.mean(0) if known else None, means.var(0, correction=0))


def _means_and_kl(model: nn.Module, x: Tensor) -> Tensor:
    """The posterior means and KL(q || p) of each dimension, (rows, 2, dim); KL that is not known
    is NaN."""
    drawn = known_of(model, x, from_posterior)
    at = drawn if len(drawn) == 1 else known_of(model, x, at_mean)
    means = torch.cat([q.mean for _, q in at], 1)
    found = [kl_per_dimension(q, p) for p, q in drawn]
    known = [
        torch.full_like(q.mean, torch.nan) if kl is None else kl
        for (_, q), kl in zip(drawn, found, strict=True)
    ]
    return torch.stack([means, torch.cat(known, 1)], 1)
