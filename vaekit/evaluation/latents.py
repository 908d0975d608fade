"""Whether a model uses its latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vaekit.distributions import kl_per_dimension
from vaekit.evaluation.passes import Rows, in_chunks, latent_of

ACTIVE = 0.01


@dataclass(frozen=True)
class LatentHealth:
    """What the latent ``z`` carries, over a set of rows.

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
def latent_health(model: nn.Module, x: Rows, name: str = "z") -> LatentHealth:
    """Look at the posterior of one latent over rows of x."""
    model.eval()

    def both(part: Tensor) -> Tensor:
        latent = latent_of(model, part, name)
        kl = kl_per_dimension(latent.posterior, latent.prior)
        means = latent.posterior.mean
        return torch.stack([means, torch.full_like(means, torch.nan) if kl is None else kl], 1)

    means, kl = in_chunks(both, x).double().unbind(1)
    known = not bool(kl.isnan().any())
    return LatentHealth(kl.mean(0) if known else None, means.var(0, correction=0))
