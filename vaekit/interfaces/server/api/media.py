"""Kinds of bodies: JSON, arrays of NumPy's, pictures, files; and which of them a client wants."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException

from vaekit.system.checks import BadInput, printable
from vaekit.system.records import from_text
from vaekit.system.types import Array

JSON, NPY, PNG = "application/json", "application/x-npy", "image/png"
ARCHIVE, TEXT, HTML = "application/octet-stream", "text/plain", "text/html"


@dataclass(frozen=True)
class Reply:
    """What is sent back.

    Args:
        body: its bytes.
        media: what they are.
    """

    body: bytes
    media: str = JSON


class Malformed(BadInput):
    """A body or an address that is not even written as it should be (400)."""


def from_json(body: bytes) -> dict[str, Any]:
    """The object that a body holds.

    Raises:
        Malformed: for anything else.
    """
    try:
        found = from_text(body, "the body")
    except BadInput as error:
        raise Malformed(str(error)) from error
    if not isinstance(found, dict):
        raise Malformed("the body must be a JSON object")
    return found


def in_json(found: dict[str, Any], notes: Sequence[str] = ()) -> Reply:
    """Lists, dictionaries, numbers and texts.

    Args:
        found: by name.
        notes: for people, if there are any.
    """
    found = {**found, "notes": list(notes)} if notes else found
    return Reply(json.dumps(found, separators=(",", ":"), allow_nan=False).encode())


def plain(values: Array) -> list[Any]:
    """An array as lists; null where a number is not finite, which JSON has no word for."""
    if values.dtype.kind == "f" and not (there := np.isfinite(values)).all():
        values = values.astype(object)
        values[~there] = None
    return values.tolist()


def in_npy(values: Array) -> Reply:
    """An array as a .npy file."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(values), allow_pickle=False)
    return Reply(file.getvalue(), NPY)


def sent_as(header: str | None, kinds: Sequence[str]) -> str:
    """Which kind a body is of, by its header.

    Raises:
        HTTPException: 415 for another.
    """
    found = (header or "").partition(";")[0].strip().lower()
    if found not in kinds:
        said = f"not {printable(found)[:60]!r}" if found else "which is not said"
        raise HTTPException(415, f"content-type must be {' or '.join(kinds)}, {said}")
    return found


def wanted(header: str | None, kinds: Sequence[str]) -> str:
    """The kind of reply that a client likes most; the first where it does not care.

    Raises:
        HTTPException: 406 where it takes none of these.
    """
    likes = sorted(map(_like, (header or "*/*").split(",")), key=lambda like: -like[1])
    for pattern, quality in likes:
        for kind in kinds:
            if quality > 0 and pattern in ("*/*", kind, kind.partition("/")[0] + "/*"):
                return kind
    raise HTTPException(406, f"accept must be {' or '.join(kinds)}")


def _like(text: str) -> tuple[str, float]:
    pattern, *more = (part.strip().lower() for part in text.split(";"))
    quality = next((part[2:] for part in more if part.startswith("q=")), "1")
    try:
        return pattern, float(quality)
    except ValueError:
        return pattern, 0.0
