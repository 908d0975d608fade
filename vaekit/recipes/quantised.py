"""Models whose codes are from a list: a learned codebook, or values at even distances."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from torch import nn

from vaekit.conditionals import Prior
from vaekit.conditionals.codebooks import Autoregressive, Even, PixelCNN
from vaekit.distributions.codebooks import Carrier, rotated, straight
from vaekit.families.codebooks import (
    Codebook,
    DrawnCodes,
    MappedCodebook,
    Nearest,
    NearestByScale,
    NearestValues,
    RunningCodebook,
)
from vaekit.networks import InputLayerFirst, Summed, SummedScales
from vaekit.objectives import Term, codebooks
from vaekit.objectives.objective import Learning
from vaekit.recipes import parts
from vaekit.recipes.parts import CodeSize
from vaekit.recipes.places import PlacedNetwork, map_size, nets_for
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.scales import ScalesSaid, scales_for
from vaekit.recipes.uses import good_for
from vaekit.system.checks import known, require
from vaekit.system.ranges import Above, Count, Range, Swept, Weight, Whole
from vaekit.system.types import Shape

PLACES = 16  # of a code in a line
MEMORY = 0.99  # of running means
Lesson = Callable[[float, float], Learning]
CodePrior = Literal["even", "autoregressive", "pixelcnn"]
CODE_PRIORS: dict[str, Callable[[Nearest, Shape], Prior]] = {
    "even": lambda family, size: Even(family),
    "autoregressive": lambda family, size: Autoregressive(family),
    "pixelcnn": PixelCNN,
}
CodebookName = Literal["free", "mapped", "running"]
CODEBOOKS: dict[str, Callable[[int, int, float], tuple[nn.Module, Lesson]]] = {
    "free": lambda entries, size, memory: (Codebook(entries, size), codebooks.learning),
    "mapped": lambda entries, size, memory: (MappedCodebook(entries, size), codebooks.learning),
    "running": lambda entries, size, memory: _running(RunningCodebook(entries, size, memory)),
}
Gradient = Literal["straight", "rotation"]
CARRIERS: dict[str, Carrier] = {"straight": straight, "rotation": rotated}
CONTINUOUS = (
    "posterior", "rank", "tilt", "posterior_components", "link", "prior", "prior_components",
    "kl_warmup",
)  # fmt: skip


def _running(book: RunningCodebook) -> tuple[nn.Module, Lesson]:
    """A list of running means, and how it learns."""
    return book, partial(codebooks.following, book)


def _with_codes(
    family: Nearest,
    code_prior: str,
    network: str,
    size: Shape,
    summed: nn.Module | None = None,
    **options: Any,
) -> Built:
    """A VAE whose codes are from the family's list, and lie on a map of a size, or in a line.
    ``summed`` is what a decoder begins with."""
    before = CODE_PRIORS[known("code_prior", code_prior, CODE_PRIORS)](family, size)
    (numbers,) = family.raw_shape
    options |= {**parts.OWN_SCHEDULE, **nets_for(network, size, numbers)}
    model, objective = vae(latent=numbers, posterior="point", **options)
    posterior: Any = model.first_posterior
    posterior.family = family
    if summed is not None:
        decoder: Any = model.likelihood
        decoder.net = InputLayerFirst(summed, decoder.net)
    model.put_first_prior(before)
    return Built(model, objective)


def _by_stage(
    book: nn.Module, places: int, stages: int, carrier: Carrier
) -> tuple[Nearest, nn.Module | None]:
    """Codes with so many entries at each place, and what sums them."""
    family = Nearest(book, places, stages, carrier)
    return family, Summed(stages, family.book.shape[1]) if stages > 1 else None


def _by_scale(
    book: nn.Module, whole: Shape, said: str, stages: int, carrier: Carrier
) -> tuple[Nearest, nn.Module | None]:
    """Codes with entries at the places of several scales, and what sums them."""
    family = NearestByScale(book, scales_for(said, whole, stages), carrier)
    return family, SummedScales(family.scales, family.book.shape[1])


@extends(vae, without=CONTINUOUS)
@good_for("codes", "codes from a learned list: words for whatever reads codes next.", rank=0.4)
def vq_vae(
    latent: Annotated[Count, Swept(2, 16, log=True)] = 4,
    places: Annotated[Whole, Swept(4, 64, log=True, idle=("network", "map"))] = 0,
    entries: Annotated[int, Range(2), Swept(16, 1024, log=True)] = 256,
    commitment: Annotated[Weight, Swept(0.1, 2.0, log=True)] = 0.25,
    revival: Weight = 0.1,
    stages: Annotated[int, Range(1, 64)] = 1,
    scales: ScalesSaid = "",
    codebook: CodebookName = "free",
    memory: Annotated[float, Range(0, 1, open="high")] = MEMORY,
    gradient: Gradient = "straight",
    code_prior: CodePrior = "even",
    network: PlacedNetwork = "auto",
    **rest: Any,
) -> Built:
    """Every place of a code has one entry of a learned codebook (van den Oord et al. 2017), or the
    sum of several.

    Args:
        latent: numbers of an entry.
        places: of a code (16); of a map there are as many as it has.
        entries: of the codebook.
        commitment: weight of what moves the encoder to the entries.
        revival: weight of what moves entries that no row of the batch has to where codes are; of
            running means, an entry in use so many times less than an even share begins anew.
        stages: entries whose sum a place has, each nearest to what those before it left.
        scales: so many places of coarser lines, or sides of coarser maps, with commas between, as
            "1,2,4": each tells what those before it left of averages over its parts, and all
            places what is left then.
        codebook: free: each entry learns by itself; mapped: random ones, moved by one linear map
            that is learned (SimVQ), so that none is left behind; running: each is the running mean
            of what the encoder gave where it was nearest (EMA).
        memory: share of running means that is kept at each update.
        gradient: of the choice: straight through, or by rotation: as if the encoder's numbers had
            been turned and stretched to the entry.
        code_prior: p(z): even, or learned: autoregressive: each entry given those before it in a
            line; pixelcnn: given those above and to the left on a map.
        network: auto is conv for images of 16 pixels a side or more, else dense; map: residual
            without dense layers, whose code is a map of places, the image halved twice (depth).
    """
    size = map_size(network, **rest)
    said = "places does nothing: network map has as many as the map, so leave it out"
    require(not (size and places), said)
    said = "a pixelcnn prior is of codes of one scale: with scales take autoregressive"
    require(not (scales and code_prior == "pixelcnn"), said)
    said = f"memory does nothing: a {codebook} codebook has none, so leave it out"
    require(codebook == "running" or memory == MEMORY, said)
    places = math.prod(size) if size else places or PLACES
    make = CODEBOOKS[known("codebook", codebook, CODEBOOKS)]
    book, lesson = make(entries, latent, memory)
    carrier = CARRIERS[known("gradient", gradient, CARRIERS)]
    if scales:
        family, summed = _by_scale(book, size or (places,), scales, stages, carrier)
    else:
        family, summed = _by_stage(book, places, stages, carrier)
    built = _with_codes(family, code_prior, network, size, summed, **rest)
    term = Term("codebook", 0.0, lesson(commitment, revival), "batch")
    return Built(built.model, built.objective.plus(term))


@extends(vae, without=CONTINUOUS)
@good_for("codes", "codes from a list that need not be learned.", rank=0.4)
def fsq_vae(
    latent: CodeSize = 16,
    values: Annotated[int, Range(2), Swept(2, 16, log=True)] = 8,
    code_prior: CodePrior = "even",
    network: PlacedNetwork = "auto",
    **rest: Any,
) -> Built:
    """Every number of a code has one of a few values: finite scalar quantisation, which has no
    codebook to learn (Mentzer et al. 2024).

    Args:
        latent: numbers in a code; of a map, of each of its places.
        values: that each may have, at even distances from -1 to 1.
        code_prior: p(z): even, or learned: autoregressive: each value given those before it in a
            line; pixelcnn: given those above and to the left on a map.
        network: auto is conv for images of 16 pixels a side or more, else dense; map: residual
            without dense layers, whose code is a map of places, the image halved twice (depth).
    """
    size = map_size(network, **rest)
    family = NearestValues(values, latent * math.prod(size))
    return _with_codes(family, code_prior, network, size, **rest)


@extends(fsq_vae, fixed={"values": 2})
@good_for("codes", "codes of bits.", rank=0.3)
def lfq_vae(entropy: Annotated[Weight, Swept(0.01, 1.0, log=True)] = 0.1, **rest: Any) -> Built:
    """Every number of a code is -1 or 1, sure in each row and of both kinds among rows: without
    look-up (Yu et al. 2024).

    Args:
        entropy: weight of what makes each row's choices sure, and those of all rows together even.
    """
    built = fsq_vae(**rest)
    term = Term("entropy", entropy, codebooks.unsure, "batch")
    return Built(built.model, built.objective.plus(term))


@extends(vae, without=[name for name in CONTINUOUS if name != "kl_warmup"])
@good_for("codes", "codes from a list, and how sure each entry of them is.", rank=0.4)
def categorical_vae(
    latent: Annotated[Count, Swept(2, 16, log=True)] = 4,
    places: Annotated[Count, Swept(4, 64, log=True)] = 16,
    entries: Annotated[int, Range(2), Swept(4, 256, log=True)] = 16,
    temperature: Annotated[Above, Swept(0.1, 2.0, log=True)] = 0.5,
    **rest: Any,
) -> Built:
    """Every place of a code has one entry of a codebook, drawn by its own chance, with gradients by
    Gumbel's noise (Jang et al. 2017; Maddison et al. 2017).

    Args:
        latent: numbers of an entry.
        places: of a code.
        entries: of the codebook.
        temperature: of gradients: low ones are right, and noisy.
    """
    family = DrawnCodes(Codebook(entries, latent), places, temperature)
    model, objective = vae(latent=places * latent, posterior="point", **rest)
    parts.put_codes(model, family, Even(family), **rest)
    return Built(model, objective)


RECIPES: tuple[Recipe, ...] = (vq_vae, fsq_vae, lfq_vae, categorical_vae)
