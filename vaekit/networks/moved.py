"""Pictures that are moved a little in training."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vaekit.networks.noise import drawn


class Moved(nn.Module):
    """Pictures shifted, turned and stretched a little at random, in training alone: what is learned
    of them then holds of their like. What comes in from outside is as the edge.

    Args:
        most: share of a side by which each of the three moves a picture's edge at most.
    """

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: Tensor) -> Tensor:
        """(rows, C, H, W), as it came; in training, moved."""
        if not self.training:
            return x
        chance = drawn(self, lambda: torch.rand(len(x), 4, device=x.device))
        turn, stretch, right, down = (self.most * (4 * chance - 2)).to(x.dtype).unbind(1)
        cos, sin = (1 + stretch) * turn.cos(), (1 + stretch) * turn.sin()
        rows = torch.stack(
            [torch.stack([cos, -sin, right], 1), torch.stack([sin, cos, down], 1)], 1
        )
        places = F.affine_grid(rows, [*x.shape], align_corners=False)
        return F.grid_sample(x, places, padding_mode="border", align_corners=False)
