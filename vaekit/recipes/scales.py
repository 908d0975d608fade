"""The scales of a code, as a person says them."""

from __future__ import annotations

import re
from typing import Annotated

from vaekit.networks import Scales
from vaekit.system.checks import require
from vaekit.system.ranges import Parsed
from vaekit.system.types import Shape

SAID = re.compile(r"\s*[1-9][0-9]{0,8}\s*(,\s*[1-9][0-9]{0,8}\s*)*")


def sides_of(text: str) -> list[int]:
    """Scales as a person says them: "1, 2, 4"; none where the text is empty.

    Raises:
        BadInput: for what says none, or not from coarse to fine.
    """
    if not text:
        return []
    fits = SAID.fullmatch(text) is not None
    sides = [*map(int, text.split(","))] if fits else []
    rising = fits and sides == sorted({*sides})
    require(rising, f"scales are whole numbers that rise, as 1,2,4, not {text[:60]!r}")
    return sides


def scales_for(text: str, whole: Shape, stages: int = 1) -> Scales:
    """The scales that are said, and then that of all places.

    Args:
        text: places of each coarser line, or sides of each coarser map, see :func:`sides_of`.
        whole: size of the line or map of all places.
        stages: how often all places come.

    Raises:
        BadInput: for scales that are no scales, or finer than all places.
    """
    sides, places = sides_of(text), " x ".join(f"{n:,}" for n in whole)
    for side in sides:
        said = f"scales go up to {side:,}, finer than a code of {places} places: leave it out"
        require(side <= max(whole), said)
    coarser = [tuple(min(side, n) for n in whole) for side in sides if side < max(whole)]
    return Scales([*coarser, *[whole] * stages])


ScalesSaid = Annotated[str, Parsed(sides_of)]
