"""How the places of a code lie: in a line, or on a map of an image."""

from __future__ import annotations

import math
from typing import Any, Literal

from vaekit.networks import map_decoder, map_encoder
from vaekit.networks.layers import halvings
from vaekit.recipes import parts
from vaekit.recipes.parts import Nets
from vaekit.system.checks import require
from vaekit.system.types import Shape

PlacedNetwork = Literal["auto", "dense", "conv", "residual", "map"]
HALVINGS = 2  # of an image, to a map of places


def map_size(network: str, shape: Shape, width: int = 0, depth: int = 0, **_: Any) -> Shape:
    """The size of the map of places of a code, (h, w); () where they are in a line.

    Args:
        network: by name.
        shape: of one row of x.
        width: see :func:`vaekit.recipes.plain.vae`.
        depth: how often the image is halved; 0: twice.

    Raises:
        BadInput: for a map of what is no image.
    """
    if network != "map":
        return ()
    require(len(shape) == 3, "network 'map' is for images; for vectors use 'dense'")
    return halvings(shape[1:], len(_channels(shape, width, depth)))[-1]


def nets_for(network: str, size: Shape, numbers: int) -> dict[str, Any]:
    """The options of :func:`vaekit.recipes.plain.vae` that say which networks there are.

    Args:
        network: by name.
        size: of the map, (h, w), or ().
        numbers: of a code, as the encoder gives and the decoder takes them.
    """
    if not size:
        return {"network": network}
    each = numbers // math.prod(size)
    nets = Nets(
        lambda shape, raw, w, d: map_encoder(shape, each, _channels(shape, w, d)),
        lambda count, raw, w, d: map_decoder(each, count - numbers, raw, _channels(raw, w, d)),
    )
    return {"nets": nets}


def _channels(shape: Shape, width: int, depth: int) -> list[int]:
    return parts.channels_for(shape, width, depth or HALVINGS)
