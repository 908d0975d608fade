"""Models with several layers of latents."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from vaekit.conditionals import Conditional, Mapped, StandardNormal
from vaekit.families import Likelihood
from vaekit.families.gaussians import DiagonalNormal
from vaekit.models import Ladder, Rung
from vaekit.networks.ladder import LadderNetworks, LatentNetworks, dense_ladder, residual_ladder
from vaekit.recipes import parts
from vaekit.recipes.parts import LINKS, Depth, Shape
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.checks import known, require
from vaekit.system.ranges import Count

Layers = Literal["auto", "dense", "residual"]


@extends(
    vae,
    without=(
        "given",
        "drop",
        "posterior",
        "rank",
        "tilt",
        "posterior_components",
        "prior",
        "prior_components",
        "network",
        "noise",
        "rows",
        "trim",
    ),
)
@good_for(
    "compression",
    "latents in layers follow pictures from coarse to fine and need fewer bits than one layer.",
    rank=2.0,
    when=lambda data: data.side >= 16,
)
@good_for(
    "likelihood",
    "latents in layers give pictures more nats than one layer.",
    rank=2.0,
    when=lambda data: data.side >= 16,
)
def ladder_vae(
    shape: Shape, planes: Count = 2, network: Layers = "auto", depth: Depth = 0, **rest: Any
) -> Built:
    """Latents in layers, from coarse to fine, inferred from the top down (Sønderby et al. 2016).

    Its codes hold all layers side by side, the top one first.

    Args:
        shape: of one row of x.
        latent: numbers of the top latent; for vectors of each layer.
        network: auto is residual for images of 16 pixels a side or more, else dense.
        depth: layers of latents (2), or halvings of the image (until about 4 pixels).
        planes: of latents at each size of an image, beside the vector at the top.
    """
    return _built(shape, planes, network, depth, **rest)


def _built(
    shape: Shape,
    planes: int,
    network: str,
    depth: int,
    *,
    levels: int = 256,
    steps: int = 1,
    latent: int = 16,
    likelihood: str = "auto",
    width: int = 0,
    link: str = "softplus",
    scale: str = "auto",
    components: int = 3,
    kl_warmup: float = parts.KL_WARMUP,
) -> Built:
    data = parts.likelihood_family(likelihood, shape, levels, scale, components)
    require(network != "conv", "the networks of a ladder are dense or residual, not conv")
    nets = _networks(parts.network_for(network, shape), shape, data, latent, planes, width, depth)
    first = nn.Sequential(data.kind.input(data), nets.stages[0])
    stages = [Mapped(net) for net in (first, *nets.stages[1:])]
    rungs = [_rung(step, link) for step in nets.steps]
    model = Ladder(stages, rungs, Conditional(nets.last, data))
    return Built(model, parts.warmed_up(kl_warmup, steps))


def _networks(
    kind: str, shape: Shape, data: Likelihood, latent: int, planes: int, width: int, depth: int
) -> LadderNetworks:
    """Dense for vectors, residual for images."""
    if kind == "dense":
        return dense_ladder(shape, data.raw_shape, parts.layers(depth or 2, latent), width or 400)
    channels = parts.channels_for(shape, width, depth)
    return residual_ladder(shape, data.raw_shape, latent, planes, channels)


def _rung(step: LatentNetworks, link: str) -> Rung:
    code = DiagonalNormal(step.size, LINKS[known("link", link, LINKS)])
    return Rung(StandardNormal(step.size), Conditional(step.posterior, code), Mapped(step.merge))


RECIPES: tuple[Recipe, ...] = (ladder_vae,)
