"""The aggregate posterior q(z), the mean of q(z|x) over the data, beside the prior."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D

from vaekit.distributions.divergences import is_gaussian
from vaekit.evaluation.passes import Rows, chunks, known_of
from vaekit.models.drawing import at_mean
from vaekit.system.seeding import seeded

ROWS, AT_ONCE = 4_000, 100


@dataclass(frozen=True)
class Aggregate:
    """The mean KL(q(z|x) || p(z)) taken apart, in nats (Hoffman & Johnson 2016; Chen et al. 2018).

    kl = mutual_information + total_correlation + sum(dimension_kl), when the prior's dimensions
    are independent. Estimated with q(z) as a mixture over ``rows`` rows, so that the mutual
    information cannot exceed log(rows).

    Args:
        mutual_information: of z and the row's index: how many nats a code tells of its row.
        total_correlation: KL(q(z) || prod_i q(z_i)): how dependent the dimensions are.
        dimension_kl: KL(q(z_i) || p(z_i)) of each dimension.
        marginal_kl: KL(q(z) || p(z)): how far codes of data lie from the prior; total
            correlation and the sum of dimension_kl together.
    """

    rows: int
    kl: float
    mutual_information: float
    total_correlation: float
    dimension_kl: list[float]

    @property
    def marginal_kl(self) -> float:
        return self.total_correlation + sum(self.dimension_kl)

    @property
    def saturated(self) -> bool:
        """Whether the mutual information is too near log(rows) to be trusted."""
        return self.mutual_information > math.log(self.rows) - 1

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "marginal_kl": self.marginal_kl, "saturated": self.saturated}


@torch.inference_mode()
def aggregate(model: Any, x: Rows, *, seed: int = 0) -> Aggregate | None:
    """Look at the aggregate posterior over up to 4,000 rows of x.

    Returns None unless the model has one latent, prior and posterior are both Gaussian and the
    prior's dimensions are independent.
    """
    model.eval()
    if len(model.latents) > 1:
        return None
    latents = [known_of(model, part, at_mean)[0] for part in chunks(x[:ROWS])]
    prior = latents[0].prior
    if not all(is_gaussian(d) for d in (prior, latents[0].posterior)) or prior.batch_shape:
        return None
    with seeded(seed, "aggregate"):
        draws = [latent.posterior.sample() for latent in latents]
    parts = [_log_densities(z, latents) for z in torch.cat(draws).split(AT_ONCE)]
    joint, marginals = (torch.cat(values) for values in zip(*parts, strict=True))
    own = torch.cat([q.posterior.log_prob(z) for q, z in zip(latents, draws, strict=True)]).double()
    log_p = D.Normal(prior.mean, prior.stddev).log_prob(torch.cat(draws)).double()
    return Aggregate(
        rows=len(own),
        kl=(own - log_p.sum(-1)).mean().item(),
        mutual_information=(own - joint).mean().item(),
        total_correlation=(joint - marginals.sum(-1)).mean().item(),
        dimension_kl=(marginals - log_p).mean(0).tolist(),
    )


def _log_densities(z: Tensor, latents: list) -> tuple[Tensor, Tensor]:
    """log q(z), (rows,), and log q(z_i), (rows, dim), for codes z, in float64."""
    joint, marginals = [], []
    for latent in latents:
        q = latent.posterior
        joint.append(q.log_prob(z[:, None]))
        marginals.append(D.Normal(q.mean, q.stddev, validate_args=False).log_prob(z[:, None]))
    count = math.log(sum(part.shape[1] for part in joint))
    return (
        torch.logsumexp(torch.cat(joint, 1).double(), 1) - count,
        torch.logsumexp(torch.cat(marginals, 1).double(), 1) - count,
    )
