"""The parts of the standard recipes, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from vaekit.conditionals import Conditional
from vaekit.families import (
    DiagonalNormal,
    Family,
    FullNormal,
    Likelihood,
    LowRankNormal,
    PointMass,
    likelihood,
)
from vaekit.families.base import Positive, half_exp
from vaekit.families.elementwise import Scale
from vaekit.networks import (
    Rescale,
    Standardize,
    conv_decoder,
    conv_encoder,
    dense,
    residual_decoder,
    residual_encoder,
)
from vaekit.networks.layers import depth_for
from vaekit.objectives import Objective
from vaekit.objectives.bounds import elbo
from vaekit.objectives.penalties import rate
from vaekit.objectives.schedules import ramp
from vaekit.system.checks import BadInput, known, require

Shape = tuple[int, ...]
Network = Literal["auto", "dense", "conv", "residual"]
Posterior = Literal["diagonal", "low_rank", "full", "point"]
Link = Literal["softplus", "exp"]

SMALLEST_CONV = 16
LEVELS = ("discretized_logistic", "logistic_mixture", "categorical", "beta_binomial")
COUNTS = ("poisson", "negative_binomial")
REAL = ("gaussian", "laplace", "student_t")
LINKS: dict[str, Callable[[Tensor], Tensor]] = {"softplus": Positive(1e-4), "exp": half_exp}


def posterior_family(name: str, latent: int, rank: int = 2, link: str = "softplus") -> Family:
    """The family of q(z|x) by name."""
    require(latent >= 1, f"latent must be at least 1, not {latent}")
    scale = LINKS[known("link", link, LINKS)]
    families: dict[str, Family] = {
        "diagonal": DiagonalNormal(latent, scale),
        "low_rank": LowRankNormal(latent, rank, scale),
        "full": FullNormal(latent, scale),
        "point": PointMass(latent),
    }
    return families[known("posterior", name, families)]


def likelihood_family(
    name: str, shape: Shape, levels: int, scale: str, components: int
) -> Likelihood:
    """The family of p(x|z) by name."""
    return likelihood(
        name, shape, levels=levels, scale=parse_scale(scale, shape), components=components
    )


def parse_scale(text: str, shape: Shape) -> Scale:
    """ "shared", "element", "network", a number above 0, or "auto": shared for images (one noise
    for all pixels), per element for vectors (columns differ)."""
    if text == "auto":
        return "shared" if len(shape) == 3 else "element"
    if text in ("shared", "element", "network"):
        return text  # type: ignore[return-value]
    try:
        number = float(text)
    except ValueError:
        raise BadInput(
            f"scale must be auto, shared, element, network or a number, not {text!r}"
        ) from None
    require(number > 0, f"scale must be above 0, not {text}")
    return number


def input_layer(kind: str, shape: Shape, levels: int) -> nn.Module:
    """What brings the data of this likelihood to a size that networks like."""
    if kind in LEVELS:
        return Rescale(levels)
    if kind in COUNTS or kind in REAL:
        return Standardize(shape, log=kind in COUNTS)
    return nn.Identity()


def network_for(name: str, shape: Shape) -> str:
    """ "auto" is convolutional for images of at least 16 pixels a side, dense for all else."""
    image = len(shape) == 3
    if name == "auto":
        return "conv" if image and min(shape[1:]) >= SMALLEST_CONV else "dense"
    require(image or name == "dense", f"network {name!r} is for images; for vectors use 'dense'")
    return known("network", name, ("dense", "conv", "residual"))


def encoder(kind: str, shape: Shape, raw: Shape, width: int, depth: int) -> nn.Module:
    """The network of q(z|x)."""
    if kind == "dense":
        return dense(shape, raw, [width or 400] * (depth or 2))
    channels = channels_for(shape, width, depth)
    if kind == "conv":
        return conv_encoder(shape, raw, channels)
    return residual_encoder(shape, raw, channels)


def decoder(kind: str, shape: Shape, latent: int, raw: Shape, width: int, depth: int) -> nn.Module:
    """The network of p(x|z), the mirror of the encoder."""
    if kind == "dense":
        return dense((latent,), raw, [width or 400] * (depth or 2))
    channels = channels_for(shape, width, depth)
    if kind == "conv":
        return conv_decoder(latent, raw, channels)
    return residual_decoder(latent, raw, channels)


def channels_for(shape: Shape, width: int, depth: int) -> list[int]:
    """Channels of each halving: ``width``, then twice that; halved until about 4 pixels."""
    first = width or 32
    stages = depth or max(depth_for(shape[1:]), 1)
    return [first, *[2 * first] * (stages - 1)]


def posterior(
    shape: Shape, family: Family, network: str, kind: str, levels: int, width: int, depth: int
) -> Conditional:
    """q(z|x)."""
    net = encoder(network, shape, family.raw_shape, width, depth)
    return Conditional(nn.Sequential(input_layer(kind, shape, levels), net), family)


def warmed_up(share: float, steps: int) -> Objective:
    """The ELBO, the weight of whose KL rises from 0 to 1 over a share of the training."""
    rising = [(ramp(-1.0, 0.0, int(share * steps)), rate)] if share else []
    return Objective(elbo, *rising)
