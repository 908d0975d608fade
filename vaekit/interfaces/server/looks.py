"""A closer look at one row: its code, what the model makes of it, and how likely it finds it; and
at many: what sets them apart from the others."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from vaekit.data import Source
from vaekit.evaluation.likelihood import elbo_per_row, log_likelihood_and_error
from vaekit.evaluation.passes import network_passes
from vaekit.interfaces.server.faces import Shown, text_of
from vaekit.interfaces.server.subject import Subject
from vaekit.runs import tables
from vaekit.runs.apart import per_row
from vaekit.system.records import finite
from vaekit.system.types import Array

SAMPLES, FEWEST, NEIGHBOURS, MOST_SHOWN, TELLING = 64, 4, 8, 300, 12


def packed(shown: Shown) -> dict[str, Any]:
    """Rows as they are shown, in JSON."""
    if isinstance(shown, np.ndarray):
        data = base64.b64encode(np.ascontiguousarray(shown).tobytes()).decode()
        return {"data": data, "type": str(shown.dtype), "shape": list(shown.shape)}
    return {"cells": shown}


def look(
    subject: Subject, row: Any, *, given: Mapping[str, Any] | None = None, but: int = -1
) -> dict[str, Any]:
    """One row, seen by the model.

    Args:
        subject: what is explored.
        row: a source of one row, or an array of one.
        given: what a conditional model is given, if the row does not carry it.
        but: its number among the rows, if it is one of them.
    """
    trained, told = subject.trained, dict(given or {}) or None
    both = np.concatenate([*trained.codes(row, given=told, spread=True)])[0]
    code, spread = np.split(both.astype(np.float32), 2)
    found: dict[str, Any] = {
        "code": code.tolist(),
        "spread": spread.tolist(),
        "rebuilt": packed(subject.face.made(trained.reconstruct(row, given=told))),
        "nearest": subject.nearest(code, NEIGHBOURS, but),
    }
    if trained.has_density:
        with subject.drawing:
            found |= _density(subject, row, told)
    return found


def _density(subject: Subject, row: Any, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """log p(x), its error, and the ELBO, in nats."""
    trained = subject.trained
    samples = max(SAMPLES // network_passes(trained.model), FEWEST)
    value, error = per_row(trained, log_likelihood_and_error, row, given, samples, 0)[0]
    bound = per_row(trained, elbo_per_row, row, given, samples, 0)[0]
    return {
        "log_px": _finite(value),
        "error": _finite(error),
        "elbo": _finite(bound),
        "samples": samples,
    }


def _finite(value: float) -> float | None:
    found: float | None = finite(float(value))
    return found


def look_at(subject: Subject, number: int) -> dict[str, Any]:
    """One of the rows, as :func:`look`, with what is known of it."""
    row = subject.chosen([number])
    found = look(subject, row, but=number)
    conditions = subject.trained.config.conditions
    carried = conditions.carried(row.given, row.given_names)
    told = {name: np.asarray(values)[0] for name, values in carried.items()}
    return {
        "row": number,
        "name": subject.name_of(number),
        "given": {n: v if isinstance(v, str) else float(v) for n, v in told.items()},
        "known": known_of(subject, number),
        "own": packed(subject.face.stored(row)),
        **found,
    }


def known_of(subject: Subject, number: int) -> dict[str, str]:
    """The classes of a row: its label, its split."""
    found = {}
    for c in subject.colours.each.values():
        if c.classes and c.group != "columns":
            found[c.name] = c.classes[int(c.make()[number])]
    return found


def look_at_new(subject: Subject, sent: Any, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row that a person sends, as :func:`look`, with what the model sees of it.

    Raises:
        BadInput: for what is no row of the model.
    """
    row = subject.face.taken(sent)
    found = look(subject, row, given=given)
    return {**found, "own": packed(subject.face.seen(row)), **_cells(subject, row)}


