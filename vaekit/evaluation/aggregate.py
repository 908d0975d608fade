"""The aggregate posterior q(z), the mean of q(z|x) over the data, beside the prior."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from vaekit.distributions.divergences import log_prob_per_element, marginals
from vaekit.evaluation.figures import Figure
from vaekit.evaluation.passes import (
    LatentDistributions,
    at_mean,
    chunks,
    drawn,
    latent_distributions,
)
from vaekit.models import Graph
from vaekit.rows import AnyRows
from vaekit.system.seeding import seeded, some

ROWS, AT_ONCE = 4_000, 100
ROUNDING = 1e-5  # nats: less is what float32 makes of densities


@dataclass(frozen=True)
class Aggregate:
    """The mean KL(q(z|x) || p(z)) taken apart, in nats (Hoffman & Johnson 2016; Chen et al. 2018).

    kl = mutual_information + marginal_kl, and where the prior's dimensions are independent
    marginal_kl = total_correlation + sum(dimension_kl). Estimated with q(z) as a mixture over
    ``rows`` rows, so that the mutual information cannot exceed log(rows); where it comes near that,
    it is at least what is said, and marginal_kl and total_correlation at most. None of them is
    below 0 in truth; as means over draws they may be, where the truth is near 0. What is nearer to
    0 than densities in float32 are exact is 0.

    Args:
        rows: how many were looked at.
        kl: mean KL(q(z|x) || p(z)).
        mutual_information: of z and the row's index: how many nats a code tells of its row.
        total_correlation: KL(q(z) || prod_i q(z_i)): how dependent the dimensions are.
        marginal_kl: KL(q(z) || p(z)): how far codes of data lie from the prior.
        dimension_kl: KL(q(z_i) || p(z_i)) of each dimension; None where the prior's dimensions
            depend on each other.
        mutual_information_error: a standard error, from the spread over the rows; None for one
            row. Where the truth is near 0, the estimate may lie below it.
    """

    rows: int
    kl: float
    mutual_information: float
    total_correlation: float
    marginal_kl: float
    dimension_kl: list[float] | None
    mutual_information_error: float | None = None

    @property
    def saturated(self) -> bool:
        """Whether the mutual information is too near log(rows) to be trusted."""
        return self.mutual_information > math.log(self.rows) - 1

    @property
    def figures(self) -> tuple[Figure, ...]:
        """As people read them."""
        shown = "1 row shows" if self.rows == 1 else f"{self.rows:,} rows show"
        least = f"at least: {shown} no more" if self.saturated else ""
        most = f"at most: {shown} no less" if self.saturated else ""
        return (
            Figure(
                "mutual information", self.mutual_information, self.mutual_information_error,
                least or "of code and row",
            ),
            Figure("marginal KL", self.marginal_kl, note=most or "from all codes to the prior"),
            Figure(
                "total correlation", self.total_correlation, note=most or "between latent units"
            ),
        )  # fmt: skip

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "saturated": self.saturated}


@torch.inference_mode()
def aggregate(model: Graph, rows: AnyRows, *, seed: int = 0) -> Aggregate | None:
    """Look at the aggregate posterior over up to 4,000 rows, chosen at random.

    Returns None unless the model has one latent whose posterior is normal, or a mixture of normals.
    """
    model.eval()
    if len(model.latents) != 1:
        return None
    found = [
        latent
        for part in chunks(rows[some(len(rows), ROWS, seed)])
        for latent in latent_distributions(model, part, at_mean).values()
    ]
    if marginals(found[0].posterior) is None:
        return None
    with seeded(seed, "aggregate"):
        draws = [drawn(latent.posterior) for latent in found]
    parts = [_log_densities(z, found) for z in torch.cat(draws).split(AT_ONCE)]
    joint, single = (torch.cat(values) for values in zip(*parts, strict=True))
    pairs = list(zip(found, draws, strict=True))
    own = torch.cat([latent.posterior.log_prob(z) for latent, z in pairs]).double()
    log_p = torch.cat([latent.prior.log_prob(z) for latent, z in pairs]).double()
    each = [log_prob_per_element(latent.prior, z) for latent, z in pairs]
    return Aggregate(
        rows=len(own),
        kl=_mean(own - log_p),
        mutual_information=_mean(own - joint),
        total_correlation=_mean(joint - single.sum(-1)),
        marginal_kl=_mean(joint - log_p),
        dimension_kl=_dimension_kl(single, each),
        mutual_information_error=_standard_error(own - joint),
    )


def _mean(each: Tensor) -> float:
    """The mean of some numbers, but for rounding."""
    found = each.mean().item()
    return 0.0 if abs(found) < ROUNDING else found


def _standard_error(each: Tensor) -> float | None:
    """Of the mean of some numbers."""
    return each.std().item() / math.sqrt(len(each)) if len(each) > 1 else None


def _dimension_kl(single: Tensor, log_p: list[Tensor | None]) -> list[float] | None:
    """KL(q(z_i) || p(z_i)) of each dimension, where the prior's are independent."""
    known = [part for part in log_p if part is not None]
    if len(known) < len(log_p):
        return None
    return (single - torch.cat(known).double()).mean(0).tolist()


def _log_densities(z: Tensor, found: list[LatentDistributions]) -> tuple[Tensor, Tensor]:
    """log q(z), (rows,), and log q(z_i), (rows, dim), for codes z, in float64."""
    joint, single = [], []
    for latent in found:
        each: Any = marginals(latent.posterior)
        joint.append(latent.posterior.log_prob(z[:, None]))
        single.append(each.log_prob(z[:, None]))
    count = math.log(sum(part.shape[1] for part in joint))
    return (
        torch.logsumexp(torch.cat(joint, 1).double(), 1) - count,
        torch.logsumexp(torch.cat(single, 1).double(), 1) - count,
    )
