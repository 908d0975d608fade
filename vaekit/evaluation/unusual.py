"""How unusual rows are among others."""

from __future__ import annotations

import torch
from torch import Tensor


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
