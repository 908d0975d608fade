"""Models whose codes have a metric that is learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from vaekit.conditionals.metric import Metric
from vaekit.families.gaussians import Triangle
from vaekit.objectives.riemannian import riemannian
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.checks import require
from vaekit.system.ranges import Above, AtMostRows, Count, Range, Swept
from vaekit.system.types import Shape


@extends(vae, without=("drop",))
@good_for("likelihood", "the same along a metric that is learned: for few rows.", rank=0.1)
def rhvae(
    shape: Shape,
    leaps: Annotated[Count, Swept(1, 10)] = 3,
    stride: Annotated[Above, Swept(0.01, 0.2, log=True)] = 0.05,
    tempering: Annotated[float, Range(0, 1, "low")] = 1.0,
    reach: Annotated[Above, Swept(0.3, 3.0, log=True)] = 1.0,
    least: Above = 0.01,
    centres: Annotated[Count, AtMostRows()] = 100,
    latent: Annotated[int, Range(1, 64), Swept(2, 16, log=True)] = 8,
    given: Mapping[str, int] | None = None,
    **rest: Any,
) -> Built:
    """Draws of q(z|x) moved by Hamiltonian dynamics along a learned metric, by which steps are long
    where codes of rows lie: the Riemannian Hamiltonian VAE (Chadebec et al. 2020).

    Args:
        shape: of one row of x.
        leaps: steps of the generalised leapfrog.
        stride: length of each.
        tempering: by what the first momentum's precision is multiplied, above 0; 1 for none.
        reach: how far from the code of a row that which the metric says of it reaches, as a share
            of the root of the numbers in a code, which is how long draws of N(0, I) are.
        least: what the metric's inverse is at least.
        centres: training rows of which the metric is made; the file of weights holds them.
        latent: numbers in a code.
        given: nothing.
    """
    require(not given, "a metric is made of codes of rows alone: rhvae takes nothing beside them")
    model, objective = vae(shape, latent=latent, **rest)
    triangle: Any = Triangle(latent)
    factor = parts.like_its_encoder(model.likelihood.family, triangle, **rest)
    model.metric = Metric(factor, shape, centres, reach * latent**0.5, least)
    return Built(model, objective.but(bound=riemannian(leaps, stride, tempering)))


RECIPES: tuple[Recipe, ...] = (rhvae,)
