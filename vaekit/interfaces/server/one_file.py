"""The explorer in one file: what its server would answer is in it, and the decoder runs in the
browser."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vaekit.conditionals.base import straight
from vaekit.interfaces.export import MOST_ROWS
from vaekit.interfaces.server.bundle import page
from vaekit.interfaces.server.colours import SAMPLES, Colouring
from vaekit.interfaces.server.edited import edited_of
from vaekit.interfaces.server.faces import Face, text_of
from vaekit.interfaces.server.subject import Subject, subject_of
from vaekit.pictures.grids import COLOURS
from vaekit.runs.exports.networks import CellsDecoding, Decoding, Encoding
from vaekit.runs.exports.steps import Program, Unknown, program_of, rounded
from vaekit.runs.shown import by_rows, is_picture, tones
from vaekit.runs.tables import coding_of
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.files import replacing
from vaekit.system.progress import say
from vaekit.system.types import Array

MOST_DRAWN, FEWEST_DRAWS = 300_000, 500
MOST_HELD = 6 * 2**20  # bytes of rows, pressed: as text they take a third more
MOST_SENT = 4_000_000  # weights of a decoder that a page is sent
MOST_READ = 2**28  # numbers of rows that are looked at at all
EXACT = 500_000  # numbers of codes above which half precision has to do
KINDS = {"f2": "<f2", "f4": "<f4", "f8": "<f8", "i4": "<i4", "u1": "u1"}
KIND_OF = {np.dtype(text).str: kind for kind, text in KINDS.items()}


def write_page(
    trained: Trained,
    path: Path,
    data: Any = None,
    *,
    split: str | None = None,
    limit: int = MOST_ROWS,
    rows: bool = True,
    scores: bool = False,
    seed: int = 0,
    given: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write the explorer into one HTML file that needs no server.

    Args:
        trained: the model.
        path: of the file.
        data: anything that can be opened; by default the data the model was trained on.
        split: which rows of it; all by default.
        limit: most rows, chosen at random.
        rows: whether the rows themselves lie in the file, not their codes alone.
        scores: whether rows can be coloured by ELBO, log p(x) and the like, which takes a while.
        seed: of the choice of rows.
        given: what a conditional model is given, if the data does not carry it.

    Returns:
        What the page cannot do, in words.

    Raises:
        BadInput: where there are no rows, or the decoder needs what the page cannot compute.
    """
    halved = replace(trained.to("cpu"), model=rounded(deepcopy(trained.model)).cpu())
    decode = decoder_of(halved)
    subject = subject_of(halved, data, split=split, limit=limit, seed=seed, given=given)
    encode, missing = _encoder(halved, subject.face)
    held = {**_held(subject, rows=rows, scores=scores), "decode": decode, "encode": encode}
    held["edited"] = edited_of(subject, rows=held["rows"] is not None)
    lacks = [*missing, *([] if held["rows"] is not None else ["the rows themselves"])]
    held["about"] = _about(subject, held, lacks)
    text = page(zlib.compress(packed(held), 9), held["about"]["title"])
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return lacks


def _about(subject: Subject, held: dict[str, Any], lacks: list[str]) -> dict[str, Any]:
    """What the page has to know first: as of a server, but for what it does without."""
    about = subject.about()
    own = held["encode"] or held["edited"]
    face = about["face"] | ({} if own else {"drawable": False})
    colours = [c for c in about["colours"] if c["key"] in held["colours"]]
    note = "This page is one file: it asks nothing of anybody, and its decoder runs here."
    if lacks:
        note += f" It lacks {' and '.join(lacks)}: vaekit explore has that."
    return {
        **about, "face": face, "colours": colours, "note": note, "ways": _ways(subject),
        "alone": {"rows": held["rows"] is not None},
    }  # fmt: skip


def _ways(subject: Subject) -> list[str]:
    """Ways between codes that the page knows: the prior's where that is straight."""
    model, latent = subject.trained.model, subject.trained.latent
    ends, shares = (
        torch.randn(2, 4, latent, generator=torch.Generator().manual_seed(0)),
        torch.rand(5),
    )
    with torch.inference_mode():
        led = model.path(ends[0], ends[1], shares)
    same = torch.allclose(led, straight(ends[0], ends[1], shares), atol=1e-5)
    return ["straight", "sphere", *(["prior"] if same else [])]


