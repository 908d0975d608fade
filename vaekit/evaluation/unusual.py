"""How unusual rows are among others."""

from __future__ import annotations

import torch
from torch import Tensor

from vaekit.distributions import log_prob_per_element
from vaekit.evaluation.passes import in_chunks
from vaekit.models import Graph
from vaekit.models.drawing import with_common_noise
from vaekit.models.trace import trace
from vaekit.rows import AnyRows, Rows
from vaekit.system.seeding import seeded

NUMBERS = 2**22  # cells of rows and particles at once


def p_values(scores: Tensor, reference: Tensor) -> Tensor:
    r"""How likely a row like the reference's is to score as low as each of these, (rows,).

    .. math:: p(s) = \frac{1 + \#\{r : s_r \le s\}}{1 + n}

    If a row comes from where the n rows of the reference come from, and none of them was trained
    on, p <= a with a chance of at most a, whatever the model is worth (Vovk et al. 2005). No p is
    below 1 / (1 + n).

    Args:
        scores: of rows, such as log p(x): low for unusual ones.
        reference: scores of rows that are as usual, by the same samples and seed.
    """
    ordered = reference.sort().values
    lower = torch.searchsorted(ordered, scores.contiguous(), right=True)
    return (1 + lower).double() / (1 + len(ordered))


def log_likelihood_of_cells(
    model: Graph, rows: AnyRows, *, samples: int = 100, seed: int = 0
) -> Tensor:
    r"""How likely each number of a row is given all others, (rows, numbers), in nats.

    .. math:: \log p(x_d \mid x_{-d}) = \log \sum_k w_k - \log \sum_k w_k / p(x_d \mid z_k)

    over K = ``samples`` draws from q(z | x) with the weights w = p(x, z) / q(z | x). The noise is
    the same for all rows. Both sums are of the same draws, which have seen the number itself: for
    numbers unlike the others the estimate is above the truth.

    Raises:
        NotImplementedError: where p(x | z) is not a product over the numbers.
    """
    model.eval()

    def each(part: Rows) -> Tensor:
        with seeded(seed, "cells"):
            t = trace(model, part, samples=samples, rule=with_common_noise)
        tiled = part.data.repeat(samples, *[1] * (part.data.dim() - 1))
        own = log_prob_per_element(t.likelihood, tiled)
        if own is None:
            name = type(t.likelihood).__name__
            raise NotImplementedError(f"{name} is no product over the numbers of a row")
        weights = t.log_ratio[..., None]
        others = weights - own.reshape(samples, len(part), -1)
        return weights.logsumexp(0) - others.logsumexp(0)

    return in_chunks(each, rows, max(NUMBERS // (samples * rows.shape[1:].numel()), 1))