def _cells(subject: Subject, row: Any) -> dict[str, Any]:
    """Of a table's row: what each cell would be, given all others, and how odd it is."""
    trained = subject.trained
    if trained.config.coding is None:
        return {}
    with subject.drawing:
        odd = tables.cell_scores(trained, row)
        likeliest = {name: _prediction(trained, row, name) for name in odd}
    return {
        "cells": [
            {"column": name, "log_p": _finite(float(values[0])), **likeliest[name]}
            for name, values in odd.items()
        ]
    }


def _prediction(trained: Any, row: Source, name: str) -> dict[str, Any]:
    """The likeliest value of a cell given all others; of numbers the mean inside the level."""
    schema = tables.coding_of(trained).schema
    chances = tables.chances_of(trained, row, name)[0]
    best = int(chances.argmax())
    coding = schema.columns[schema.names.index(name)].coding
    value = coding.typical(np.array([best]))[0].as_py()
    return {"likeliest": text_of(value), "p": float(chances[best])}


def differs(subject: Subject, ids: Sequence[int] | Array) -> dict[str, Any]:
    """What sets some rows apart from all others.

    Returns:
        How many of each class there are, the numbers that differ most in standard deviations, and
        of pictures the mean of both.
    """
    which = np.asarray(ids, np.int64)
    subject.chosen(which[:1])
    inside = np.zeros(len(subject.rows), bool)
    inside[which] = True
    found: dict[str, Any] = {"rows": int(inside.sum()), "classes": [], "numbers": []}
    for c in subject.colours.each.values():
        if c.slow is not None and c.key not in subject.colours.jobs:
            continue
        values = subject.colours.values(c.key)
        if not isinstance(values, np.ndarray):
            continue
        if c.classes:
            found["classes"].append(_shares(c, values.astype(int), inside))
        else:
            found["numbers"].append(_apart(c.name, values, inside))
    for dim in range(subject.trained.latent):
        found["numbers"].append(_apart(f"z{dim}", subject.codes[:, dim], inside))
    found["numbers"] = sorted(found["numbers"], key=lambda n: -abs(n["apart"]))[:TELLING]
    if subject.face.about["kind"] == "pictures":
        found["means"] = packed(_mean_pictures(subject, inside))
    return found


def _shares(colouring: Any, places: Array, inside: Array) -> dict[str, Any]:
    size = len(colouring.classes)
    here = np.bincount(places[inside], minlength=size)
    all_ = np.bincount(places, minlength=size)
    order = [int(i) for i in np.argsort(-here, kind="stable") if here[i]][:TELLING]
    rows = [
        {"name": colouring.classes[i], "here": int(here[i]), "all": int(all_[i])} for i in order
    ]
    return {"name": colouring.name, "key": colouring.key, "rows": rows}


def _apart(name: str, values: Array, inside: Array) -> dict[str, Any]:
    """The means inside and outside, and their distance in standard deviations of all."""
    values = values.astype(float)
    there = np.isfinite(values)
    here, others = values[inside & there], values[~inside & there]
    if not len(here) or not len(others):
        mean = float(here.mean()) if len(here) else None
        return {"name": name, "here": mean, "others": None, "apart": 0.0}
    spread = float(values[there].std())
    apart = (here.mean() - others.mean()) / spread if spread > 0 else 0.0
    return {
        "name": name, "here": float(here.mean()), "others": float(others.mean()),
        "apart": float(apart),
    }  # fmt: skip


def _mean_pictures(subject: Subject, inside: Array) -> Array:
    """The mean picture of some rows inside, and of some outside, (2, H, W, C)."""
    means = []
    for places in (np.flatnonzero(inside), np.flatnonzero(~inside)):
        some = np.random.default_rng(0).permutation(places)[:MOST_SHOWN]
        if not len(some):
            some = np.arange(1)
        shown = subject.face.stored(subject.rows.take(torch.from_numpy(np.sort(some))))
        assert isinstance(shown, np.ndarray)
        means.append(shown.mean(0))
    return np.stack(means).round().astype(np.uint8)
