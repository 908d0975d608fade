"""Variants by paper: each is the plain VAE with one thing changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from vaekit.models.drawing import stratified
from vaekit.objectives import Term, bounds, penalties, schedules
from vaekit.objectives.amortised import Gradient, semi_amortised
from vaekit.objectives.hamiltonian import hamiltonian
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.ranges import Above, Count, Range, Share, Swept, Weight


@extends(vae)
@good_for("likelihood", "a bound of several draws is tighter.", rank=0.8)
def iwae(samples: Annotated[Count, Swept(2, 50, log=True)] = 5, **rest: Any) -> Built:
    """The importance-weighted bound of several samples (Burda et al. 2016).

    Args:
        samples: K, particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.iwae, samples=samples))


@extends(vae)
@good_for("likelihood", "a bound of several draws, with gradients that vary less.", rank=0.7)
def dreg(samples: Annotated[Count, Swept(2, 50, log=True)] = 5, **rest: Any) -> Built:
    """The importance-weighted bound with doubly reparameterised gradients (Tucker et al. 2019).

    Args:
        samples: K, particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.dreg, samples=samples))


@extends(vae)
@good_for("likelihood", "averages of bounds of several draws.", rank=0.3)
def miwae(groups: Count = 8, samples: Count = 8, **rest: Any) -> Built:
    """The mean over groups of the importance-weighted bound (Rainforth et al. 2018).

    Args:
        groups: M, how many bounds are averaged.
        samples: K, particles in each of them.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.miwae(groups), samples=groups * samples))


@extends(vae)
@good_for("likelihood", "a tight bound for the decoder, a calm one for the encoder.", rank=0.3)
def piwae(groups: Count = 8, samples: Count = 8, **rest: Any) -> Built:
    """IWAE for the decoder, MIWAE for the encoder (Rainforth et al. 2018).

    Args:
        groups: M, how many bounds the encoder averages.
        samples: K, particles in each of them; the decoder sees all M * K.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.piwae(groups), samples=groups * samples))


@extends(vae, fixed={"posterior": "mixture"}, without=("rank", "tilt"))
@good_for("likelihood", "a posterior of several peaks, each with draws of its own.", rank=0.4)
def misvae(
    posterior_components: Count = 4,
    samples: Count = 1,
    component_weights: Literal["even", "learned"] = "even",
    **rest: Any,
) -> Built:
    """A mixture for a posterior, each of whose components has draws of its own
    (Kviman et al. 2023).

    Args:
        posterior_components: of the mixture.
        samples: particles of each component.
        component_weights: even, as in the papers; learned, one is soon near 1.
    """
    family = {"even": "even_mixture", "learned": "mixture"}[component_weights]
    rest |= {"posterior": family, "posterior_components": posterior_components}
    model, objective = vae(**rest)
    bound, draws = bounds.miselbo(posterior_components), posterior_components * samples
    return Built(model, objective.but(bound, draws, stratified))


@extends(vae)
@good_for("likelihood", "a blend of two bounds.", rank=0.3)
def ciwae(mix: Annotated[Share, Swept(0.0, 1.0)] = 0.5, samples: Count = 64, **rest: Any) -> Built:
    """A blend of ELBO and importance-weighted bound (Rainforth et al. 2018).

    Args:
        mix: the ELBO's share, 0 to 1.
        samples: particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.ciwae(mix), samples=samples))


@extends(vae)
@good_for("likelihood", "a family of bounds between the ELBO's and beyond.", rank=0.3)
def renyi(alpha: Annotated[float, Swept(0.0, 1.0)] = 0.5, samples: Count = 5, **rest: Any) -> Built:
    """The variational Renyi bound: alpha 1 is the ELBO, 0 IWAE (Li & Turner 2016).

    Args:
        alpha: order of the divergence; below 0 it is no lower bound on log p(x).
        samples: particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.renyi(alpha), samples=samples))


@extends(vae)
@good_for("likelihood", "a tighter bound by the thermodynamic integral.", rank=0.3)
def tvo(points: Count = 5, samples: Count = 10, **rest: Any) -> Built:
    """The thermodynamic bound (Masrani et al. 2019).

    Args:
        points: of the integral from q(z|x) to p(z|x).
        samples: particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.tvo(points), samples=samples))


