"""Variants for codes whose numbers tell different factors of the data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from vaekit.objectives import Term, discrepancies, penalties, schedules
from vaekit.objectives.critics import TotalCorrelation
from vaekit.objectives.discrepancies import Kernel
from vaekit.objectives.schedules import above_one, times
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.checks import require
from vaekit.system.ranges import Above, Count, Share, Swept, Weight

FALL = 0.7  # of the training


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
    fall: Share = FALL,
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
    model, objective = vae(rows=rows, steps=steps, **rest)
    falls = _falls(beta, beta_start, fall, steps)
    b, a = (above_one(times(weight, falls)) for weight in (beta, alpha))
    even = sampling == "weighted"
    terms = [Term("total_correlation", b, penalties.total_correlation(rows, even=even), "batch")]
    if a != 0:
        told = penalties.mutual_information(rows, even=even)
        terms.append(Term("mutual_information", a, told, "batch"))
    return Built(model, objective.plus(*terms))


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
    beta: Weight = 1.0,
    beta_start: Weight = 0.0,
    fall: Share = FALL,
    critic_width: Count = 256,
    critic_lr: Above = 1e-3,
    steps: int = 1,
    **rest: Any,
) -> Built:
    """The codes' total correlation as a critic sees it, weighed by gamma, beside the ELBO
    (Kim & Mnih 2018).

    Args:
        gamma: weight of the total correlation.
        beta: weight of what each number of a code tells by itself, a part of the KL; the paper's
            is 1.
        beta_start: what beta falls from, by equal factors: numbers are turned to factors, and a
            critic can see what they share, while they tell little; 0: it stays.
        fall: share of the training over which it falls.
        critic_width: of the critic's three hidden layers.
        critic_lr: the critic's highest learning rate.
        steps: updates of the training, for schedules.
    """
    model, objective = vae(steps=steps, **rest)
    critic = TotalCorrelation(sum(model.latents.values()), critic_width, critic_lr)
    terms = [Term("total_correlation", gamma, critic, "batch")]
    weight = above_one(times(beta, _falls(beta, beta_start, fall, steps)))
    if weight != 0:
        told = penalties.information_by_dimension
        terms.append(Term("information", weight, told, "batch"))
    return Built(model, objective.plus(*terms))


def _falls(weight: float, start: float, share: float, steps: int) -> schedules.Weight:
    """What a weight is multiplied by to fall from ``start`` over a share of the updates."""
    require(not start or weight > 0, f"beta cannot fall from {start:g} to 0: leave one out")
    rises = f"beta cannot fall from {start:g} to {weight:g}: let beta_start be above it"
    require(not start or start >= weight, rises)
    return schedules.geometric(start / weight, 1.0, int(share * steps)) if start else 1.0


RECIPES: tuple[Recipe, ...] = (
    beta_vae,
    beta_tcvae,
    capacity_vae,
    info_vae,
    dip_vae,
    factor_vae,
)
