"""Models whose codes lie on a sphere."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from vaekit.conditionals import Sphere
from vaekit.distributions import PowerSpherical, VonMisesFisher
from vaekit.distributions.spheres import AboutAnAxis
from vaekit.families import Direction
from vaekit.networks import UnitLength
from vaekit.recipes import parts
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import good_for
from vaekit.system.checks import known
from vaekit.system.ranges import Range, Swept

AboutAxis = Literal["power_spherical", "von_mises_fisher"]
ABOUT_AN_AXIS: dict[str, type[AboutAnAxis]] = {
    "power_spherical": PowerSpherical,
    "von_mises_fisher": VonMisesFisher,
}


@extends(vae, without=("rank", "tilt", "posterior_components", "prior", "prior_components", "link"))
@good_for("codes", "codes without a middle: directions, told apart by angles.", rank=0.5)
def sphere_vae(
    latent: Annotated[int, Range(2), Swept(2, 32, log=True)] = 8,
    posterior: AboutAxis = "power_spherical",
    **rest: Any,
) -> Built:
    """Codes are directions, each as likely: the hyperspherical VAE (Davidson et al. 2018), with
    von Mises and Fisher's posterior or the power spherical one (De Cao & Aziz 2020).

    Args:
        latent: numbers of a code, whose length is one.
        posterior: q(z|x) about an axis: power_spherical or von_mises_fisher.
    """
    make = ABOUT_AN_AXIS[known("posterior", posterior, ABOUT_AN_AXIS)]
    model, objective = vae(latent=latent, **rest)
    parts.put_codes(model, Direction(latent, make), Sphere(latent), UnitLength(), **rest)
    return Built(model, objective)


RECIPES: tuple[Recipe, ...] = (sphere_vae,)
