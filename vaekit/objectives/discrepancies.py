"""Penalties on the codes of a batch as a whole: how far q(z), their distribution over all rows, is
from what it should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from vaekit.distributions import covariance
from vaekit.distributions.distances import distances
from vaekit.models.drawing import Latent
from vaekit.models.trace import Trace
from vaekit.objectives.penalties import Penalty
from vaekit.system.checks import Unsuited, known

KERNELS: dict[str, Callable[[Tensor], Tensor]] = {
    "imq": lambda square: 1 / (1 + square),
    "rbf": lambda square: torch.exp(-square),
}
WIDTHS = (0.2, 0.5, 1.0, 2.0, 5.0)
Kernel = Literal["imq", "rbf"]


def mmd(kernel: str = "imq") -> Penalty:
    r"""The squared maximum mean discrepancy of codes from as many draws of the prior, all latents
    side by side (Zhao et al. 2019; Tolstikhin et al. 2018). Of B codes z and B draws y it is

    .. math:: \frac{1}{B (B - 1)} \sum_{i \ne j} (k(z_i, z_j) + k(y_i, y_j))
        - \frac{2}{B^2} \sum_{i, j} k(z_i, y_j)

    which is right on average whatever B is, so that it may fall below 0. k is the mean over the
    widths w = 0.2, 0.5, 1, 2, 5 of a kernel of u = |a - b|^2 / (2 d w) between codes of d numbers:
    "imq", inverse multiquadric, 1 / (1 + u), sees codes that are far away; "rbf", exp(-u), hardly.
    A row by itself tells nothing, and its discrepancy is 0.

    Args:
        kernel: by name.
    """
    shape = KERNELS[known("kernel", kernel, KERNELS)]

    def likeness(a: Tensor, b: Tensor) -> Tensor:
        square = distances(a, b).square() / (2 * a.shape[1])
        return torch.stack([shape(square / width) for width in WIDTHS]).mean(0)

    def mmd(t: Trace) -> Tensor:
        z = side_by_side(t)
        if len(z) == 1:
            return 0 * z.sum()
        y = drawn_from_prior(t)
        inside = likeness(z, z) + likeness(y, y)
        apart = inside.sum() - inside.diagonal().sum()
        return apart / (len(z) * (len(z) - 1)) - 2 * likeness(z, y).mean()

    return mmd


def side_by_side(t: Trace) -> Tensor:
    """The first particle of all latents, (B, numbers of a code)."""
    return torch.cat([latent.value[0].flatten(1) for latent in t.latents.values()], 1)


def drawn_from_prior(t: Trace) -> Tensor:
    """As many draws of all latents from their priors, (B, numbers of a code), without gradients."""
    rows = torch.Size([len(t.rows)])
    draws = []
    for latent in t.latents.values():
        each = () if latent.prior.batch_shape else rows
        draws.append(latent.prior.sample(torch.Size(each)).flatten(1))
    return torch.cat(draws, 1)


def disentangled_covariance(diagonal: float = 1.0, *, of_means: bool = False) -> Penalty:
    r"""How far the covariance C of a batch's codes is from I (Kumar et al. 2018), summed over the
    latents:

    .. math:: \sum_{i \ne j} C_{ij}^2 + \text{diagonal} \sum_i (C_{ii} - 1)^2, \qquad
        C = \operatorname{Cov}_x[\mu(x)] + \operatorname{E}_x[\Sigma(x)]

    where q(z|x) has the mean mu(x) and the covariance Sigma(x).

    Args:
        diagonal: weight of the variances beside that of the covariances.
        of_means: whether C is its first part alone, the covariance of the means of q(z|x), which
            is kind I; with both it is that of q(z), kind II.

    Raises:
        Unsuited: if the covariance of a posterior is not known.
    """

    def disentangled_covariance(t: Trace) -> Tensor:
        return torch.stack([apart(latent) for latent in t.latents.values()]).sum()

    def apart(latent: Latent) -> Tensor:
        mean, inside = latent.posterior.mean, covariance(latent.posterior)
        if inside is None:
            raise Unsuited("the covariance of this posterior is not known")
        centred = mean - mean.mean(0)
        c = centred.T @ centred / len(mean) + (0 if of_means else inside.mean(0))
        off = c - torch.diag(c.diagonal())
        return off.square().sum() + diagonal * (c.diagonal() - 1).square().sum()

    return disentangled_covariance
