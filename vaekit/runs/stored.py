"""How a model folder holds a prior that was fitted after training beside the trained one.

The weights are those of the trained model under the names they had, and those of the new prior
under names that begin with what it is. So the trained model can be read from them whatever the
configuration says, and two refits can lie side by side while one takes the other's place.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from vaekit.conditionals import Prior, Refitted, Site, prior_kind, refit_of
from vaekit.models import Graph
from vaekit.runs.config import Config, PriorChoice
from vaekit.system.checks import require
from vaekit.system.modules import state_beside, state_of
from vaekit.system.records import Part

START = "refitted-"
Tensors = dict[str, Tensor]


def new_prior(model: Graph, config: Config, name: str, components: int = 0) -> Prior:
    """A prior that a model could have instead of its own, not yet fitted.

    Args:
        model: whose first latent it is for; weights of the posterior may be shared with it.
        config: the model's.
        name: of the prior.
        components: of a prior that has some; 0 for as many as it thinks fit.

    Raises:
        BadInput: for a prior that does not go with the model.
    """
    kind = prior_kind(name)
    require(
        not kind.of_posteriors or model.posteriors[0].has_density,
        f"a {name} prior {kind.of_posteriors}, and an autoencoder's have no density: take "
        "another prior",
    )
    reason = kind.only_within
    require(not reason, f"the {name} prior {reason}")
    require(components >= 0, f"components must not be negative, not {components}")
    dim = next(iter(model.latents.values()))
    shape, given = config.representation.shape, bool(config.conditions)
    site = Site(dim, shape, model.first_posterior, components, given, model.metric)
    prior = refit_of(name, site)
    require(
        components in (0, prior.components),
        f"a {name} prior has no components: leave them out, or take a mixture",
    )
    return prior


def put_refit(model: Graph, config: Config) -> Tensors:
    """Give a model the refitted prior that its configuration names; returns the tensors that are
    its own, by name, to be filled.

    Raises:
        BadInput: for one that does not go with the model.
    """
    choice = config.prior
    assert choice is not None
    given = Part(dict(choice.arguments), "prior")
    given.only(["components"])
    components = given.whole("components") if given.found else 0
    prior = new_prior(model, config, choice.name, components)
    own = state_beside(prior, model)
    model.put_first_prior(Refitted(prior, model.priors[0]))
    return own


def without_refit(model: Graph) -> tuple[Graph, Refitted]:
    """A copy of a refitted model as it was trained, and the copy of the prior taken from it."""
    plain = copy.deepcopy(model)
    refitted = plain.priors[0]
    plain.put_first_prior(refitted.trained)
    return plain, refitted


def state(model: Graph, choice: PriorChoice | None) -> Tensors:
    """A model's tensors as its folder holds them."""
    if choice is None:
        return state_of(model)
    plain, refitted = without_refit(model)
    own = state_beside(refitted.new, plain)
    return {**state_of(plain), **{_start(choice) + name: tensor for name, tensor in own.items()}}


def is_refit(name: str) -> bool:
    """Whether a tensor of this name in a folder is a refitted prior's."""
    return name.startswith(START)


def trained(tensors: Mapping[str, Tensor]) -> Tensors:
    """Of a folder's tensors, those of the model as it was trained."""
    return {name: tensor for name, tensor in tensors.items() if not is_refit(name)}


def used(tensors: Mapping[str, Tensor], choice: PriorChoice | None) -> Tensors:
    """Of a folder's tensors, those of the model with its prior as chosen: other refitted priors
    may lie beside them."""
    start = None if choice is None else _start(choice)
    refitted = {n: t for n, t in tensors.items() if start is not None and n.startswith(start)}
    return {**trained(tensors), **refitted}


def complaint(path: Path, misfit: str, choice: PriorChoice | None) -> str:
    """What to say of weights that do not fit.

    Args:
        path: of their file.
        misfit: what does not, beginning with a tensor's name.
        choice: of the prior, in the configuration.
    """
    if choice is None or not is_refit(misfit):
        return f"{path} holds the weights of another recipe or size: {misfit}"
    return (
        f"{path} does not hold the {choice.name} prior that config.json names: restore a copy, or "
        'set "prior" there to null and take "weights" out to have the model as it was trained'
    )


@torch.no_grad()
def fill(own: Tensors, choice: PriorChoice, tensors: Mapping[str, Tensor]) -> None:
    """Fill what :func:`put_refit` returned from a folder's tensors."""
    for name, place in own.items():
        place.copy_(tensors[_start(choice) + name])


def _start(choice: PriorChoice) -> str:
    """What the names of a refitted prior's tensors begin with."""
    return "-".join([START + choice.name, *map(str, choice.arguments.values())]) + "."
