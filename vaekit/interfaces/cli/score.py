"""The command that scores single rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter

from vaekit.evaluation.figures import short
from vaekit.interfaces.cli.common import ON_DEVICE, Force, OnDevice
from vaekit.interfaces.cli.shared import (
    Data,
    Given,
    Model,
    Seed,
    Split,
    named_rows_for,
    open_model,
    reads,
    say,
    to_write,
)
from vaekit.runs.folder import read_config
from vaekit.runs.outlets import Outlet
from vaekit.runs.outputs import TABLES, write_parts
from vaekit.system.checks import BadInput, require
from vaekit.system.ranges import Range
from vaekit.system.records import finite

ROW_SCORES = Outlet(TABLES, "row-scores.csv in the model's folder")
TITLES = {
    "row": "row",
    "log_likelihood": "log p(x)",
    "error": "error",
    "elbo": "ELBO",
    "p_value": "p",
    "cells": "cells that make it odd (log p given the others)",
}


def score(
    model: Model,
    data: Data = None,
    /,
    *,
    split: Split = None,
    samples: Annotated[
        int, Parameter(help="Importance samples for each row.", validator=Range(1))
    ] = 100,
    elbo: Annotated[bool, Parameter(negative="", help="Bound log p(x) from below, too.")] = False,
    worst: Annotated[
        int, Parameter(help="How many of the most unusual rows to show.", validator=Range(0))
    ] = 10,
    given: Given = None,
    seed: Seed = 0,
    output: Annotated[Path | None, to_write(ROW_SCORES)] = None,
    force: Force = False,
    work: OnDevice = ON_DEVICE,
) -> None:
    """Write log p(x) of each row in nats, its error, and its p-value: the share of validation rows,
    which were not trained on, that are as unusual. Shows the most unusual rows."""
    from vaekit.runs.forecast import forecast_scores
    from vaekit.runs.oddest import BLOCK
    from vaekit.runs.score import HeldOut, score_rows

    work.begin()
    path = output or read_config(model)[0] / "row-scores.csv"
    ROW_SCORES.claim(path, force=force, inputs=reads(model, data, given=given), pictures=False)
    trained = open_model(model, data, work)
    require(trained.has_density, "an autoencoder has no log p(x)")
    rows, names = named_rows_for(trained, data, split, 0, given)
    how: dict[str, Any] = {"samples": samples, "seed": seed}
    usual = HeldOut(trained, model, **how)
    if note := forecast_scores(trained, rows, samples, usual.rows):
        say(f"note: {note}")
    try:
        held_out = usual.scores()
    except BadInput as error:
        say(f"note: no p-values: {error}")
        held_out = np.empty(0)
    found = score_rows(trained, rows, split="all", elbo=elbo, held_out=held_out, **how)
    found, columns = replace(found, names=names), found.columns
    starts = range(0, len(names), BLOCK)
    parts = (np.stack([v[i : i + BLOCK] for v in columns.values()], 1) for i in starts)
    write_parts(
        path, parts, len(names), lambda part: dict(zip(columns, part.T, strict=True)), names,
        found.cells.columns if found.cells is not None else {},
    )  # fmt: skip
    _show(found, worst, path, work)
    if not work.json:
        work.wrote(path, len(names), "scores")


def _show(found: Any, worst: int, path: Path, work: OnDevice) -> None:
    shown, rows = found.worst(worst), len(found.names)
    mean = float(found.log_likelihood.mean())
    about = {"rows": rows, "log_likelihood": mean, "held_out": found.held_out, "file": str(path)}
    if work.json:
        work.show({**about, "worst": [_finite(row) for row in shown]})
        return
    among = f"; p among {found.held_out:,} validation rows" if found.held_out else ""
    print(f"{rows:,} row{'s' * (rows != 1)}, log p(x) {short(mean)} nats on average{among}")
    if found.odd:
        print(found.odd, end="\n\n" if shown else "\n")
    if shown:
        cells = [[TITLES[name] for name in shown[0]], *([*map(_cell, r.values())] for r in shown)]
        last = [row.pop() for row in cells] if found.cells is not None else [""] * len(cells)
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for (name, *numbers), more in zip(cells, last, strict=True):
            right = (n.rjust(w) for n, w in zip(numbers, widths[1:], strict=True))
            print("  ".join([name.ljust(widths[0]), *right, more]).rstrip())


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    found = dict(row)
    if "cells" in row:
        found["cells"] = [cell.to_dict() for cell in row["cells"]]
    return {name: finite(value) for name, value in found.items()}


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return short(value) if isinstance(value, float) else str(value)
