"""pythae's flows of posteriors, put into our models: steps as they are there, beside which nothing is held back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch import distributions as D
from torch.nn import functional as F

from vaekit.distributions import Flowed
from vaekit.distributions.bends import Bend
from vaekit.distributions.draws import draw_with_density
from vaekit.families import PlanarFlow
from vaekit.families.elementwise import independent
from vaekit.families.gaussians import DiagonalNormal

HALVINGS = 60


class Unheld:
    """z + u tanh(w · z + b) of any u. Where w · u is below -1 space is folded: up to three z are moved to one y.

    Args:
        u: (*batch, dim).
        w: likewise.
        b: (*batch, 1).
    """

    def __init__(self, u: Tensor, w: Tensor, b: Tensor) -> None:
        self.u, self.w, self.b = u.double(), w.double(), b.double()
        self.slope = (self.w * self.u).sum(-1, keepdim=True)

    def call_and_ladj(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """y, and the log of the size of the determinant."""
        bent = torch.tanh((self.w * z).sum(-1, keepdim=True) + self.b)
        return z + self.u * bent, (1 + self.slope * (1 - bent.square())).abs().log()[..., 0]

    def sources(self, y: Tensor, batch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All z that are moved to rows of y, which y each belongs to, and the logs of their determinants.

        Args:
            y: (some, dim).
            batch: of each, the place in the batch, counted through.
        """
        u, w, b, slope = (v.flatten(0, -2)[batch] for v in (self.u, self.w, self.b, self.slope))
        levels, whose = _levels(((w * y).sum(-1, keepdim=True) + b)[:, 0], slope[:, 0])
        bent = torch.tanh(levels)[:, None]
        by = (1 + slope[whose] * (1 - bent.square())).abs().log()[:, 0]
        return y[whose] - u[whose] * bent, whose, by