@extends(vae)
@good_for("likelihood", "draws of q(z|x) that are moved to where the row is likelier.", rank=0.2)
def hvae(
    leaps: Annotated[Count, Swept(1, 10)] = 3,
    stride: Annotated[Above, Swept(0.01, 0.2, log=True)] = 0.05,
    tempering: Annotated[float, Range(0, 1, "low")] = 1.0,
    **rest: Any,
) -> Built:
    """Draws of q(z|x) moved by Hamiltonian dynamics towards p(z|x) before they count: the
    Hamiltonian VAE (Caterini et al. 2018), with steps of one length.

    Args:
        leaps: leapfrog steps.
        stride: length of each.
        tempering: by what the first momentum's precision is multiplied, above 0; 1 for none.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=hamiltonian(leaps, stride, tempering)))


@extends(vae)
@good_for("likelihood", "q(z|x) fitted to each row by some steps, as it is trained.", rank=0.2)
def sa_vae(
    refinements: Annotated[Count, Swept(1, 20)] = 5,
    stride: Annotated[Above, Swept(0.01, 0.2, log=True)] = 0.05,
    gradient: Gradient = "whole",
    samples: Count = 1,
    **rest: Any,
) -> Built:
    """q(z|x) moved up the gradient of each row's own ELBO before it counts: the semi-amortised VAE
    (Kim et al. 2018), with steps of limited length.

    Args:
        refinements: steps.
        stride: length of the first, in the numbers that the encoder gives; they fall to 0.
        gradient: whole: weights learn through the steps, by second derivatives; straight: as if
            what they add were constant.
        samples: draws per row, of each step and of the bound.
    """
    model, objective = vae(**rest)
    bound = semi_amortised(refinements, stride, gradient)
    return Built(model, objective.but(bound=bound, samples=samples))


@extends(vae)
@good_for("codes", "codes that are not silent, number by number.", rank=0.4)
def free_bits_vae(
    floor: Annotated[Weight, Swept(0.01, 1.0, log=True)] = 0.25, **rest: Any
) -> Built:
    """Every latent dimension may carry some nats for free (Kingma et al. 2016).

    The floor counts in full from the start: while the KL's weight w rises, a nat below it earns
    1 - w.

    Args:
        floor: nats that cost nothing, per latent dimension.
    """
    model, objective = vae(**rest)
    return Built(model, objective.plus(Term("free_bits", 1.0, penalties.free_bits(floor))))


@extends(vae)
@good_for("codes", "codes that are not silent, as a whole.", rank=0.4)
def rate_floor_vae(
    floor: Annotated[Weight, Swept(0.5, 20.0, log=True)] = 2.0, **rest: Any
) -> Built:
    """Codes that carry some nats on average, even where a strong decoder could do without
    (Razavi et al. 2019).

    The floor counts in full from the start: while the KL's weight w rises, a nat below it earns
    1 - w.

    Args:
        floor: nats that the code of a row carries at no cost.
    """
    model, objective = vae(**rest)
    return Built(model, objective.plus(Term("rate_floor", 1.0, penalties.rate_floor(floor))))


@extends(vae, fixed={"scale": "shared"}, likelihood="gaussian")
@good_for("likelihood", "the best standard deviation is found on the way.", rank=0.4)
def sigma_vae(**rest: Any) -> Built:
    """A Gaussian likelihood whose one standard deviation is the best one, so that no beta need be
    found (Rybkin et al. 2021)."""
    return vae(**rest)


@extends(vae, without=("kl_warmup",))
@good_for("codes", "codes that are not silent, by a weight that rises again and again.", rank=0.3)
def cyclical_vae(cycles: Annotated[Count, Swept(1, 8)] = 4, steps: int = 1, **rest: Any) -> Built:
    """The KL's weight rises from 0 to 1 again and again, against codes that say nothing
    (Fu et al. 2019).

    Args:
        cycles: how often; in each it rises in the first half and stays at 1 in the second. Each
            takes two updates or more: a training has as many as it has room for.
        steps: updates of the training, for schedules.
    """
    model, objective = vae(steps=steps, **rest | parts.OWN_SCHEDULE)
    return Built(model, objective.weighing_kl(schedules.cyclical(0.0, 1.0, steps, cycles)))


RECIPES: tuple[Recipe, ...] = (
    iwae,
    dreg,
    miwae,
    piwae,
    misvae,
    ciwae,
    renyi,
    tvo,
    hvae,
    sa_vae,
    free_bits_vae,
    rate_floor_vae,
    sigma_vae,
    cyclical_vae,
)
