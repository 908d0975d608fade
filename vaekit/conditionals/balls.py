"""The prior of codes in hyperbolic space."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.conditionals.base import Prior
from vaekit.distributions.balls import EDGE, REACH, WrappedNormal, exp0, inside, log0, moved
from vaekit.distributions.spheres import unit
from vaekit.system.checks import require


class Ball(Prior):
    """A wrapped normal about 0: codes lie in the Poincaré ball in ``dim`` dimensions.

    Args:
        dim: numbers of a code.
        spread: of the normal, in units of the radius of the space's curvature.
    """

    zero: Tensor
    stays = (
        "codes of this model lie in a ball: no density over all vectors can take the place of "
        "their prior"
    )

    def __init__(self, dim: int, spread: float = 1.0) -> None:
        super().__init__(dim)
        far = spread * dim**0.5
        require(
            far <= REACH,
            f"codes of {dim} numbers with spread {spread:g} lie about {far:.2g} from the middle, "
            f"where numbers no longer tell them apart: at most {REACH:g}, so take less of either",
        )
        self.spread = spread
        self.register_buffer("zero", torch.zeros(dim), persistent=False)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        return WrappedNormal(self.zero, torch.full_like(self.zero, self.spread))

    @torch.no_grad()
    def path(self, start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
        """Along the shortest way, at a steady pace."""
        start, end = (inside(z.double()) for z in (start, end))
        way = log0(moved(end, -start))[:, None] * shares[None, :, None].double()
        return moved(exp0(way), start[:, None]).to(shares)

    @torch.no_grad()
    def fitting(self, codes: Tensor, held: list[int]) -> Tensor:
        """Codes in the ball, of which the numbers ``held`` are as they are where they leave room;
        the others are shortened where they must be."""
        fixed = torch.zeros_like(codes).index_fill(-1, torch.tensor(held, device=codes.device), 1.0)
        held_part, rest = inside(codes * fixed), codes * (1 - fixed)
        room = (EDGE**2 - held_part.square().sum(-1, keepdim=True)).clamp_min(0).sqrt()
        own = rest.norm(dim=-1, keepdim=True)
        return held_part + torch.where(own > room, room * unit(rest), rest)


class FromBall(nn.Module):
    """Points of the Poincaré ball as the vectors along which one comes to them from 0, so that
    those at the edge lie apart; what lies beyond is brought to the edge."""

    def forward(self, z: Tensor) -> Tensor:
        """2 artanh |z| in the direction of z."""
        return log0(inside(z))
