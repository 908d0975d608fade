"""What a page in one file holds so that a row of a table can be edited there: how texts are levels,
and the networks that a row is looked at with."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from vaekit.data.on_disk import in_memory
from vaekit.data.schema.arrow_types import seconds_of
from vaekit.data.schema.category_coding import CategoryCoding
from vaekit.data.schema.codings import NumberCoding
from vaekit.data.schema.forms import Moments, Plain
from vaekit.data.schema.written import Dates, Units
from vaekit.interfaces.server.faces import text_of
from vaekit.interfaces.server.subject import Subject
from vaekit.runs.exports.networks import CellsEncoding, CellsGiven, CodePrior
from vaekit.runs.exports.steps import Program, Unknown, program_of
from vaekit.runs.tables import CANDIDATES, coding_of
from vaekit.runs.trained import Trained
from vaekit.system.progress import say
from vaekit.system.seeding import seeded
from vaekit.system.types import Array

DAY = 86_400
SAMPLES = 16  # of the codes by which log p(x) is estimated


def edited_of(subject: Subject, *, rows: bool) -> dict[str, Any] | None:
    """What the page needs; None for a model of something else than tables.

    Args:
        subject: what is explored.
        rows: whether the levels of its rows lie in the page, so that a row is edited as it is.
    """
    trained = subject.trained
    if trained.config.coding is None:
        return None
    coding, latent = coding_of(trained), trained.latent
    blank, code = torch.full((1, len(coding.names)), torch.nan), torch.zeros(1, latent)
    return {
        "columns": [
            {"name": c.name, "count": c.coding.count, **reading(c.coding)}
            for c in coding.schema.columns
        ],
        "gaps": coding.places,
        "levels": [*coding.levels.values()],
        "encode": program_of(CellsEncoding(trained), [blank]),
        "given": program_of(CellsGiven(trained), [code, blank]),
        "prior": _prior(trained),
        "noise": {
            "cells": _noise("cells", CANDIDATES, latent, torch.float32),
            "density": _noise("log_likelihood", SAMPLES, latent, torch.float64),
        },
        "rows": in_memory(subject.rows.values).numpy().astype(np.int32) if rows else None,
    }


def _prior(trained: Trained) -> Program | None:
    """The steps of log p(z), if there are such: without, the page says no log p(x)."""
    try:
        return program_of(CodePrior(trained), [torch.zeros(1, trained.latent)])
    except Unknown as error:
        say(f"note: the page says no log p(x) of rows that are edited: {error}")
        return None


def _noise(key: str, samples: int, latent: int, dtype: torch.dtype) -> Array:
    """What a server's codes are drawn by, so that a page says the same."""
    with seeded(0, key):
        return torch.randn(samples, 1, latent, dtype=dtype).numpy().reshape(-1)


@singledispatch
def reading(coding: Any) -> dict[str, Any]:
    """How the page reads a column's texts as levels.

    Args:
        coding: of the column.
    """
    raise NotImplementedError(type(coding).__name__)


@reading.register
def _(coding: NumberCoding) -> dict[str, Any]:
    grid, starts = coding.grid, coding.levels.starts
    whole = {"decimals": grid.decimals, "step": grid.step, "origin": grid.origin}
    return {**spoken(coding.form), **whole, "starts": starts.astype(np.float64)}


@reading.register
def _(coding: CategoryCoding) -> dict[str, Any]:
    levels = coding.levels
    each, shared = map(text_of, levels.values.to_pylist()), len(levels.others) > 0
    return {"kind": "category", "texts": [*each], "shared": shared}


@singledispatch
def spoken(form: Any) -> dict[str, Any]:
    """How a column's texts say numbers or moments, and what stands inside for 1, or a second.

    Args:
        form: how they are stored.
    """
    raise NotImplementedError(type(form).__name__)


@spoken.register
def _(form: Plain) -> dict[str, Any]:
    return {"kind": "number", "unit": form.unit, "written": ["", "", ".", ","]}


@spoken.register
def _(form: Units) -> dict[str, Any]:
    marks = [form.before, form.after, form.decimal, form.thousands]
    return {"kind": "number", "unit": 1, "written": marks}


@spoken.register
def _(form: Moments) -> dict[str, Any]:
    unit = 1 / DAY if form.type == pa.date32() else seconds_of(form.type)
    return {"kind": "moment", "unit": unit, "written": "ymd"}


@spoken.register
def _(form: Dates) -> dict[str, Any]:
    return {"kind": "moment", "unit": form.spelling.second, "written": form.spelling.order}
