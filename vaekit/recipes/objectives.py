"""Variants by paper: each is the plain VAE with one thing changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from vaekit.models.drawing import stratified
from vaekit.objectives import Term, bounds, discrepancies, penalties, schedules
from vaekit.objectives.amortised import Gradient, semi_amortised
from vaekit.objectives.critics import TotalCorrelation
from vaekit.objectives.discrepancies import Kernel
from vaekit.objectives.hamiltonian import hamiltonian
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.checks import require
from vaekit.system.ranges import Above, Count, Range, Share, Swept, Weight


@extends(vae)
@good_for("codes", "numbers of a code that tell different things, at the price of the likelihood.")
def beta_vae(beta: Annotated[Weight, Swept(0.1, 10.0, log=True)] = 4.0, **rest: Any) -> Built:
    """The KL weighed by beta, for disentangled codes (Higgins et al. 2017).

    Args:
        beta: weight of the KL.
    """
    model, objective = vae(**rest)
    return Built(model, objective.weighing_kl(beta))


@extends(vae)
@good_for(
    "codes",
    "numbers of a code that tell different things: their dependence is weighed.",
    rank=0.8,
)
def beta_tcvae(
    beta: Annotated[Weight, Swept(1.0, 10.0, log=True)] = 6.0,
    alpha: Weight = 1.0,
    beta_start: Weight = 0.0,
    fall: Share = 0.7,
    sampling: Literal["stratified", "weighted"] = "stratified",
    rows: int = 1,
    steps: int = 1,
    **rest: Any,
) -> Built:
    """The codes' total correlation weighed by beta, what they tell of their rows by alpha, and the
    rest of the KL by 1 (Chen et al. 2018).

    Args:
        beta: weight of the total correlation.
        alpha: weight of the mutual information of a code and its row; as high as beta, what
            numbers tell is dear, each by itself, and how they are spread is free.
        beta_start: what beta falls from, and alpha with it, by equal factors: numbers are turned
            to factors while they tell little, and then may tell more; 0: both stay.
        fall: share of the training over which they fall.
        sampling: how a batch stands for all rows: stratified, a row weighs 1 / rows for its own
            draw, as it does among all; weighted, all rows of the batch weigh alike, as in the
            paper's experiments, which also holds back what codes tell.
        rows: of the training data.
        steps: updates of the training, for schedules.
    """
    require(not beta_start or beta > 0, f"beta cannot fall from {beta_start:g} to 0: leave one out")
    model, objective = vae(rows=rows, steps=steps, **rest)
    falls = schedules.geometric(beta_start / beta, 1.0, int(fall * steps)) if beta_start else 1.0
    b, a = (schedules.above_one(schedules.times(weight, falls)) for weight in (beta, alpha))
    even = sampling == "weighted"
    terms = [Term("total_correlation", b, penalties.total_correlation(rows, even=even), "batch")]
    if alpha != 1:
        told = penalties.mutual_information(rows, even=even)
        terms.append(Term("mutual_information", a, told, "batch"))
    return Built(model, objective.plus(*terms))


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
def misvae(posterior_components: Count = 4, samples: Count = 1, **rest: Any) -> Built:
    """A mixture for a posterior, each of whose components has draws of its own
    (Kviman et al. 2023).

    Args:
        posterior_components: of the mixture.
        samples: particles of each component.
    """
    model, objective = vae(posterior_components=posterior_components, **rest)
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
@good_for("codes", "codes of as many nats as are asked for.", rank=0.4)
def capacity_vae(
    capacity: Annotated[Weight, Swept(2.0, 50.0, log=True)] = 25.0,
    gamma: Weight = 10.0,
    rise: Share = 0.8,
    steps: int = 1,
    **rest: Any,
) -> Built:
    """Codes that may say a little more as training goes on: the disentangled beta-VAE
    (Burgess et al. 2018).

    Args:
        capacity: nats that the KL is held at, in the end.
        gamma: weight of the KL's distance from the capacity.
        rise: share of the training over which the capacity rises from 0.
        steps: updates of the training, for schedules.
    """
    model, objective = vae(steps=steps, **rest | parts.OWN_SCHEDULE)
    goal = schedules.rise(capacity, rise, steps)
    term = Term("capacity", gamma, penalties.capacity, "batch", goal)
    return Built(model, objective.weighing_kl(0.0).plus(term))


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


@extends(vae)
@good_for("codes", "codes that tell more of a row and fill the prior as a whole.")
def info_vae(
    alpha: Annotated[Share, Swept(0.0, 1.0)] = 0.5,
    strength: Annotated[Weight, Swept(10.0, 1000.0, log=True)] = 100.0,
    kernel: Kernel = "imq",
    **rest: Any,
) -> Built:
    """Codes that tell more of x, and are held to the prior as a whole (Zhao et al. 2019).

    Args:
        alpha: how much of the KL of each row is taken away, 0 to 1.
        strength: of what holds all codes together to the prior: their maximum mean discrepancy.
        kernel: of the discrepancy: imq (inverse multiquadric) or rbf.
    """
    model, objective = vae(**rest)
    weight = alpha + strength - 1
    require(weight >= 0, f"alpha and strength must come to at least 1, not {alpha + strength:g}")
    term = Term("mmd", weight, discrepancies.mmd(kernel), "batch")
    return Built(model, objective.weighing_kl(1 - alpha).plus(term))


@extends(vae)
@good_for("codes", "numbers of a code that are not correlated.")
def dip_vae(
    of: Literal["means", "codes"] = "codes",
    strength: Annotated[Weight, Swept(1.0, 100.0, log=True)] = 10.0,
    diagonal: Weight = 1.0,
    **rest: Any,
) -> Built:
    """The covariance of the codes drawn to the identity, for codes that tell different things
    (Kumar et al. 2018).

    Args:
        of: of what: codes as they are drawn (kind II), or means of q(z|x) alone (kind I).
        strength: of what draws the covariances to 0.
        diagonal: how many times as strongly variances are drawn to 1.
    """
    model, objective = vae(**rest)
    penalty = discrepancies.disentangled_covariance(diagonal, of_means=of == "means")
    return Built(model, objective.plus(Term("covariance", strength, penalty, "batch")))


@extends(vae)
@good_for("codes", "numbers of a code that a critic finds independent.")
def factor_vae(
    gamma: Annotated[Weight, Swept(1.0, 50.0, log=True)] = 10.0,
    critic_width: Count = 256,
    critic_lr: Above = 1e-3,
    **rest: Any,
) -> Built:
    """The codes' total correlation as a critic sees it, weighed by gamma, beside the ELBO
    (Kim & Mnih 2018).

    Args:
        gamma: weight of the total correlation.
        critic_width: of the critic's three hidden layers.
        critic_lr: the critic's highest learning rate.
    """
    model, objective = vae(**rest)
    critic = TotalCorrelation(sum(model.latents.values()), critic_width, critic_lr)
    return Built(model, objective.plus(Term("total_correlation", gamma, critic, "batch")))


RECIPES: tuple[Recipe, ...] = (
    beta_vae,
    beta_tcvae,
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
    capacity_vae,
    cyclical_vae,
    info_vae,
    dip_vae,
    factor_vae,
)
