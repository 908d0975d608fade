"""The prior of codes of length one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch import distributions as D
from torch.nn import functional as F

from vaekit.conditionals.base import Prior
from vaekit.distributions.spheres import TINY, UniformOnSphere, VonMisesFisher, unit
from vaekit.system.checks import require


class Sphere(Prior):
    """Every direction is as likely: codes lie on the unit sphere in ``dim`` dimensions.

    Args:
        dim: numbers of a code.
    """

    zero: Tensor
    stays = (
        "codes of this model lie on a sphere: no density over all vectors can take the place of "
        "their prior"
    )

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        require(dim >= 2, "codes on a sphere need latent of at least 2")
        self.register_buffer("zero", torch.zeros(dim), persistent=False)

    def forward(self, *given: Tensor) -> D.Distribution:
        """p(z)."""
        return UniformOnSphere(self.zero)

    @torch.no_grad()
    def quantiles(self, shares: Tensor) -> Tensor | None:
        """Those of a number of an even direction: the cosine of its angle to an axis."""
        even = VonMisesFisher(F.pad(self.zero[1:], (1, 0), value=1.0), self.zero.new_tensor(TINY))
        return even.angles(1 - shares).cos().to(shares)[:, None].expand(-1, len(self.zero))

    @torch.no_grad()
    def path(self, start: Tensor, end: Tensor, shares: Tensor) -> Tensor:
        """Along the great circle, at a steady pace."""
        start, end = unit(start), unit(end)
        along = (start * end).sum(-1, keepdim=True)
        across = end - along * start
        far = across.norm(dim=-1, keepdim=True)
        lost = F.one_hot(start.abs().argmin(-1), start.shape[-1]).to(
            start
        )  # where ends are opposite
        across = torch.where(
            far > 1e-6, across, lost - (lost * start).sum(-1, keepdim=True) * start
        )
        angle = torch.atan2(far, along)[:, None] * shares[None, :, None]
        return angle.cos() * start[:, None] + angle.sin() * unit(across)[:, None]

    @torch.no_grad()
    def fitting(self, codes: Tensor, held: list[int]) -> Tensor:
        """Codes of length one, of which the numbers ``held`` are as they are where they leave room;
        what is left goes to the others as they were in proportion, or evenly."""
        fixed = torch.zeros_like(codes).index_fill(-1, torch.tensor(held, device=codes.device), 1.0)
        rest = codes * (1 - fixed)
        rest = torch.where(rest.any(-1, keepdim=True), rest, 1 - fixed)
        room = (1 - (codes * fixed).square().sum(-1, keepdim=True)).clamp_min(0).sqrt()
        return unit(codes * fixed + room * unit(rest))
