"""A prior as wide as the space that codes of rows take up."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.conditionals.accepted import AFTERWARDS, TRIES
from vaekit.conditionals.base import Prior, evenly
from vaekit.distributions.resampled import Resampled
from vaekit.families.elementwise import independent
from vaekit.system.checks import require

CENTRES, LOOKED_AT = 300, 1000  # rows that it is made of, codes that say how far each reaches
FEW = 2048  # draws, where one reach is compared with others
REACHES, LONGEST, SHORTEST = 12, 2.0, 1 / 64  # how many; codes' own width, as its share
DRAWS = 256  # of a posterior, for its covariance
AT_ONCE, LEAST = 4096, 1e-12


class Manifold(Prior):
    r"""As likely as space is wide, by the metric that the posteriors of some training rows give it
    (Chadebec & Allassonnière 2022), or by one that was learned (Chadebec et al. 2020):

    .. math:: p(z) \propto \sqrt{\det \sum_k S_k \exp(-|z - c_k|^2 / T^2)}

    with the means c_k and covariances S_k of q(z | x_k). Draws of the mixture of normals with these
    means, the variance T^2 / dim and weights in proportion to sqrt(det S_k), to which it comes down
    where centres lie far apart, are accepted or drawn again, up to 100 times, and p(z) is exactly
    the density of what that gives. Nothing is trained: T is that of twelve under which codes of
    other rows are likeliest; the share that is accepted is the mean over 16,384 draws.

    Args:
        posterior: q(z | x), of the model whose prior this is; shared with it.
        dim: numbers of a code.
        metric: of the model, where it has learned one; shared with it.
        components: how many rows, spread evenly over those shown.
    """

    centres: Tensor
    squares: Tensor
    reach: Tensor
    top: Tensor
    log_share: Tensor

    called = "manifold"

    def __init__(
        self, posterior: nn.Module, dim: int, metric: Any = None, components: int = CENTRES
    ) -> None:
        super().__init__(dim)
        require(components >= 2, f"components must be at least 2, not {components}")
        self.posterior, self.metric = posterior, metric
        one = dim / 2 * math.log(2 * math.pi * components / dim)  # as of N(0, I / dim)
        self.register_buffer("centres", torch.zeros(components, dim))
        self.register_buffer("squares", torch.eye(dim).repeat(components, 1, 1))
        self.register_buffer("reach", torch.ones(()))
        self.register_buffer("top", torch.tensor(one))
        self.register_buffer("log_share", torch.zeros(()))

    @property
    def components(self) -> int:
        """How many rows."""
        return len(self.centres)

    @torch.no_grad()
    def begin(self, x: Tensor, codes: Tensor) -> None:
        """Take centres from rows spread evenly over those shown, and the reach from codes."""
        some = evenly(len(x), self.components)
        centres, squares = self._moments(x[some])
        self.centres.copy_(centres)
        self.squares.copy_(squares)
        others = torch.ones(len(codes), dtype=torch.bool)
        others[some[some < len(codes)]] = len(codes) <= self.components
        codes = codes[others]
        codes = codes[evenly(len(codes), min(len(codes), LOOKED_AT))]
        found = [(self._settle(reach, codes, FEW), reach) for reach in self._reaches(codes)]
        self._settle(max(found)[1], codes, AFTERWARDS)

    def _reaches(self, codes: Tensor) -> list[float]:
        """Evenly by their logarithms, from half of the way to the next centre to where all codes
        are within reach."""
        most = (
            LONGEST
            * math.sqrt(codes.shape[1])
            * max(codes.std(0, correction=0).mean().item(), LEAST)
        )
        apart = torch.cdist(self.centres, self.centres)
        next_one = apart.masked_fill(apart < LEAST, math.inf).amin(1).median().item()
        least = min(max(next_one / 2, SHORTEST * most), most / 2)
        return [least * (most / least) ** (i / (REACHES - 1)) for i in range(REACHES)]

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """c and S of some rows."""
        if self.metric is not None:
            geometry = self.metric.of(x, self.posterior)
            return geometry.centres, geometry.squares
        draws = self.posterior(x).sample(torch.Size([DRAWS]))
        apart = draws - draws.mean(0)
        squares = torch.einsum("skd,ske->kde", apart, apart) / (DRAWS - 1)
        return draws.mean(0), squares + LEAST * torch.eye(len(squares[0])).to(squares)

    def _settle(self, reach: float, codes: Tensor, draws: int) -> float:
        """Have this reach, and of so many draws the share that is accepted; returns how likely
        codes then are on average, log p(z)."""
        self.reach.fill_(reach)
        proposal = self._proposal()
        ratio = self._log_ratio(proposal, proposal.sample(torch.Size([draws])))
        self.top.copy_(ratio.max())
        self.log_share.copy_(ratio.logsumexp(0) - math.log(len(ratio)) - self.top)
        return self().log_prob(codes).mean().item()

    def _proposal(self) -> D.Distribution:
        """What comes out where centres lie far apart."""
        logits = torch.linalg.slogdet(self.squares).logabsdet / 2
        scale = (self.reach * self.centres.shape[1] ** -0.5).expand_as(self.centres)
        each = independent(D.Normal(self.centres, scale, validate_args=False), self.event_shape)
        weights = D.Categorical(logits=logits, validate_args=False)
        return D.MixtureSameFamily(weights, each, validate_args=False)

    def _log_ratio(self, proposal: D.Distribution, z: Tensor) -> Tensor:
        """log of the metric's volume over the proposal's density, (rows,)."""
        parts = [self._log_volume(part) - proposal.log_prob(part) for part in z.split(AT_ONCE)]
        return torch.cat(parts)

    def _log_volume(self, z: Tensor) -> Tensor:
        """log of the root of the determinant, (rows,): what is nearest is taken out first."""
        apart = torch.cdist(z, self.centres, compute_mode="donot_use_mm_for_euclid_dist")
        apart = (apart / self.reach).square()
        nearest = apart.amin(1, keepdim=True)
        found = torch.exp(nearest - apart) @ self.squares.flatten(1)
        dim = z.shape[1]
        whole = torch.linalg.slogdet(found.reshape(-1, dim, dim)).logabsdet
        return (whole - dim * nearest[:, 0]) / 2

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        proposal = self._proposal()

        def log_accept(z: Tensor) -> Tensor:
            ratio = self._log_ratio(proposal, z.reshape(-1, z.shape[-1])) - self.top
            return ratio.clamp_max(0.0).reshape(z.shape[:-1])

        return Resampled(proposal, log_accept, self.log_share, TRIES)
