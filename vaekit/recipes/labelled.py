"""Models with a latent that is a class: of which some rows' are known, or none."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from torch import nn

from vaekit.conditionals import EvenLabels
from vaekit.families import OneHot
from vaekit.models import Clustered, Labelled
from vaekit.models.drawing import enumerated, likeliest_and_another
from vaekit.models.labelled import LABEL
from vaekit.networks.moved import Moved
from vaekit.objectives import Objective, Term
from vaekit.objectives.bounds import elbo, elbo_of_some
from vaekit.objectives.labels import Classification
from vaekit.objectives.labels import agreement as agreed
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.checks import require
from vaekit.system.ranges import AtMostRows, Count, Range, Weight, Whole
from vaekit.system.types import Shape

MOVED = 1 / 14  # of a side


@extends(vae, without=("drop", "kl_warmup", "trim"), latent=50)
def m2_vae(
    shape: Shape,
    given: Mapping[str, int],
    rows: int = 1,
    labelled: int = 0,
    strength: Weight = 20.0,
    agreement: Weight = 20.0,
    moved: Annotated[float, Range(0, 0.5)] | None = None,
    summed: Literal["two", "all"] = "two",
    samples: Count = 1,
    **rest: Any,
) -> Built:
    """Rows of which only some have a label: it is observed where it is known, summed out where
    it is not, over two classes right on average (Liu et al. 2019) or over all, and q(y|x) is a
    classifier (M2 of: Kingma et al. 2014) that teaches itself what it is sure of
    (Sohn et al. 2020).

    Args:
        shape: of one row of x.
        given: the label's name, and how many classes there are.
        rows: to train on.
        labelled: of them, those whose label is known.
        strength: of what teaches q(y|x) the labels that are known, beside the bound of a row.
        agreement: of what teaches q(y|x) to say of a row with noise, or moved, what it is sure of
            without.
        moved: share of a side by which pictures are shifted, turned and stretched at most before
            q(y|x) sees them in training; by default 1/14, and 0 of what is no picture.
        summed: over which classes a label that is not known is summed: two, the likeliest and one
            drawn from the others, right on average; or all, a pass for each.
        samples: draws of z for each class that is summed over.
    """
    require(len(given) == 1, f"m2_vae is given a label alone, not {' and '.join(given)} together")
    ((name, classes),) = given.items()
    require(classes > 1, f"{name} names fewer than two classes: at least two are needed")
    require(labelled > 0, f"no training row has a {name}: at least some must have one")
    # however many rows there are, labels are few: what the encoders see keeps its noise
    inner = vae(shape=shape, given={LABEL: classes}, **rest).model
    classifier = parts.like_its_encoder(inner.likelihood.family, OneHot(classes), **rest)
    most = (MOVED if len(shape) == 3 else 0.0) if moved is None else moved
    require(not most or len(shape) == 3, "moved is for pictures: leave it out")
    if most:
        layers = [("moved", Moved(most)), *classifier.net.named_children()]
        classifier.net = nn.Sequential(OrderedDict(layers))
    lesson = Classification(LABEL, name, labelled / rows, strength)
    terms = [Term("label", 0.0, lesson, replays=True)]
    if agreement:
        terms += [Term("agreement", 0.0, agreed(LABEL, agreement), replays=True)]
    bound, rule, passes = (
        (elbo, enumerated(classes), classes)
        if summed == "all"
        else (elbo_of_some, likeliest_and_another, 2)
    )
    objective = Objective(bound, *terms, samples=passes * samples, rules=lambda _: {LABEL: rule})
    return Built(Labelled(EvenLabels(classes), classifier, inner, told=name), objective)


@extends(vae, fixed={"prior": "mixture"}, without=("given", "drop", "prior_components"), latent=10)
@good_for("codes", "codes of clusters that nobody named: each row is of one of them.", rank=0.4)
def vade(
    clusters: Annotated[Count, AtMostRows()] = 10, pretraining: Whole = 1000, **rest: Any
) -> Built:
    """Rows of clusters: each has a normal of its own for its codes, and nobody says which row is of
    which (variational deep embedding: Jiang et al. 2017).

    Args:
        clusters: how many.
        pretraining: updates as an autoencoder, whose codes say where the clusters begin; at most
            as many as the training has.
    """
    first = min(pretraining, rest.get("steps", pretraining))
    model, objective = vae(prior_components=clusters, **rest)
    (prior,), (posterior,) = model.priors, model.posteriors
    return Built(Clustered(prior, posterior, model.likelihood, first), objective)


RECIPES: tuple[Recipe, ...] = (m2_vae, vade)
