"""pythae's weights put into our models: where its distributions are written otherwise, ours are changed to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch import distributions as D
from torch.nn import functional as F
from zoo_put_flows import masked, planar

from vaekit.conditionals.priors import unsoftplus
from vaekit.distributions import VonMisesFisher
from vaekit.distributions.bends import ONE, ROOM
from vaekit.distributions.spheres import unit
from vaekit.families import Direction
from vaekit.families.balls import Wrapped
from vaekit.families.base import Positive, half_exp

NEAR = 1e-4  # of 1 and the size of a number together


@dataclass(frozen=True)
class Concentrated(Direction):
    """von Mises and Fisher's distribution, whose concentration is softplus(r) + 1."""

    def __call__(self, raw: Tensor) -> D.Distribution:
        """The distribution of raw numbers, (rows, *raw_shape)."""
        axis, spread = raw.split([self.dim, 1], -1)
        return VonMisesFisher(unit(axis), F.softplus(spread[..., 0]) + 1)


def on_sphere(model: Any) -> None:
    """Concentrations as pythae has them."""
    model.posterior.family = Concentrated(model.posterior.family.dim)


def in_ball(model: Any) -> None:
    """Scales as pythae has them, and points that the decoder sees as they are."""
    model.posterior.family = Wrapped(model.posterior.family.dim, half_exp)
    model.likelihood.net = model.likelihood.net.net


def softplus_spread(model: Any) -> None:
    """Standard deviations that are softplus(r)."""
    model.posterior.family = replace(model.posterior.family, link=Positive(0.0))


def put(model: Any, found: dict[str, np.ndarray]) -> None:
    """Weights of pythae's encoder and decoder, in the order of their layers, into ours, and what it
    learned beside."""
    told = {name: torch.from_numpy(values) for name, values in found.items()}
    w, b = ([told[f"{kind}{i}"] for i in range(7)] for kind in "wb")
    nets = (model.posterior, model.likelihood)
    ours = [m for net in nets for m in net.modules() if isinstance(m, torch.nn.Linear)]
    means_alone = ours[2].out_features == len(b[2])
    heads = (w[2], b[2]) if means_alone else (torch.cat(w[2:4]), torch.cat(b[2:4]))
    rest = ours[2].out_features - len(heads[1])  # numbers that are the same for all rows
    heads = (F.pad(heads[0], (0, 0, 0, rest)), F.pad(heads[1], (0, rest)))
    theirs = [(w[0], b[0]), (w[1], b[1]), heads, *zip(w[4:], b[4:], strict=True)]
    for layer, (weight, bias) in zip(ours, theirs, strict=True):
        layer.weight.data.copy_(weight)
        layer.bias.data.copy_(bias)
    for name in MORE.keys() & told.keys():
        MORE[name](model, told[name])


def _pseudo(model: Any, rows: Tensor) -> None:
    model.prior.pseudo.data.copy_(rows.view_as(model.prior.pseudo))
    model.prior.logits.data.zero_()


def _radial(model: Any, steps: Tensor) -> None:
    """Of each step a point, log alpha and a raw beta: ours are alpha and beta / alpha."""
    dim = model.posterior.family.dim
    point, log_alpha, beta = steps.split([dim, 1, 1], -1)
    alpha = log_alpha.exp()
    push = F.softplus(beta) / alpha - 1
    raw = torch.cat([point, _raw(0.0, alpha), _raw(-1.0, push)], -1)
    last = [m for m in model.posterior.modules() if isinstance(m, torch.nn.Linear)][-1]
    last.bias.data[2 * dim :] = raw.flatten()


def _raw(least: float, value: Tensor) -> Tensor:
    """The raw numbers of numbers above ``least``, as :mod:`vaekit.distributions.bends` has them."""
    return unsoftplus((value - least - ROOM) / (1 - ROOM)) - ONE


MORE: dict[str, Callable[[Any, Tensor], None]] = {  # what is learned beside both networks
    "pseudo": _pseudo,
    "book": lambda model, book: model.posterior.family.book.data.copy_(book),
    "Radial": _radial,
    "Planar": planar,
    "blocks": masked,
}
SEEN: dict[str, Callable[[Any], Tensor]] = {  # what is told of posteriors
    "mean": lambda q: q.mean,
    "spread": lambda q: q.stddev,
    "loc": lambda q: q.loc,
    "concentration": lambda q: q.concentration,
    "scale": lambda q: q.scale,
    "base spread": lambda q: q.base.stddev,
    "from": lambda q: q.base.mean,
}


@torch.no_grad()
def check(model: Any, found: dict[str, np.ndarray]) -> None:
    """That posteriors and what is rebuilt of a few rows are those that pythae has.

    Raises:
        AssertionError: for what differs, by name.
    """
    seen = {k[5:]: torch.from_numpy(v) for k, v in found.items() if k.startswith("seen ")}
    q = model.posterior(seen["x"])
    ours = {"rebuilt": model.likelihood(seen["code"]).mean}
    ours |= {name: SEEN[name](q) for name in SEEN.keys() & seen.keys()}
    if "from" in seen:  # from the very same places: near a fold it matters
        ours["moved"], ours["log_det"] = q.moved(seen["from"])
    if "loc" in seen:
        assert q.support.check(seen["loc"]).all(), "posteriors lie where there are no codes"
    for name, values in ours.items():
        apart = float(((values - seen[name]).abs() / (1 + seen[name].abs())).max())
        assert apart < NEAR, f"{name} is up to {apart:.2g} of its size from pythae's"