# ---- networks


class _Shown(nn.Module):
    """Codes to rows as they are shown: numbers of a row, or bytes of a picture, (H, W, C)."""

    def __init__(self, trained: Trained) -> None:
        super().__init__()
        self.decoding, self.representation = Decoding(trained), trained.representation
        self.tones = tones(trained) if is_picture(trained) else None

    def forward(self, code: Tensor, *given: Tensor) -> Tensor:
        """One row."""
        values = self.decoding(code, *given)[0][0]
        dtype = getattr(torch, self.representation.dtype)
        if not dtype.is_floating_point:
            info = torch.iinfo(dtype)
            values = values.round().clamp(info.min, info.max)
        if self.tones is None:
            return values
        low, high = self.tones
        shown = ((values - low) / max(high - low, 1e-12) * 255).round().clamp(0, 255)
        return shown.permute(1, 2, 0)


def decoder_of(trained: Trained) -> Program:
    """The decoder's steps, which a page carries out.

    Args:
        trained: the model.

    Raises:
        BadInput: where the page cannot compute it.
    """
    instead = "use vaekit explore, which computes with torch"
    if is_picture(trained):
        channels = trained.representation.shape[0]
        fine = channels in COLOURS and tones(trained) is not None
        require(fine, f"a page in one file shows pictures of 1, 3 or 4 channels: {instead}")
    try:
        shown: type[Any] = by_rows(trained, cells=CellsDecoding, pictures=_Shown, numbers=_Shown)
        return program_of(shown(trained), _example(trained, torch.zeros(1, trained.latent)))
    except Unknown as error:
        raise BadInput(f"the page's decoder cannot be made: {error}; {instead}") from error


def steps_of(subject: Subject) -> bytes:
    """The decoder's steps for the page of a server; nothing for one that the page cannot compute,
    or that is large, and for tables, whose cells a server draws."""
    trained = subject.trained
    size = sum(weight.numel() for weight in trained.model.parameters())
    if trained.config.coding is not None or size > MOST_SENT:
        return b""
    try:
        return packed({"decode": decoder_of(trained.to("cpu"))})
    except BadInput:
        return b""


def _encoder(trained: Trained, face: Face) -> tuple[Program | None, list[str]]:
    """The encoder's steps, if there are such, and what the page lacks without."""
    if trained.config.coding is not None:  # edited_of
        return None, []
    takes = trained.representation
    x = torch.zeros(1, *takes.shape, dtype=getattr(torch, takes.dtype))
    if x.dtype not in (torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64):
        x = x.to(torch.float64 if x.dtype.is_floating_point else torch.int64)
    try:
        return program_of(Encoding(trained), _example(trained, x)), []
    except Unknown as error:
        say(f"note: the page encodes no rows of one's own: {error}")
        return None, ["an encoder for rows of one's own"]


def _example(trained: Trained, first: Tensor) -> list[Tensor]:
    conditions = trained.config.conditions
    kinds = [torch.int64 if c.is_categorical else torch.float64 for c in conditions]
    return [first, *(torch.zeros(1, dtype=kind) for kind in kinds)]


# ---- rows


