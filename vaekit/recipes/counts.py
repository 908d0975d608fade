"""Models of counts that were measured more or less deeply, as those of genes in cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from torch import nn

from vaekit.conditionals import Conditional, Site
from vaekit.families import DiagonalNormal
from vaekit.families.base import COUNTS
from vaekit.families.counts import OfTotal
from vaekit.models.counted import CountedVAE, LogTotals, OfShares
from vaekit.networks import InputLayerFirst, Join, dense
from vaekit.networks.inputs import Log1p
from vaekit.recipes import parts
from vaekit.recipes.parts import CodeSize, LikelihoodName, Link, Posterior, Prior
from vaekit.recipes.recipe import Built, Recipe
from vaekit.recipes.uses import good_for
from vaekit.system.checks import require
from vaekit.system.ranges import Count, Range, Share, ShareBelow, Swept, Weight, Whole
from vaekit.system.types import Shape


@good_for(
    "codes",
    "counts as shares of their total: how deeply a row was measured is no part of its code.",
    rank=2.0,
    when=lambda data: data.counts and not data.image,
)
@good_for(
    "likelihood",
    "counts as shares of their total, with a spread of their own for each column.",
    rank=0.9,
    when=lambda data: data.counts and not data.image,
)
def count_vae(
    shape: Shape,
    *,
    levels: int = 256,
    steps: int = 1,
    given: Mapping[str, int] | None = None,
    latent: CodeSize = 10,
    likelihood: LikelihoodName = "negative_binomial",
    total: Literal["observed", "latent"] = "observed",
    spread: Literal["element", "row"] = "element",
    width: Annotated[Count, Swept(64, 512, log=True)] = 128,
    depth: Annotated[int, Range(1, 1000)] = 1,
    posterior: Posterior = "diagonal",
    rank: Count = 2,
    posterior_components: Whole = 0,
    tilt: Weight = parts.TILT,
    prior: Prior = "standard",
    prior_components: Whole = 0,
    link: Link = "softplus",
    kl_warmup: Share = 0.0,
    drop: ShareBelow = 0.0,
) -> Built:
    """Counts as shares of a row's total, given batches: scVI's model of genes in cells
    (Lopez et al. 2018).

    Args:
        shape: of one row of x.
        levels: of nothing here.
        steps: updates of the training, for schedules.
        given: width of each thing that is given beside x, by name: a batch, say.
        latent: numbers in a code.
        likelihood: of counts: negative_binomial, zero_inflated, count_mixture or poisson.
        total: of a row's counts: observed, or a latent of its own.
        spread: of counts about their mean, learned once for each element, or for each row too.
        width: of hidden layers.
        depth: hidden layers.
        posterior: q(z|x), as in vae.
        rank: of a low_rank posterior.
        posterior_components: of a mixture posterior (4); reflections of householder (4), steps of
            planar and radial (8) and sylvester (4).
        tilt: of a full or low_rank posterior: how much raw numbers make dimensions share; where it
            is small, their noise does not hold training back.
        prior: p(z): standard, or learned: mixture, vamp, flow, maf, realnvp, lars, exemplar.
        prior_components: of a mixture (50), pseudo-inputs of a vamp (500), rows of an exemplar
            prior (1,000).
        link: how the network gives standard deviations: softplus, or exp of half a log variance.
        kl_warmup: share of the training over which the KL's weight rises from 0 to 1.
        drop: share of the training rows from which what is given is withheld.
    """
    data = parts.likelihood_family(likelihood, shape, levels, "auto", 3)
    counted = data.kind is COUNTS
    require(counted, f"count_vae is for counts: {likelihood} is of {data.kind.name} values")
    code = parts.posterior_family(posterior, latent, rank, link, posterior_components, tilt)
    beside, hidden = sum((given or {}).values()), parts.layers(depth, width)
    family = OfTotal(data, by_row=spread == "row")  # type: ignore[arg-type]
    decode = OfShares(Join(dense((latent + beside,), family.raw_shape, hidden)), family)

    def encoder(of: DiagonalNormal) -> Conditional:
        """q of a latent."""
        numbers = math.prod(shape) + beside
        net = Join(dense((numbers,), of.raw_shape, hidden))
        return Conditional(InputLayerFirst(nn.Sequential(Log1p(), nn.Flatten()), net), of)

    encode = encoder(code)  # type: ignore[arg-type]
    before = parts.prior(prior, Site(latent, shape, encode, prior_components, bool(beside)))
    of_total = encoder(DiagonalNormal(1)) if total == "latent" else None
    side = parts.condition_dropout(drop, beside)
    model = CountedVAE(before, encode, decode, LogTotals(), of_total, side)
    return Built(model, parts.warmed_up(kl_warmup, steps))


RECIPES: tuple[Recipe, ...] = (count_vae,)
