"""Models whose codes lie in hyperbolic space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from vaekit.conditionals import Ball
from vaekit.conditionals.balls import FromBall
from vaekit.families import Family
from vaekit.families.balls import Riemannian, Wrapped
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.checks import known
from vaekit.system.ranges import Above, Range, Swept

AboutAPoint = Literal["wrapped", "riemannian"]
ABOUT_A_POINT: dict[str, Callable[[int], Family]] = {"wrapped": Wrapped, "riemannian": Riemannian}


@extends(vae, without=("rank", "tilt", "posterior_components", "prior", "prior_components", "link"))
@good_for("codes", "codes of what branches: a tree has room in hyperbolic space.", rank=0.4)
def poincare_vae(
    latent: Annotated[int, Range(2), Swept(2, 8, log=True)] = 2,
    posterior: AboutAPoint = "wrapped",
    spread: Above = 1.0,
    **rest: Any,
) -> Built:
    """Codes in hyperbolic space, where rows that branch like a tree have room: the Poincaré VAE
    (Mathieu et al. 2019; Nagano et al. 2019).

    Args:
        latent: numbers of a code, a point of the Poincaré ball.
        posterior: q(z|x) about a point: a wrapped or a riemannian normal.
        spread: of p(z) in units of the curvature's radius: the larger, the more room.
    """
    make = ABOUT_A_POINT[known("posterior", posterior, ABOUT_A_POINT)]
    model, objective = vae(latent=latent, **rest)
    parts.put_codes(model, make(latent), Ball(latent, spread), FromBall(), **rest)
    return Built(model, objective)


RECIPES: tuple[Recipe, ...] = (poincare_vae,)
