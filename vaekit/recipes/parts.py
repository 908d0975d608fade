"""The parts of the standard recipes, chosen by name."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from torch import Tensor, nn

from vaekit import conditionals
from vaekit.conditionals import Conditional, Site
from vaekit.families import (
    LIKELIHOODS,
    AutoregressiveFlow,
    CouplingFlow,
    DiagonalNormal,
    Family,
    FullNormal,
    HouseholderNormal,
    Likelihood,
    LowRankNormal,
    NormalMixture,
    PlanarFlow,
    PointMass,
    RadialFlow,
    SylvesterFlow,
    likelihood,
)
from vaekit.families.base import Positive, half_exp
from vaekit.families.located import Scale
from vaekit.networks import (
    ConditionDropout,
    InputLayerFirst,
    Jitter,
    Join,
    conv_decoder,
    conv_encoder,
    dense,
    residual_decoder,
    residual_encoder,
)
from vaekit.networks.inputs import SeenGaps
from vaekit.networks.layers import depth_for
from vaekit.objectives import Objective
from vaekit.objectives.bounds import elbo
from vaekit.objectives.schedules import rise
from vaekit.system.checks import BadInput, known, require
from vaekit.system.ranges import OneOf, Parsed, Range, Swept
from vaekit.system.types import Shape

Network = Literal["auto", "dense", "conv", "residual"]
Posterior = Literal[
    "diagonal", "low_rank", "full", "householder", "mixture", "even_mixture",
    "planar", "radial", "sylvester", "iaf", "coupling", "point",
]  # fmt: skip
Prior = Literal["standard", "mixture", "vamp", "flow", "maf", "realnvp", "lars", "exemplar"]
Link = Literal["softplus", "exp"]
LikelihoodName = Annotated[str, OneOf("likelihood", ("auto", *LIKELIHOODS))]
Depth = Annotated[int, Range(0, 1000)]
CodeSize = Annotated[int, Range(1), Swept(2, 64, log=True)]

SMALLEST_CONV, MOST_LAYERS = 16, 1000
NOISE, MANY, TILT, KL_WARMUP = 0.2, 8_000, 0.02, 0.3
WIDTH = 400  # of dense layers
OWN_SCHEDULE = {"kl_warmup": 0.0}  # where the KL is weighed otherwise, or not at all
LINKS: dict[str, Callable[[Tensor], Tensor]] = {"softplus": Positive(1e-4), "exp": half_exp}


@dataclass(frozen=True)
class Asked:
    """What is asked of a family of q(z|x).

    Args:
        latent: numbers of a code.
        rank: of a low-rank covariance.
        components: of a family that has some; 0 for as many as it thinks fit.
        link: from raw numbers to standard deviations.
        tilt: of what raw numbers say that dimensions share.
    """

    latent: int
    rank: int
    components: int
    link: Callable[[Tensor], Tensor]
    tilt: float


POSTERIORS: dict[str, Callable[[Asked], Family]] = {
    "diagonal": lambda of: DiagonalNormal(of.latent, of.link),
    "low_rank": lambda of: LowRankNormal(of.latent, of.rank, of.link, of.tilt),
    "full": lambda of: FullNormal(of.latent, of.link, of.tilt),
    "householder": lambda of: HouseholderNormal(of.latent, of.components or 4, of.link),
    "mixture": lambda of: NormalMixture(of.latent, of.components or 4, of.link),
    "even_mixture": lambda of: NormalMixture(of.latent, of.components or 4, of.link, even=True),
    "planar": lambda of: PlanarFlow(of.latent, of.components or 8, of.link),
    "radial": lambda of: RadialFlow(of.latent, of.components or 8, of.link),
    "sylvester": lambda of: SylvesterFlow(of.latent, of.components or 4, of.link),
    "iaf": lambda of: AutoregressiveFlow(of.latent, of.link),
    "coupling": lambda of: CouplingFlow(of.latent, of.link),
    "point": lambda of: PointMass(of.latent),
}


def posterior_family(
    name: str,
    latent: int,
    rank: int = 2,
    link: str = "softplus",
    components: int = 0,
    tilt: float = TILT,
) -> Family:
    """The family of q(z|x) by name."""
    require(latent >= 1, f"latent must be at least 1, not {latent}")
    require(rank >= 1, f"rank must be at least 1, not {rank}")
    asked = Asked(latent, rank, components, LINKS[known("link", link, LINKS)], tilt)
    found = POSTERIORS[known("posterior", name, POSTERIORS)](asked)
    require(
        components in (0, getattr(found, "components", 0)),
        f"posterior_components does nothing: a {name} posterior has none, so leave it out",
    )
    return found


def likelihood_family(
    name: str, shape: Shape, levels: int, scale: str, components: int
) -> Likelihood:
    """The family of p(x|z) by name."""
    return likelihood(
        name, shape, levels=levels, scale=parse_scale(scale, shape), components=components
    )


def parse_scale(text: str, shape: Shape = ()) -> Scale:
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
    require(0 < number < math.inf, f"scale must be above 0 and finite, not {text}")
    return number


ScaleName = Annotated[str, Parsed(parse_scale)]


def network_for(name: str, shape: Shape) -> str:
    """ "auto" is convolutional for images of at least 16 pixels a side, dense for all else."""
    image = len(shape) == 3
    if name == "auto":
        return "conv" if image and min(shape[1:]) >= SMALLEST_CONV else "dense"
    known("network", name, NETWORKS)
    require(image or name == "dense", f"network {name!r} is for images; for vectors use 'dense'")
    return name


@dataclass(frozen=True)
class Nets:
    """A kind of network: the encoder's, and the decoder's, which is its mirror.

    Args:
        encoder: from (shape of x, raw shape, width, depth).
        decoder: from (numbers of z, raw shape, width, depth).
        flat: whether the encoder takes an image as a vector.
    """

    encoder: Callable[[Shape, Shape, int, int], nn.Module]
    decoder: Callable[[int, Shape, int, int], nn.Module]
    flat: bool = False


def layers(depth: int, width: int) -> list[int]:
    """The width of each of ``depth`` layers of one width."""
    require(0 <= depth <= MOST_LAYERS, f"depth must be 0 to {MOST_LAYERS:,}, not {depth}")
    return [width] * depth


def _hidden(width: int, depth: int) -> list[int]:
    return layers(depth or 2, width or WIDTH)


NETWORKS = {
    "dense": Nets(
        lambda shape, raw, width, depth: dense(shape, raw, _hidden(width, depth)),
        lambda latent, raw, width, depth: dense((latent,), raw, _hidden(width, depth)),
        flat=True,
    ),
    "conv": Nets(
        lambda shape, raw, w, d: conv_encoder(shape, raw, channels_for(shape, w, d)),
        lambda latent, raw, w, d: conv_decoder(latent, raw, channels_for(raw, w, d)),
    ),
    "residual": Nets(
        lambda shape, raw, w, d: residual_encoder(shape, raw, channels_for(shape, w, d)),
        lambda latent, raw, w, d: residual_decoder(latent, raw, channels_for(raw, w, d)),
    ),
}


def _nets(network: str | Nets) -> Nets:
    return NETWORKS[network] if isinstance(network, str) else network


def channels_for(shape: Shape, width: int, depth: int) -> list[int]:
    """Channels of each halving: ``width``, then twice that; halved until about 4 pixels."""
    first = width or 32
    stages = depth or max(depth_for(shape[1:]), 1)
    return [first, *layers(stages - 1, 2 * first)]


def posterior(
    data: Likelihood,
    family: Family,
    network: str | Nets,
    width: int,
    depth: int,
    given: int = 0,
    noise: float = 0.0,
) -> Conditional:
    """q(z|x, given); where numbers of x may be missing, it sees which are there.

    Args:
        data: the likelihood, which makes the input layer.
        family: of q.
        network: by name, or itself.
        width: see :func:`vaekit.recipes.plain.vae`.
        depth: likewise.
        given: how many numbers are given beside x.
        noise: see :func:`vaekit.recipes.plain.vae`.
    """
    require(noise >= 0, f"noise must not be negative, not {noise}")
    shape, nets, gaps = data.event_shape, _nets(network), data.range.missing
    given += (math.prod(shape) if nets.flat else shape[0]) if gaps else 0
    if not given:
        net = nets.encoder(shape, family.raw_shape, width, depth)
        return Conditional(jittered(noise, data.kind.input(data), net), family)
    first = data.kind.input(data)
    if nets.flat:
        first, shape = jittered(noise, first, nn.Flatten()), (math.prod(shape),)
    elif noise:
        first = jittered(noise, first)
    net = nets.encoder((shape[0] + given, *shape[1:]), family.raw_shape, width, depth)
    seen = InputLayerFirst(first, Join(net))
    return Conditional(SeenGaps(seen, flat=nets.flat) if gaps else seen, family)


def like_its_encoder(
    data: Likelihood,
    family: Family,
    given: int = 0,
    *,
    network: str = "auto",
    width: int = 0,
    depth: int = 0,
    noise: float | None = None,
    rows: int = 0,
    **_: Any,
) -> Conditional:
    """A conditional that sees x, and what is given beside it, by a network like that of q(z|x) in a
    VAE of these options."""
    shape = data.event_shape
    noise = noise_for(shape, rows, noise)
    return posterior(data, family, network_for(network, shape), width, depth, given, noise)


def put_codes(
    model: Any,
    family: Family,
    before: conditionals.Prior,
    first: nn.Module | None = None,
    *,
    given: Mapping[str, int] | None = None,
    **rest: Any,
) -> None:
    """Codes of another kind for a VAE of these options: q(z|x) by a network like the one it has,
    and their prior.

    Args:
        model: that gets them.
        family: of q(z|x).
        before: p(z).
        first: layer by which the decoder sees codes.
        given: widths of what is given beside x, by name.
        rest: other options of the model.
    """
    beside, data = sum((given or {}).values()), model.likelihood.family
    model.posterior = like_its_encoder(data, family, beside, **rest)
    if first is not None:
        model.likelihood.net = InputLayerFirst(first, model.likelihood.net)
    model.put_first_prior(before)


def noise_for(shape: Shape, rows: int, asked: float | None) -> float:
    """On what the encoder sees in training, by default: codes of few images are learned by heart
    without; columns of a table may differ by less than that."""
    if asked is not None:
        return asked
    return NOISE if len(shape) == 3 and rows < MANY else 0.0


def jittered(noise: float, first: nn.Module, *others: nn.Module) -> nn.Sequential:
    """Layers one after the other, with noise behind the first in training; their weights are called
    the same with noise and without."""
    named = {str(i): layer for i, layer in enumerate((first, *others))}
    first_of_all = {"0": named.pop("0"), **({"noise": Jitter(noise)} if noise else {})}
    return nn.Sequential(OrderedDict({**first_of_all, **named}))


def decoder(
    data: Likelihood, latent: int, network: str | Nets, width: int, depth: int, given: int = 0
) -> Conditional:
    """p(x|z, given); arguments as for :func:`posterior`."""
    net = _nets(network).decoder(latent + given, data.raw_shape, width, depth)
    return Conditional(Join(net) if given else net, data)


def features(
    data: Likelihood, count: int, *, network: str = "auto", width: int = 0, depth: int = 0, **_: Any
) -> tuple[nn.Module, nn.Module]:
    """What rescales x, and a network from that to a number of features, of the encoder's kind."""
    nets = NETWORKS[network_for(network, data.event_shape)]
    net = nets.encoder(data.event_shape, (count,), width, depth)
    return data.kind.input(data), net


def prior(name: str, site: Site) -> conditionals.Prior:
    """p(z) by name."""
    require(site.components >= 0, f"prior_components must not be negative, not {site.components}")
    reason = conditionals.prior_kind(name).only_after
    require(not reason, f"a {name} prior {reason}")
    found = conditionals.prior(name, site)
    require(
        site.components in (0, found.components),
        f"prior_components does nothing: a {name} prior has none, so leave it out",
    )
    return found


def condition_dropout(share: float, given: int) -> nn.Module | None:
    """What withholds what is given from a share of the training rows."""
    require(0 <= share < 1, f"drop must be at least 0 and below 1, not {share}")
    require(bool(given) or not share, "nothing is given, so that nothing can be dropped")
    return ConditionDropout(share) if share else None


def warmed_up(share: float, steps: int) -> Objective:
    """The ELBO, the weight of whose KL rises from 0 to 1 over a share of the training."""
    require(0 <= share <= 1, f"kl_warmup must lie between 0 and 1, not {share}")
    return Objective(elbo, kl_weight=rise(1.0, share, steps) if share else 1.0)
