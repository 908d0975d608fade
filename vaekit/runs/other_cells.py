"""One column of a table given all other cells of each row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vaekit.distributions import common_draws
from vaekit.models import Graph
from vaekit.models.drawing import Generator, density
from vaekit.runs.narrowing import cells_at

CODES = 32  # on average over codes: of 4 the weights do more harm than good
FREE = 8  # one in so many codes comes from p(z), so that none weighs much however narrow q is


@torch.no_grad()
def given_others(model: Graph, x: Tensor, place: int, codes: int = CODES) -> Tensor:
    r"""log p(a column's levels | all other cells), (rows, levels) nats, by importance sampling:

    .. math:: \log \sum_k \bar w_k \, p(x_j \mid x_{-j}, z_k), \qquad
        \bar w_k \propto \frac{p(z_k) \, p(x_{-j} \mid z_k)}{r(z_k)}

    with weights that sum to 1. Of eight codes seven come from :math:`q(z \mid x_{-j})`, the
    encoder's when it does not see the column, and one from p(z), and r is the density of this
    mixture (defensive sampling: Hesterberg 1995). All rows share the noise, so that what is said of
    a row depends on that row alone.

    Args:
        model: of a table.
        x: (rows, D) levels, NaN where a cell is missing; the column's own are not looked at.
        place: of the column.
        codes: how many.
    """
    x = x.clone()
    x[:, place] = torch.nan
    z, log_ratio = _codes(model, x, codes)
    each = []
    for code, ratio in zip(z, log_ratio, strict=True):
        cells = cells_at(model, code)
        in_order = cells.settled(x, place)
        each.append(cells.logits_given(x, place, in_order) + (ratio + cells.in_order(x))[:, None])
    total = torch.stack(each).logsumexp(0)
    return total - total.logsumexp(1, keepdim=True)


def _codes(model: Graph, x: Tensor, codes: int) -> tuple[Tensor, Tensor]:
    """Codes, (codes, rows, latent), and log p(z) - log r(z) of each, (codes, rows)."""
    prior, free = model.priors[0](), codes // FREE
    q = model.posteriors[0](x)
    own = common_draws(q, codes, even=True)
    drawn = Generator(free)("z", prior)[:, None].expand(free, *own.shape[1:])
    z = torch.cat([drawn, own[free:]])
    log_p, log_q = density(prior, z, z.shape[:2]), q.log_prob(z)
    if not free:
        return z, log_p - log_q
    share = free / codes
    return z, log_p - torch.logaddexp(log_p + math.log(share), log_q + math.log1p(-share))