def _held(subject: Subject, *, rows: bool, scores: bool) -> dict[str, Any]:
    """All that is known of the rows."""
    codes, latent = subject.codes, subject.trained.latent
    draws = subject.planes.draws[: max(MOST_DRAWN // latent, FEWEST_DRAWS)]
    names = [subject.name_of(i) for i in range(len(codes))]
    plain = names == [str(i) for i in range(len(codes))]
    planes = [p for p in subject.planes_offered if "," not in p]
    colours = {c.key: _colour(c) for c in subject.colours.each.values() if scores or not c.slow}
    return {
        "codes": codes if codes.size <= EXACT else codes.astype(np.float16),
        "spread": subject.spread.astype(np.float16),
        "draws": draws.astype(np.float16),
        "names": None if plain else names,
        "planes": {name: subject.planes.plane(name).about() for name in planes},
        "colours": colours,
        "given": _given(subject),
        "rows": _rows(subject) if rows else None,
        "cells": _cells(subject.trained),
        "tones": _tones(subject.trained),
        "samples": SAMPLES,
    }


def _colour(colouring: Colouring) -> Array:
    """The number of each row, as small as it goes."""
    if colouring.slow is not None:
        return np.concatenate([*colouring.slow()]).astype(np.float32)
    values = np.asarray(colouring.make())
    small = colouring.classes and len(colouring.classes) <= 256
    return values.astype(np.uint8 if small else np.float32)


def _given(subject: Subject) -> dict[str, Array]:
    """What the model is given beside each row: class numbers and covariates."""
    conditions, rows = subject.trained.config.conditions, subject.rows
    carried = conditions.carried(rows.given, rows.given_names)
    if len(carried) < len(conditions):
        return {}
    return {n: v.numpy().astype(np.float64) for n, v in conditions.ask(carried, len(rows)).items()}


def _cells(trained: Trained) -> list[list[str | None]] | None:
    """Of each column of a table what is written for each level: of numbers the mean inside it."""
    if trained.config.coding is None:
        return None
    codings = [column.coding for column in coding_of(trained).schema.columns]
    return [[*map(text_of, c.typical(np.arange(c.count)).to_pylist())] for c in codings]


def _rows(subject: Subject) -> Any:
    """The rows as they are shown, if that is not too much; of a table for each column its different
    texts, and which of them stands in each row."""
    if subject.trained.config.coding is not None:
        return _columns(subject)
    if len(subject.rows) * math.prod(subject.rows.shape) > MOST_READ:
        return None
    shown = subject.face.stored(subject.rows)
    assert isinstance(shown, np.ndarray)
    fits = shown.nbytes <= MOST_HELD or len(zlib.compress(shown.tobytes(), 6)) <= MOST_HELD
    return shown if fits else None


def _columns(subject: Subject) -> list[dict[str, Any]] | None:
    columns = [*zip(*subject.face.stored(subject.rows), strict=True)]
    texts = [[*dict.fromkeys(column)] for column in columns]
    places = [{text: n for n, text in enumerate(each)} for each in texts]
    at = [np.array([p[t] for t in c], np.int32) for p, c in zip(places, columns, strict=True)]
    size = sum(len(text or "") for each in texts for text in each) + sum(a.nbytes for a in at)
    if size > 4 * MOST_HELD:
        return None
    return [{"texts": t, "at": a} for t, a in zip(texts, at, strict=True)]


def _tones(trained: Trained) -> dict[str, Any] | None:
    """What is black and white in a picture's stored values."""
    if not is_picture(trained):
        return None
    low, high = tones(trained) or (0.0, 255.0)
    whole = np.dtype(trained.representation.dtype).kind != "f"
    return {"low": low, "high": high, "whole": whole}


# ---- bytes


def packed(held: Any) -> bytes:
    """A structure of plain things and arrays as bytes: the length of a JSON text, that text, and
    arrays behind it."""
    blobs: list[bytes] = []
    size = 0

    def put(values: Array) -> dict[str, Any]:
        nonlocal size
        kind, flat = _kind(values)
        found = {"array": {"kind": kind, "at": size, "length": flat.size}}
        blob = flat.tobytes()
        blobs.append(blob + bytes(-len(blob) % 8))
        size += len(blobs[-1])
        return found

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return put(value.reshape(-1))
        if isinstance(value, Program):
            return plain(vars(value))
        if isinstance(value, Mapping):
            return {str(k): plain(v) for k, v in value.items()}
        return [plain(v) for v in value] if isinstance(value, list | tuple) else value

    text = json.dumps(plain(held)).encode()
    head = len(text).to_bytes(4, "little") + text
    return head + bytes(-len(head) % 8) + b"".join(blobs)


def _kind(values: Array) -> tuple[str, Array]:
    """How numbers are written: whole ones as steps from each to the next, which press well."""
    if values.dtype.kind == "i":
        return "d4", np.diff(values.astype(np.int32), prepend=np.int32(0)).astype("<i4")
    kind = KIND_OF[values.dtype.newbyteorder("<").str if values.dtype.itemsize > 1 else "|u1"]
    return kind, values.astype(KINDS[kind])
