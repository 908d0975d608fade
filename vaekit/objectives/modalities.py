"""What is asked of the experts of rows of several modalities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vaekit.distributions import log_prob_per_element
from vaekit.distributions.experts import from_experts
from vaekit.distributions.mixtures import strata
from vaekit.models.drawing import Latent
from vaekit.models.trace import Trace, trace
from vaekit.objectives.bounds import Bound, elbo, reconstruction
from vaekit.objectives.penalties import Penalty
from vaekit.rows import Rows


def single_modalities(places: Sequence[Sequence[int]]) -> Penalty:
    """Minus the ELBO of each modality by itself, all of them together: what each costs where
    no other is there (Wu & Goodman 2018). It runs the model again, once for each.

    Args:
        places: of the numbers of each, in the flattened row.
    """

    def single_modalities(t: Trace) -> Tensor:
        x, total = t.rows.data, torch.zeros((), device=t.rows.data.device)
        for own in places:
            index = torch.tensor(own, device=x.device)
            alone = torch.full_like(x, torch.nan).flatten(1)
            alone = alone.index_copy(1, index, x.flatten(1)[:, index]).reshape(x.shape)
            again = trace(t.model, Rows(alone, t.rows.given))
            total = total - (again.log_px - t.kl_weight * again.kl).mean()
        return total

    return single_modalities


def told_by_one(p: Any, q: Any, shape: torch.Size) -> Latent:
    """Draw codes as one modality after the other tells them, particle k as modality ``k % M`` does:
    what modalities share by its expert, and of their own codes its own alone. The others' are drawn
    aside, and have no part in the densities, so that they can tell nothing of their modalities
    beyond what all of these have in common (Palumbo et al. 2023).

    Args:
        p: the prior, of independent numbers.
        q: :class:`~vaekit.distributions.experts.ExpertsAndOwn`.
        shape: (K, B), where K is a multiple of M.
    """
    z, beyond = strata(q, shape[0])
    turn = torch.arange(shape[0], device=z.device)[:, None, None] % q.components
    told = (q.owner == -1) | (q.owner == turn)
    z = torch.where(told, z, q.aside * torch.randn_like(z))
    each: Any = log_prob_per_element(p, z)
    log_p, log_q = (each * told).sum(-1), q.log_prob_of(z, told)
    return Latent(z, p, q, log_p, log_q, log_q - log_p, beyond)


def away_from_experts(t: Trace) -> Tensor:
    """KL(q(z | all that is there) || q_i(z | x_i)), summed over the modalities that are there: what
    each expert lacks of knowing what all modalities together tell (Suzuki et al. 2016).

    Raises:
        Unsuited: if the posterior is made of no experts, or is a mixture of them.
    """
    return from_experts(t.latents["z"].posterior)[0].sum(-1).mean()


def in_common(alpha: float) -> Bound:
    r"""The ELBO, and in its place a share of what modalities tell of each other, their total
    correlation, as far as it is known to be told by the code (Hwang et al. 2021):

    .. math:: (1 - \alpha) \, \mathrm{ELBO} + \alpha \Bigl[ \tfrac{M - 1}{M} E_q[\log p(x \mid z)]
        - \tfrac1M \sum_{i = 1}^M KL(q(z \mid x) \,\Vert\, q_i(z \mid x_i)) \Bigr]

    where M and the sum are over the modalities that are there; the weight of the ELBO's KL weighs
    these as well. It is no bound on log p(x) unless alpha is 0.

    Args:
        alpha: the share, 0 to 1.
    """

    @Bound
    def in_common(t: Trace) -> Tensor:
        kl, there = from_experts(t.latents["z"].posterior)
        count = there.sum(-1).clamp_min(1)
        told = (1 - 1 / count) * reconstruction(t) - t.kl_weight * kl.sum(-1) / count
        return (1 - alpha) * elbo(t) + alpha * told

    return in_common