def _levels(target: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
    """All s with s + slope tanh(s) = target, and whose each is: one where the left side rises, up to three where it falls
    between two turns."""
    turn = torch.atanh((1 + 1 / slope.clamp_max(-1.0)).sqrt().clamp_max(1 - 1e-15))
    high = -turn - slope * torch.tanh(turn)  # at the first turn; at the second it is -high
    folded, first, last = slope < -1, target - slope.abs(), target + slope.abs()
    brackets = [
        (first, torch.where(folded, -turn, last), 1.0, ~folded | (target <= high)),
        (-turn, turn, -1.0, folded & (target.abs() < high)),
        (turn, last, 1.0, folded & (target >= -high)),
    ]
    found = [
        (_halved(target[here], slope[here], low[here], up[here], sign), here.nonzero()[:, 0])
        for low, up, sign, here in brackets
    ]
    return torch.cat([s for s, _ in found]), torch.cat([whose for _, whose in found])


def _halved(target: Tensor, slope: Tensor, low: Tensor, up: Tensor, sign: float) -> Tensor:
    for _ in range(HALVINGS):
        middle = (low + up) / 2
        above = sign * (middle + slope * torch.tanh(middle) - target) > 0
        low, up = torch.where(above, low, middle), torch.where(above, middle, up)
    return (low + up) / 2


class Folded(Flowed):
    """Normals moved through steps that fold: a value has the density of all that is moved to it, not of its own draw alone,
    by which it would be taken for less likely than it is, and bounds would lie above what they bound. In double."""

    def moved(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """f(u), and the log of the size of the determinant of its derivatives."""
        z, by = super().moved(u.double())
        return z.to(u.dtype), by.to(u.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        """log q(value), in nats, one per row."""
        shape = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        z = value.double().expand(*shape, -1).flatten(0, -2)
        places = torch.arange(self.batch_shape.numel()).view(self.batch_shape)
        places = places.expand(shape).flatten()
        own, total = torch.arange(len(z)), z.new_zeros(len(z))
        for step in reversed(self.maps):
            z, whose, by = step.sources(z, places[own])
            own, total = own[whose], total[whose] - by
        loc, scale = (v.flatten(0, -2)[places[own]] for v in (self.base.mean, self.base.stddev))
        each = D.Normal(loc.double(), scale.double()).log_prob(z).sum(-1) + total
        most = each.new_full((shape.numel(),), -torch.inf).scatter_reduce(0, own, each, "amax")
        sums = torch.zeros_like(most).index_add(0, own, (each - most[own]).exp())
        return (most + sums.log()).reshape(shape).to(value.dtype)


@draw_with_density.register
def _(q: Folded, shape: torch.Size) -> tuple[Tensor, Tensor]:
    u = q.base.rsample(shape)
    z, _ = q.moved(u.double())
    return z.to(u.dtype), q.log_prob(z).to(u.dtype)


@dataclass(frozen=True)
class UnheldFlow(PlanarFlow):
    """Planar steps of any u, along w as it is."""

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        found = super().__call__(raw)
        return Folded(found.base, found.maps)

    def bend(self, raw: Tensor, which: int) -> Any:
        """A step."""
        return Unheld(*raw.split([self.dim, self.dim, 1], -1))


def unheld(model: Any) -> None:
    """Planar steps as pythae has them."""
    family = model.posterior.family
    model.posterior.family = UnheldFlow(family.dim, family.components, family.link)


class Masked(Bend):
    """Numbers turned round, then scaled and shifted each by what a masked network with one hidden layer says of those before
    it: one of pythae's steps.

    Args:
        numbers: weights and biases of both layers, one after the other, weights that are masked being 0.
        dim: numbers of z.
    """

    def __init__(self, numbers: Tensor, dim: int) -> None:
        hidden = (len(numbers) - 2 * dim) // (3 * dim + 1)
        parts = numbers.split([hidden * dim, hidden, 2 * dim * hidden, 2 * dim])
        self.first, self.second = parts[0].view(hidden, dim), parts[2].view(2 * dim, hidden)
        self.biases = parts[1], parts[3]

    def call_and_ladj(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """y, and the log of the determinant."""
        z = z.flip(-1)
        shift, scale = self.said(z)
        return z * scale.exp() + shift, scale.sum(-1)

    def solved(self, y: Tensor) -> Tensor:
        """Number by number, the first first: what is said of one hangs on those before it."""
        z = torch.zeros_like(y)
        for _ in range(y.shape[-1]):
            shift, scale = self.said(z)
            z = (y - shift) * (-scale).exp()
        return z.flip(-1)

    def said(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """A shift and a log scale for each number."""
        one, two = (bias.to(z) for bias in self.biases)
        within = F.relu(F.linear(z, self.first.to(z), one))
        shift, scale = F.linear(within, self.second.to(z), two).chunk(2, -1)
        return shift, scale


@dataclass(frozen=True, eq=False)
class MaskedFlow(DiagonalNormal):
    """Normals moved through steps that are the same for all rows, but for what they move."""

    steps: list[Masked] = field(default_factory=list)

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        loc, scale = raw.chunk(2, -1)
        base = D.Normal(loc, self.link(scale), validate_args=False)
        return Flowed(independent(base, self.event_shape), self.steps)


def planar(model: Any, steps: Tensor) -> None:
    """Of each step w, u and b, in the numbers that are the same for all rows."""
    dim = model.posterior.family.dim
    w, u, b = steps.split([dim, dim, 1], -1)
    last = [m for m in model.posterior.modules() if isinstance(m, torch.nn.Linear)][-1]
    last.bias.data[2 * dim :] = torch.cat([u, w, b], -1).flatten()


def masked(model: Any, blocks: Tensor) -> None:
    """pythae goes through its blocks from the last."""
    family = model.posterior.family
    steps = [Masked(numbers, family.dim) for numbers in blocks.flip(0)]
    model.posterior.family = MaskedFlow(family.dim, family.link, steps)
