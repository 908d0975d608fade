"""Families for latents whose shape is learned: normals moved through flows."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch import distributions as D

from vaekit.distributions.flows import Flowed, zuko
from vaekit.families.base import Link, Shape
from vaekit.families.elementwise import independent
from vaekit.families.gaussians import SCALE
from vaekit.system.room import with_memory

CONTEXT, STEPS, WIDTH = 32, 2, 64


class AutoregressiveFlow(nn.Module):
    r"""Independent normals moved through inverse autoregressive steps (Kingma et al. 2016):

    .. math:: z_i = a_i(z'_{<i}, h) + b_i(z'_{<i}, h)\, z'_i, \qquad z' \text{ of the step before}

    the order of the numbers turned round from step to step. Raw numbers are ``dim`` means, ``dim``
    raw scales, and 32 numbers h. A draw with its density takes one pass through each step's
    masked network (zuko's), the density of a given z ``dim`` passes.

    Args:
        dim: numbers of the vector.
        link: from raw scales to standard deviations.
    """

    has_density = True

    def __init__(self, dim: int, link: Link = SCALE) -> None:
        super().__init__()
        self.dim, self.link = dim, link
        step = zuko().flows.MaskedAutoregressiveTransform
        with with_memory(STEPS * WIDTH * (2 * dim + CONTEXT + WIDTH)):
            order = torch.arange(dim)
            self.steps = nn.ModuleList(
                step(dim, CONTEXT, order=way, hidden_features=(WIDTH,))
                for way in [order, order.flip(0)] * (STEPS // 2)
            )

    @property
    def raw_shape(self) -> Shape:
        """Shape of the raw numbers of a row."""
        return (2 * self.dim + CONTEXT,)

    @property
    def event_shape(self) -> Shape:
        """Shape of one value."""
        return (self.dim,)

    def forward(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale, context = raw.split([self.dim, self.dim, CONTEXT], -1)
        base = D.Normal(loc, self.link(scale), validate_args=False)
        return Flowed(independent(base, self.event_shape), [step(context) for step in self.steps])
