"""What requests ask, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from starlette.requests import Request

from vaekit.interfaces.server.api.media import from_json
from vaekit.interfaces.server.api.options import Option
from vaekit.interfaces.server.faces import Shown
from vaekit.system.checks import require
from vaekit.system.records import from_text
from vaekit.system.types import Array

LONGEST_TEXT = 10_000


def given_of(request: Request) -> dict[str, Any]:
    """What a conditional model is given, ``?given={"label": "3"}``.

    Raises:
        BadInput: for what is no object of texts and numbers.
    """
    text = request.query_params.get("given", "")
    require(len(text) <= LONGEST_TEXT, "given is too long")
    found = from_text(text.encode(), "given") if text else {}
    told = checked_given(found) or {}
    for name, value in told.items():
        require(not isinstance(value, list), f"given: {name} must be a text or a number")
    return told


def checked_given(found: Any, *, truths: bool = False) -> dict[str, Any] | None:
    """What is given, if it is texts and numbers by name, one for all rows or one for each.

    Args:
        found: what was sent.
        truths: whether true and false may be given too.

    Raises:
        BadInput: for anything else.
    """
    require(found is None or isinstance(found, dict), 'given is an object, as {"label": "3"}')
    for name, value in (found or {}).items():
        each = value if isinstance(value, list) else [value]
        fine = all(isinstance(v, str | int | float) and (truths or v is not bool(v)) for v in each)
        require(fine, f"given: {name} must be a text or a number, or a list of one for each row")
        require(bool(each), f"given: {name} is empty")
    return found or None


def whole_of(request: Request, name: str, default: int, low: int, high: int) -> int:
    """A whole number of the address.

    Raises:
        BadInput: for anything else, or one out of range.
    """
    option = Option(name, "", default, low, high)
    return int(option.read(request.query_params.get(name, str(default))))


async def codes_of(request: Request, latent: int, most: int) -> Array:
    """Codes in a body of little-endian float32, (N, latent).

    Raises:
        BadInput: for a body of another size, or numbers that are not finite.
    """
    body = await request.body()
    require(
        0 < len(body) <= most * latent * 4 and len(body) % (4 * latent) == 0,
        f"send 1 to {most} codes of {latent} float32 each, one after the other",
    )
    found = np.frombuffer(body, "<f4").reshape(-1, latent)
    require(bool(np.isfinite(found).all()), "codes must be finite numbers")
    return found.clip(-1e6, 1e6)


async def ids_of(request: Request, rows: int) -> Array:
    """Numbers of rows in a body of little-endian uint32.

    Raises:
        BadInput: for others.
    """
    body = await request.body()
    require(len(body) > 0 and len(body) % 4 == 0, "send numbers of rows as uint32")
    found = np.frombuffer(body, "<u4").astype(np.int64)
    require(bool(found.max() < rows), f"rows are numbered from 0 to {rows - 1}")
    return np.unique(found) if len(found) > 1 else found


async def object_of(request: Request) -> Mapping[str, Any]:
    """A JSON object in the body.

    Raises:
        BadInput: for anything else.
    """
    return from_json(await request.body())


def shape_header(shown: Shown) -> dict[str, str]:
    """What says the shape and the type of rows sent as bytes."""
    if not isinstance(shown, np.ndarray):
        return {}
    return {"x-shape": ",".join(map(str, shown.shape)), "x-type": str(shown.dtype)}
