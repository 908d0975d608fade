"""log p(x) of single rows, and how unusual each is among rows that the model was not trained on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vaekit.data import Source
from vaekit.evaluation import log_likelihood_and_error, p_values
from vaekit.evaluation.passes import network_passes
from vaekit.runs.apart import per_row
from vaekit.runs.coder import fingerprint
from vaekit.runs.folder import REFERENCE
from vaekit.runs.incoming import at_hand
from vaekit.runs.job import reopen
from vaekit.runs.oddest import OddCells, unseen_in
from vaekit.runs.trained import Trained
from vaekit.system.checks import BadInput, require
from vaekit.system.records import Part, read_json, write_json
from vaekit.system.types import Array

LEVELS = (0.01, 0.05)  # p-values that are small, the smaller where there are rows enough
HELD_OUT, MOST, FEWEST = "validation", 2000, 300
PASSES = 100  # of a network for each row, above which fewer rows are held out
Given = Mapping[str, Any]


@dataclass(frozen=True)
class RowScores:
    """What a model says of each of some rows; all numbers are in nats, but for the p-value.

    Args:
        names: what the rows are called, or their numbers.
        log_likelihood: log p(x), (rows,); of a table with what no training row holds, see
            :func:`of_new`.
        error: its standard error, by which other draws would move it; NaN for one sample.
        elbo: a lower bound on it, where it was asked for.
        p_value: the share of held-out rows that are as unusual; see
            :func:`vaekit.evaluation.p_values`. None where there are none.
        held_out: how many rows the p-value is among.
        cells: of rows of a table the cells that make each odd, the oddest first.
    """

    names: Array
    log_likelihood: Array
    error: Array
    elbo: Array | None = None
    p_value: Array | None = None
    held_out: int = 0
    cells: OddCells | None = None

    @property
    def columns(self) -> dict[str, Array]:
        """The numbers by name."""
        each = ("log_likelihood", "error", "elbo", "p_value")
        return {name: v for name in each if (v := getattr(self, name)) is not None}

    @property
    def odd(self) -> str:
        """How many rows are as odd as the oddest held-out ones, beside how many there would be if
        they were alike; empty where there are too few held-out rows to say."""
        level = next((p for p in LEVELS if self.held_out >= 1 / p), None)
        if self.p_value is None or level is None:
            return ""
        count, rows = int((self.p_value <= level).sum()), len(self.names)
        are = "is" if count == 1 else "are"
        return (
            f"{count:,} of {rows:,} rows {are} as odd as the oddest {level:.0%} of rows that the "
            f"model was not trained on; if all were alike there would be {level * rows:.3g}"
        )

    def worst(self, number: int) -> list[dict[str, Any]]:
        """The most unusual rows, the lowest log p(x) first: their numbers by name, and of a table
        the cells that make them odd."""
        order = np.argsort(self.log_likelihood, kind="stable")[:number]
        columns = {"row": self.names, **self.columns}
        found = [{name: values[i].item() for name, values in columns.items()} for i in order]
        if self.cells is None:
            return found
        cells = self.cells.of(order.tolist())
        return [row | {"cells": odd} for row, odd in zip(found, cells, strict=True)]


def score_rows(
    trained: Trained,
    data: Any = None,
    *,
    split: str | None = None,
    samples: int = 100,
    seed: int = 0,
    elbo: bool = False,
    held_out: Array | None = None,
    given: Given | None = None,
) -> RowScores:
    """log p(x) of each row, its error, and its p-value: small for rows unlike the training data.

    Args:
        trained: the model.
        data: anything that can be opened; by default the model's own.
        split: rows of it; by default test of the model's own data, all of other data.
        samples: importance samples for each row.
        seed: of the noise, which is the same for all rows.
        elbo: whether to bound log p(x) from below as well.
        held_out: scores of usual rows; by default :func:`held_out_scores`. If there are none, there
            are no p-values.
        given: what a conditional model is given, if the data does not carry it.

    Raises:
        BadInput: for a model without a density, or, where p-values are wanted, one whose own data
            cannot be opened.
    """
    data = at_hand(trained.config, trained.source if data is None else data, "score_rows")
    require(trained.has_density, "an autoencoder has no log p(x)")
    require(samples >= 1, f"samples must be at least 1, not {samples}")
    how: dict[str, Any] = {"samples": samples, "seed": seed}
    if held_out is None:
        held_out = held_out_scores(trained, **how)
    rows, names = _named(trained, data, split)
    both = per_row(trained, log_likelihood_and_error, rows, given, samples, seed)
    value, error, new = *both.T, of_new(rows)
    among = torch.from_numpy(np.asarray(held_out, dtype=np.float64))
    is_table = trained.config.coding is not None and isinstance(rows, Source)
    return RowScores(
        names=np.arange(len(value)) if names is None else names,
        log_likelihood=value + new,
        error=error,
        elbo=trained.elbo(rows, given=given, **how) + new if elbo else None,
        p_value=p_values(torch.from_numpy(value + new), among).numpy() if len(among) else None,
        held_out=len(among),
        cells=OddCells(trained, rows, seed) if is_table else None,
    )


def _named(trained: Trained, data: Any, split: str | None) -> tuple[Any, Array | None]:
    """Rows to score, and what they are called, if they are known by a name or a number."""
    if isinstance(data, str | os.PathLike):
        data = trained.open(data)
    if isinstance(data, Source):
        split = trained.split_of(data, split)
        return data.part(split), data.names_of(split)
    return data, None


def of_new(rows: Any) -> Array | float:
    """Log probability of the cells of rows that hold what no training row does, nats, (rows,): to
    the model they are missing, and each counts as if it were in one training row and one more.

    Args:
        rows: to score; 0 for any but a table's.
    """
    is_table = isinstance(rows, Source) and rows.table is not None
    return sum(unseen_in(rows).values(), 0.0) if is_table else 0.0


def held_out_scores(
    trained: Trained,
    *,
    samples: int = 100,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
) -> Array:
    """log p(x) of rows of the model's own data that it was not trained on, rising: the validation
    split, or 2,000 rows of it chosen at random; fewer where each takes more than 100 passes of the
    network, as of tables of more columns, but 300.

    Args:
        trained: the model.
        samples: importance samples for each row.
        seed: of the noise.
        folder: of the model, where the scores are kept once they are known, so that they are known
            without the data too.

    Raises:
        BadInput: if they are not known, and the model's own data cannot be opened.
    """
    return HeldOut(trained, folder, samples, seed).scores()


@dataclass(frozen=True)
class HeldOut:
    """Scores of rows that a model was not trained on, see :func:`held_out_scores`.

    Args:
        trained: the model.
        folder: of the model, where the scores are kept once they are known.
        samples: importance samples for each row.
        seed: of the noise.
    """

    trained: Trained
    folder: str | os.PathLike[str] | None
    samples: int
    seed: int

    @cached_property
    def _key(self) -> dict[str, Any]:
        return {"model": fingerprint(self.trained), "samples": self.samples, "seed": self.seed}

    @cached_property
    def _known(self) -> tuple[Path | None, Array | None]:
        """Where scores may be kept, and those that are."""
        path = None if self.folder is None else Path(self.folder, REFERENCE)
        try:
            return path, _kept(path, self._key)
        except BadInput:  # a file of somebody's own, which is left alone
            return None, None

    @property
    def rows(self) -> int:
        """How many rows at most are yet to be scored; 0 where their scores are kept."""
        return usual_rows(self.trained) if self._known[1] is None else 0

    def scores(self) -> Array:
        """The scores, rising.

        Raises:
            BadInput: if they are not known, and the model's own data cannot be opened.
        """
        path, kept = self._known
        if kept is not None:
            return kept
        trained = self.trained
        source = trained.source
        if source is None or source.fingerprint != trained.config.data.fingerprint:
            source = reopen(trained.config)
        rows = source.some(HELD_OUT, usual_rows(trained), self.seed)
        each = trained.log_likelihood(rows, samples=self.samples, seed=self.seed)
        found = np.sort(each + of_new(rows))
        if path is not None:
            with suppress(BadInput):  # a folder may be there to read only
                write_json(path, {**self._key, "log_likelihood": found.tolist()}, None)
        return found


def usual_rows(trained: Trained) -> int:
    """How many rows at most are scored to know how usual others are."""
    passes = max(network_passes(trained.model), PASSES)
    return max(MOST * PASSES // passes, FEWEST)


def _kept(path: Path | None, key: Mapping[str, Any]) -> Array | None:
    """Scores that are kept in a file, if they are this model's, and by these samples.

    Raises:
        BadInput: for a file that keeps no scores.
    """
    if path is None or not path.is_file():
        return None
    found = Part(read_json(path), str(path))
    scores = np.asarray(found.numbers("log_likelihood"))
    rest = {name: value for name, value in found.found.items() if name != "log_likelihood"}
    return scores if rest == key else None
