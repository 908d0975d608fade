"""Models of rows of numbers some of which are missing."""

from __future__ import annotations

from typing import Annotated, Any

from vaekit.families.gaps import Direction, SelfMasking
from vaekit.objectives import bounds
from vaekit.recipes.plain import vae
from vaekit.recipes.recipe import Built, Recipe, extends
from vaekit.recipes.uses import Looked, good_for
from vaekit.system.ranges import Count, Swept


def with_gaps(data: Looked) -> bool:
    """Of rows of which some numbers are missing."""
    return data.gaps


@extends(vae, fixed={"missing": True})
@good_for("gaps", "rows of numbers with gaps, which hang together smoothly.", rank=1.0)
@good_for("samples", "it learns of rows with gaps; new rows have none.", when=with_gaps)
@good_for("codes", "a code of the numbers of a row that are there.", when=with_gaps)
@good_for("likelihood", "log p of the numbers of a row that are there.", when=with_gaps)
def gaps_vae(samples: Annotated[Count, Swept(2, 50, log=True)] = 20, **rest: Any) -> Built:
    """Rows of numbers with gaps: the importance-weighted bound of the numbers that are there, by an
    encoder that sees which are (MIWAE: Mattei & Frellsen 2019). That a number is missing says
    nothing.

    Args:
        samples: K, particles per row.
    """
    model, objective = vae(**rest)
    return Built(model, objective.but(bound=bounds.iwae, samples=samples))


@extends(gaps_vae, likelihood="gaussian")
@good_for("gaps", "numbers whose being missing depends on what they are.", rank=0.9)
def not_miwae(mask: Direction = "any", **rest: Any) -> Built:
    """Rows of numbers with gaps, where how likely a number is missing depends on the number itself:
    the chance of each gap is a part of the model (self-masking: Ipsen et al. 2021).

    Args:
        mask: which numbers of a column are missing more often: high or low ones; any finds it out.
    """
    model, objective = gaps_vae(**rest)
    px = model.likelihood
    px.family = SelfMasking(px.family.base, mask)
    return Built(model, objective)


RECIPES: tuple[Recipe, ...] = (gaps_vae, not_miwae)
