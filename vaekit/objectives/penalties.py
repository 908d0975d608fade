"""Penalties: pure functions of a trace giving one number in nats per row, lower is better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaekit.distributions import kl_per_dimension, log_prob_per_element
from vaekit.models.drawing import Latent, decoding
from vaekit.models.trace import Trace
from vaekit.system.checks import Unsuited

Penalty = Callable[[Trace], Tensor]


def rate(t: Trace) -> Tensor:
    """The mean KL(q || p)."""
    return (t.log_weight.exp() * t.kl).sum(0).mean()


def free_bits(floor: float) -> Penalty:
    """What each latent dimension's mean KL lacks to ``floor`` nats (Kingma et al. 2016).

    With weight 1 beside the ELBO, a dimension's KL costs nothing until it reaches the floor.

    Raises:
        Unsuited: if a latent's prior and posterior are not both normal.
    """

    def free_bits(t: Trace) -> Tensor:
        lacks = [(floor - kl).clamp_min(0).sum() for kl in mean_kl_per_dimension(t).values()]
        return torch.stack(lacks).sum()

    return free_bits


def rate_floor(floor: float) -> Penalty:
    """What the mean KL of all latents together lacks to ``floor`` nats.

    With weight 1 beside the ELBO, codes may tell so much at no cost: a decoder so strong that it
    could do without them uses them nevertheless.
    """

    def rate_floor(t: Trace) -> Tensor:
        return (floor - rate(t)).clamp_min(0)

    return rate_floor


def capacity(t: Trace, goal: float | Tensor) -> Tensor:
    """How far the mean KL of all latents together lies from ``goal`` nats, above or below
    (Burgess et al. 2018). It is the mean over the batch that is held to the goal, not each row's
    KL: rows that say more than others may."""
    return (rate(t) - goal).abs()


def code_norm(t: Trace) -> Tensor:
    """Half the squared length of codes, |z|^2 / 2, on average (Ghosh et al. 2020)."""
    each = [latent.value.flatten(2).square().sum(-1) for latent in t.latents.values()]
    return (t.log_weight.exp() * sum(each, torch.zeros_like(t.log_px))).sum(0).mean() / 2


def decoder_norm(t: Trace) -> Tensor:
    """The sum of the squares of all weights of p(x|z) (Ghosh et al. 2020). It looks at the model's
    weights."""
    likelihood: Any = t.model.likelihood
    return torch.stack([p.square().sum() for p in likelihood.parameters()]).sum()


def decoder_slope(t: Trace) -> Tensor:
    r"""How steep the decoder is: the squared Frobenius norm of the derivatives J of the mean of
    p(x|z) by z, on average (Ghosh et al. 2020). It runs the decoder again.

    .. math:: \lVert J \rVert_F^2 = E_v \lVert J^\top v \rVert^2, \qquad v \sim N(0, I)

    of which one v for each row is drawn: right on average, where the sum of the derivatives'
    columns, v = 1, is not.
    """
    model: Any = t.model
    z = torch.cat([latent.value[0].flatten(1) for latent in t.latents.values()], 1)
    with torch.enable_grad():
        z = z if z.requires_grad else z.detach().requires_grad_()
        mean = model(decoding(model.latents, z), t.rows.without_x()).mean
        along = (mean * torch.randn_like(mean)).sum()
        (slope,) = torch.autograd.grad(along, z, create_graph=torch.is_grad_enabled())
    return slope.square().sum(-1).mean()


def total_correlation(rows: int, *, even: bool = False) -> Penalty:
    """KL(q(z) || prod_i q(z_i)), with q(z) as a mixture of the posteriors of the batch.

    By minibatch-stratified sampling from ``rows`` rows of data each draw weighs its own row by
    1 / rows and the others of the batch evenly with what is left, so that a batch of all rows
    gives the exact mixture. By minibatch-weighted sampling, ``even``, it weighs all rows of the
    batch alike, its own too, which says too much, by a part of what codes tell of the rows
    (Chen et al. 2018).

    Args:
        rows: of the data.
        even: whether a draw weighs its own row as any other.

    Raises:
        Unsuited: if the posterior's dimensions are not independent.
    """

    def total_correlation(t: Trace) -> Tensor:
        return sum_of_means(m.joint - m.marginals for m in by_all_rows(t, None if even else rows))

    return total_correlation


def mutual_information(rows: int, *, even: bool = False) -> Penalty:
    r"""What a code tells of its row, :math:`E[\log q(z \mid x) - \log q(z)]`, in nats: with
    the total correlation and each dimension's KL from the prior it is the mean KL. q(z) is that
    of :func:`total_correlation`; where all rows of a batch of B weigh alike, it is at most log B.

    Args:
        rows: of the data.
        even: whether a draw weighs its own row as any other.

    Raises:
        Unsuited: if the posterior's dimensions are not independent.
    """

    def mutual_information(t: Trace) -> Tensor:
        return sum_of_means(m.own - m.joint for m in by_all_rows(t, None if even else rows))

    return mutual_information


def information_by_dimension(t: Trace) -> Tensor:
    r"""What each number of a code tells of its row by itself, summed, in nats:
    :math:`E[\log q(z \mid x) - \sum_i \log q(z_i)]`, the mutual information and the total
    correlation together. It needs no q(z): of each number alone a batch of B, all of whose rows
    weigh alike, knows enough, unless it tells as much as log B nats.

    Raises:
        Unsuited: if the posterior's dimensions are not independent.
    """
    return sum_of_means(m.own - m.marginals for m in by_all_rows(t))


class ByAllRows(NamedTuple):
    """Log densities of draws, in nats: of each by the posterior of each row of the batch.

    Args:
        whole: (draws, rows).
        each: of each dimension, (draws, rows, dim).
        log_weights: of the rows in the mixture, (draws, rows).
    """

    whole: Tensor
    each: Tensor
    log_weights: Tensor

    @property
    def own(self) -> Tensor:
        """log q(z | x), one a row."""
        return self.whole.diagonal()

    @property
    def joint(self) -> Tensor:
        """log q(z), of the mixture, one a row."""
        return torch.logsumexp(self.log_weights + self.whole, 1)

    @property
    def marginals(self) -> Tensor:
        """The sum of log q(z_i), one a row."""
        return torch.logsumexp(self.log_weights[..., None] + self.each, 1).sum(-1)


def sum_of_means(each: Iterable[Tensor]) -> Tensor:
    """Of one number a row of each latent, (B,), the mean, summed over latents."""
    return torch.stack([of_rows.mean() for of_rows in each]).sum()


def by_all_rows(t: Trace, rows: int | None = None) -> Iterator[ByAllRows]:
    """The densities of each latent's draws; see :func:`total_correlation`. Without ``rows`` those
    of the batch weigh alike."""
    return (_by_all_rows(latent, rows) for latent in t.latents.values())


def _by_all_rows(latent: Latent, rows: int | None) -> ByAllRows:
    z = latent.value[0]
    each = log_prob_per_element(latent.posterior, z[:, None])
    if each is None:
        raise Unsuited("what numbers tell and share needs a posterior with independent dimensions")
    weights = stratified_weights(len(z), rows or len(z), z.device)
    return ByAllRows(each.sum(-1), each, weights.log())


def stratified_weights(batch: int, rows: int, device: torch.device | None = None) -> Tensor:
    """(batch, batch): row i gives itself 1 / rows and the others the rest in equal parts."""
    if batch == 1:
        return torch.ones(1, 1, device=device)
    others = (1 - 1 / rows) / (batch - 1)
    return torch.full((batch, batch), others, device=device).fill_diagonal_(1 / rows)


def mean_kl_per_dimension(t: Trace) -> dict[str, Tensor]:
    """For each latent, the KL of each dimension averaged over the rows: (dim,) nats."""
    result = {}
    for name, latent in t.latents.items():
        kl = kl_per_dimension(latent.posterior, latent.prior)
        if kl is None:
            raise Unsuited(f"latent {name!r} has no KL per dimension: it is not normal")
        result[name] = kl.mean(0)
    return result
