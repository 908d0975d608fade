"""Models of rows of several modalities, such as a picture and columns of a table, with one code for
all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from torch import nn

from vaekit.conditionals import Conditional, StandardNormal
from vaekit.families.base import Family
from vaekit.families.experts import (
    ExpertsWithOwn,
    How,
    InModalities,
    JoinedExperts,
    Modality,
)
from vaekit.families.gaps import WithGaps
from vaekit.models import VAE
from vaekit.models.drawing import Rule, stratified
from vaekit.networks import dense
from vaekit.networks.modalities import (
    Jointly,
    ModalityEncoder,
    ModalityEncoders,
    SeesPlaces,
    SideBySide,
)
from vaekit.objectives import Objective, Term
from vaekit.objectives.modalities import (
    away_from_experts,
    in_common,
    single_modalities,
    told_by_one,
)
from vaekit.recipes import parts as named
from vaekit.recipes.modalities import Spec, modalities_of
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for, of_parts
from vaekit.system.ranges import Count, Share, Swept, Weight
from vaekit.system.types import Shape

SETTLED = {"missing": True, "posterior": "diagonal", "prior": "standard"}
IDLE = ("rank", "tilt", "prior_components", "trim")


@extends(vae, fixed=SETTLED, without=IDLE)
@good_for(
    "gaps", "rows of several modalities, each of which may be missing.", rank=0.6, when=of_parts
)
def mvae(
    modalities: str = "2", single: Weight = 1.0, names: Sequence[str] = (), **rest: Any
) -> Built:
    """Rows of several modalities, any of which may be missing: the posterior is the product of an
    expert for each that is there (Wu & Goodman 2018).

    Args:
        modalities: columns of each, as "a-c, d-f" (by name or by number, from 0), each with
            ":bernoulli" for a likelihood or ":1x8x8" for a picture's shape, if need be; or in how
            many equal runs columns are cut.
        single: weight of the bounds of each modality by itself, beside that of the whole row.
        names: of the columns.
    """
    model, objective = _joint("product", modalities, names, **rest)
    places = [own.numbers for own in model.likelihood.family.base.each]
    alone = Term("single_modalities", single, single_modalities(places), replays=True)
    return Built(model, objective.plus(alone))


@extends(vae, fixed=SETTLED, without=IDLE)
@good_for(
    "gaps", "the same by a mixture of experts: one tells another more.", rank=0.5, when=of_parts
)
def mmvae(
    modalities: str = "2", samples: Count = 1, names: Sequence[str] = (), **rest: Any
) -> Built:
    """Rows of several modalities, any of which may be missing: the posterior is a mixture of the
    experts of those that are there, each of which is drawn from (Shi et al. 2019).

    Args:
        modalities: columns of each, as "a-c, d-f" or "0-2, 3:bernoulli", or in how many equal runs
            they are cut; see mvae.
        samples: draws of each expert.
        names: of the columns.
    """
    return _mixed(_joint("mixture", modalities, names, **rest), samples)


@extends(vae, fixed=SETTLED, without=IDLE)
@good_for("gaps", "the same by a mixture of the products of any experts.", rank=0.5, when=of_parts)
def mopoe(
    modalities: str = "2", samples: Count = 1, names: Sequence[str] = (), **rest: Any
) -> Built:
    """Rows of several modalities, any of which may be missing: the posterior is a mixture of the
    products of all subsets of the experts of those that are there (Sutter et al. 2021).

    Args:
        modalities: columns of each, as "a-c, d-f" or "0-2, 3:bernoulli", or in how many equal runs
            they are cut; see mvae.
        samples: draws of each product.
        names: of the columns.
    """
    return _mixed(_joint("mixture_of_products", modalities, names, **rest), samples)


@extends(vae, fixed=SETTLED, without=IDLE)
@good_for("gaps", "the same by what modalities tell of each other.", rank=0.5, when=of_parts)
def mvtcae(
    modalities: str = "2",
    alpha: Share = 0.9,
    beta: Annotated[Weight, Swept(0.1, 10.0, log=True)] = 1.0,
    names: Sequence[str] = (),
    **rest: Any,
) -> Built:
    """Rows of several modalities, any of which may be missing: the posterior is the product of the
    experts of those that are there, and is taught what these tell of each other, their total
    correlation (Hwang et al. 2021).

    Args:
        modalities: columns of each, as "a-c, d-f" or "0-2, 3:bernoulli", or in how many equal runs
            they are cut; see mvae.
        alpha: the share of the total correlation; the rest is the ELBO's.
        beta: weight of all KLs.
        names: of the columns.
    """
    model, objective = _joint("product_alone", modalities, names, **rest)
    return Built(model, objective.weighing_kl(beta).but(in_common(alpha)))


@extends(vae, fixed=SETTLED, without=IDLE)
@good_for(
    "gaps",
    "the same by an encoder of all modalities, which teaches one for each.",
    rank=0.4,
    when=of_parts,
)
def jmvae(
    modalities: str = "2", alpha: Weight = 0.1, names: Sequence[str] = (), **rest: Any
) -> Built:
    """Rows of several modalities, some of which may be missing: an encoder sees all of them, and
    draws to it an expert for each, whose product is the posterior where some are missing
    (Suzuki et al. 2016).

    Args:
        modalities: columns of each, as "a-c, d-f" or "0-2, 3:bernoulli", or in how many equal runs
            they are cut; see mvae.
        alpha: weight of the KLs of the posterior from each expert.
        names: of the columns.
    """
    model, objective = _joint("joint", modalities, names, **rest)
    return Built(model, objective.plus(Term("experts", alpha, away_from_experts)))


@extends(vae, fixed=SETTLED, without=IDLE)
@good_for(
    "gaps", "the same, where modalities have much that is their own.", rank=0.4, when=of_parts
)
def mmvae_plus(
    modalities: str = "2",
    own: Count = 8,
    samples: Count = 1,
    names: Sequence[str] = (),
    **rest: Any,
) -> Built:
    """Rows of several modalities, any of which may be missing, with a code that they share, of
    which the posterior is a mixture of experts, and a code of each one's own; from a draw by
    one expert, other modalities are made with own codes that tell nothing (Palumbo et al. 2023).

    Args:
        modalities: columns of each, as "a-c, d-f" or "0-2, 3:bernoulli", or in how many equal runs
            they are cut; see mvae.
        own: numbers of each modality's own code, beside the latent ones that they share.
        samples: draws of each expert.
        names: of the columns.
    """
    return _mixed(_joint("mixture", modalities, names, own=own, **rest), samples, told_by_one)


def _mixed(built: Built, samples: int, rule: Rule = stratified) -> Built:
    """Trained by draws of each component of the posterior."""
    model, objective = built
    count = samples * model.posteriors[0].family.components
    return Built(
        model,
        Objective(
            objective.bound, samples=count, kl_weight=objective.kl_weight,
            rules=lambda _: {"z": rule},
        ),
    )  # fmt: skip


def _joint(
    how: How,
    modalities: str,
    names: Sequence[str],
    *,
    shape: Shape,
    levels: int = 256,
    steps: int = 1,
    given: Mapping[str, int] | None = None,
    latent: int = 16,
    own: int = 0,
    likelihood: str = "gaussian",
    network: str = "auto",
    width: int = 0,
    depth: int = 0,
    link: str = "softplus",
    scale: str = "auto",
    components: int = 3,
    kl_warmup: float = named.KL_WARMUP,
    drop: float = 0.0,
    noise: float | None = None,
    rows: int = 0,
    **_: Any,
) -> Built:
    """The model, and the ELBO."""
    beside = sum((given or {}).values())
    code = named.posterior_family("diagonal", latent + own, link=link)

    def modality(spec: Spec) -> Modality:
        name = spec.likelihood or likelihood
        data = named.likelihood_family(name, spec.shape, levels, scale, components)
        return Modality(spec.places, spec.shape, data, name)

    def encoder(of: Modality, code: Family = code) -> ModalityEncoder:
        kind = named.network_for(network if len(of.shape) == 3 else "dense", of.shape)
        much = named.noise_for(of.shape, rows, noise)
        seen = WithGaps(of.likelihood)
        q = named.posterior(seen, code, kind, width, depth, beside, much)
        return ModalityEncoder(of.numbers, of.shape, q.net)

    def jointly(each: Sequence[Modality]) -> nn.Module:
        features = named.posterior_family("point", width or named.WIDTH)
        count, *_ = features.raw_shape
        head = dense((len(each) * count,), code.raw_shape, [count])
        return Jointly([encoder(of, features) for of in each], head)

    def decoder(number: int, of: Modality) -> nn.Module:
        kind = named.network_for(network if len(of.shape) == 3 else "dense", of.shape)
        net = named.decoder(of.likelihood, latent + own, kind, width, depth, beside).net
        return SeesPlaces(joined.seen_by(number), net) if own else net

    each = [modality(spec) for spec in modalities_of(modalities, shape, names)]
    joined: Any = JoinedExperts(code, len(each), how)
    joined = ExpertsWithOwn(code, len(each), latent) if own else joined
    experts, whole = [*map(encoder, each)], jointly(each) if joined.way.whole else None
    encode = Conditional(ModalityEncoders(experts, whole), joined)
    nets = [decoder(number, of) for number, of in enumerate(each)]
    decode = Conditional(SideBySide(nets), WithGaps(InModalities(shape, each)))
    side = named.condition_dropout(drop, beside)
    model = VAE(StandardNormal(*joined.event_shape), encode, decode, side)
    return Built(model, named.warmed_up(kl_warmup, steps))


RECIPES: tuple[Recipe, ...] = (mvae, mmvae, mopoe, mvtcae, jmvae, mmvae_plus)
