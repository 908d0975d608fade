"""What a model of a table can be asked: new rows, rows given some of their cells, gaps filled in,
what one column says given the others, and which cells make a row odd."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from vaekit.data import Source
from vaekit.data.coding import TableCoding
from vaekit.data.conditions import by_name
from vaekit.data.kept import Filling, Kept
from vaekit.distributions import common_draws, latin_hypercube
from vaekit.models import Graph
from vaekit.models.drawing import Generator, with_common_noise
from vaekit.models.trace import trace
from vaekit.rows import Rows
from vaekit.runs.apart import per_row
from vaekit.runs.narrowing import Narrowing, cells_at, conditioned, fulfilling
from vaekit.runs.other_cells import CODES, given_others
from vaekit.runs.table_rows import AT_ONCE, Part, as_x, levels_of, parts, place_of
from vaekit.runs.trained import Trained
from vaekit.runs.where import Where, where_of
from vaekit.system.checks import BadInput, require
from vaekit.system.devices import check_wanted
from vaekit.system.progress import tracked
from vaekit.system.seeding import seeded
from vaekit.system.types import Array

CANDIDATES = 4


def coding_of(trained: Trained) -> TableCoding:
    """How the rows of a model's tables are levels.

    Raises:
        BadInput: for a model of something else.
    """
    coding = trained.config.coding
    if coding is None:
        raise BadInput(
            f"this is a model of {trained.config.data.name}, which is no table of mixed columns: "
            "train one with --recipe table_vae"
        )
    return coding


@dataclass(frozen=True)
class Synthetic:
    """New rows.

    Args:
        table: of them, with names and types of the columns as they were read.
        notes: for people.
    """

    table: pa.Table
    notes: tuple[str, ...] = ()


def synthesize(
    trained: Trained,
    rows: int,
    *,
    given: Mapping[str, Any] | None = None,
    where: str | None = None,
    balance: str | None = None,
    seed: int = 0,
) -> Synthetic:
    """New rows, with names and types of the columns as they were read.

    Args:
        trained: a model of a table.
        rows: how many.
        given: cells that all rows have, by the names of their columns.
        where: what all rows fulfil, such as "age > 60 and income == '>50K'": see
            :func:`vaekit.runs.where.parse`.
        balance: a column of which each category is to be as frequent as any other.
        seed: of everything random.

    Raises:
        BadInput: for a column or a value that the model does not know, and where rows that fulfil
            what is asked hardly have a probability.
    """
    coding = coding_of(trained)
    check_rows(trained, rows)
    coding.check_gone(given := coding.modelled(by_name(given)))
    x = as_x(coding.row_of(given)).expand(rows, -1).clone()
    if balance is not None:
        require(str(balance) not in given, f"{balance} is given, so that it cannot be balanced")
        _balance(x, coding, balance := str(balance))
    if where is None:
        filled = _drawn(trained, x, seed)
        made = coding.with_given(coding.values(filled, seed), given)
        return Synthetic(made, coding.schema.left_out)
    asked = where_of(where, coding, seed)
    for name in (*given, *([] if balance is None else [balance])):
        require(
            name not in asked.names, f"where says something of {name}, which is settled already"
        )
    filled, note = _fulfilling(trained, x, asked, seed)
    made = asked.settled(coding.values(filled, seed), coding, filled)
    notes = (str(note), *coding.schema.left_out)
    return Synthetic(coding.with_given(made, given), notes)


def check_rows(trained: Trained, rows: int) -> None:
    """Raise ``BadInput`` unless so many rows can be wanted."""
    check_wanted(rows, (len(coding_of(trained).schema.names),))


def drawn_levels(trained: Trained, rows: int, seed: int = 0) -> Array:
    """Levels of new rows, (rows, D), -1 where a cell is missing."""
    coding = coding_of(trained)
    x = as_x(coding.row_of({})).expand(rows, -1).clone()
    return coding.with_gaps(_filled(trained, x, seed, ""))


def _balance(x: Tensor, coding: TableCoding, name: str) -> None:
    """Let each level of a column be in as many rows as any other."""
    place = place_of(coding, name)
    x[:, place] = torch.arange(len(x)) % list(coding.levels.values())[place]
    if name in coding.gaps:
        x[:, coding.gaps.index(name)] = 0


def _drawn(trained: Trained, x: Tensor, seed: int) -> Array:
    """Rows, (N, D), whose missing cells are drawn; in the order of the columns where none is
    there."""
    if bool(x.isnan().all()):
        return _filled(trained, x, seed, "drawing rows")
    return conditioned(trained.model.eval(), x, seed, "given").numpy().astype(np.int32)


def _fulfilling(trained: Trained, x: Tensor, asked: Where, seed: int) -> tuple[Array, Narrowing]:
    """Rows, (N, D), whose missing cells are drawn so that they fulfil what is asked."""
    model, coding = trained.model.eval(), coding_of(trained)
    shares = {j: torch.from_numpy(s).float() for j, s in asked.shares(coding).items()}
    filled, notes = np.zeros(x.shape, np.int32), []
    given, which = x.nan_to_num(-1).unique(dim=0, return_inverse=True)
    each = tracked(given.masked_fill(given < 0, torch.nan), "drawing rows", len(given))
    for number, row in enumerate(each):
        places = (which == number).nonzero()[:, 0]
        made, note = fulfilling(model, row[None], len(places), shares, seed, "where", number)
        filled[places.numpy()] = made.numpy().astype(np.int32)
        notes.append(note)
    tried, effective = (sum(getattr(n, name) for n in notes) for name in ("tried", "effective"))
    return filled, Narrowing(float(np.mean([n.probability for n in notes])), tried, effective)


def impute(trained: Trained, data: Any, *, draws: int = 1, seed: int = 0) -> list[pa.Table]:
    """Tables without gaps: what is there stays as it is, what is missing is drawn given the rest.

    Args:
        trained: a model of a table.
        data: a table of the same columns: a path or a data frame.
        draws: how many tables; the spread between them says how sure the filled cells are.
        seed: of everything random.
    """
    require(draws >= 1, f"draws must be at least 1, not {draws}")
    found = cells_of(trained, data)
    return [fill(trained, found, seed + number) for number in range(draws)]


def fill(trained: Trained, found: Source, seed: int, kept: Filling | None = None) -> pa.Table:
    """One draw of all missing cells of some rows; cells that are there keep their values.

    Args:
        trained: a model of a table.
        found: the rows.
        seed: of everything random.
        kept: how columns are put together, where the rows are some of more.
    """
    coding, rows = coding_of(trained), levels_of(found)
    levels, own = _to_fill(coding, rows)
    made = coding.values(
        _filled(trained, as_x(levels), seed, "filling gaps", own), seed, gaps=False
    )
    return _whole(trained, found, made, kept)


def kept_of(trained: Trained, found: Source) -> Kept:
    """How the filled columns of some rows are put together."""
    assert found.whole is not None
    return Kept.of(coding_of(trained).schema, found.whole)


def _whole(trained: Trained, found: Source, made: pa.Table, how: Filling | None = None) -> pa.Table:
    """Rows as they were read, with what is made in their gaps."""
    assert found.whole is not None
    return (how or kept_of(trained, found)).filled(made, found.whole)


def expected(trained: Trained, data: Any, *, draws: int = 16, seed: int = 0) -> pa.Table:
    """A table whose gaps are filled with what is expected given the rest of a row: the mean of
    numbers, the likeliest category. A row's depends on that row and the seed alone.

    Args:
        trained: a model of a table.
        data: a table of the same columns.
        draws: of codes and of a row's other gaps, over which means are taken.
        seed: of these, which are alike for all rows.
    """
    coding, found = coding_of(trained), cells_of(trained, data)
    rows, columns = levels_of(found), coding.schema.columns
    made = coding.values(np.maximum(rows, 0), seed, gaps=False)
    gone = {j for j in range(len(columns)) if (rows[:, len(coding.gaps) + j] < 0).any()}
    pieces: dict[int, list[pa.Array]] = {j: [] for j in gone}
    starts = [*accumulate(coding.levels.values(), initial=0)][len(coding.gaps) :]
    levels, own = _to_fill(coding, rows)
    ask = partial(_chances, columns=own)
    for part in torch.from_numpy(levels).split(AT_ONCE) if gone else ():
        bare = replace(
            found, values=part, labels=None, names=(), table=None, whole=None, inside=None
        )
        chances = per_row(trained, ask, bare, None, draws, seed)
        for j in gone:
            each = chances[:, starts[j] : starts[j] + columns[j].coding.count]
            pieces[j].append(columns[j].coding.expected(each))
    for j in sorted(gone):
        place = made.column_names.index(columns[j].name)
        made = made.set_column(place, columns[j].name, pa.chunked_array(pieces[j]))
    return _whole(trained, found, made)


def _chances(
    model: Graph, rows: Rows, *, samples: int, seed: int, columns: Iterable[int]
) -> Tensor:
    """Of all levels of all cells of some columns that are missing, (rows, levels), by codes that
    weigh as p(z | the others); 0 where a cell is there."""
    model.eval()
    with torch.no_grad(), seeded(seed, "chances"):
        t = trace(model, rows, samples=samples, rule=partial(with_common_noise, even=True))
        shares = latin_hypercube(samples, rows.shape[1]).to(rows.data)
        draws = zip(t.latents["z"].value, shares, strict=True)
        each = [cells_at(model, z).chances(rows.data, share, columns) for z, share in draws]
    return (torch.stack(each) * t.log_ratio.softmax(0)[..., None]).sum(0)


def _to_fill(coding: TableCoding, rows: Array) -> tuple[Array, range]:
    """Levels of rows whose missing cells are to have values, and in which columns. Which cells
    are missing is not told: what depends on other cells alone (missing at random: Rubin 1976) is
    then right, and nothing is claimed of a row in which all cells would be there."""
    rows = rows.copy()
    rows[:, : len(coding.gaps)] = -1
    return rows, range(len(coding.gaps), rows.shape[1])


def predict(
    trained: Trained, data: Any, target: str, *, samples: int = CODES, seed: int = 0
) -> Array:
    """p(column = each of its levels | all other cells of a row), (rows, levels), by importance
    sampling over codes: see :func:`vaekit.runs.other_cells.given_others`.

    Args:
        trained: a model of a table.
        data: rows with the other columns; the column itself may be missing and is not looked at.
        target: name of the column.
        samples: codes; with more it is closer.
        seed: of the codes.
    """
    require(samples >= 1, f"samples must be at least 1, not {samples}")
    x, place, model = *_to_predict(trained, data, target), trained.model.eval()
    found = []
    for part in parts(x, seed, "predicting"):
        with seeded(seed, "predict"):
            found.append(given_others(model, part.x, place, samples))
    return torch.cat(found).exp().double().numpy()


def chances_of(trained: Trained, data: Any, target: str, *, seed: int = 0) -> Array:
    """The same by the few codes of :func:`cell_scores`, which go with what that says."""
    x, place = _to_predict(trained, data, target)
    found = [_given_others(trained, part, place) for part in parts(x, seed)]
    return torch.cat(found).exp().double().numpy()


def _to_predict(trained: Trained, data: Any, target: str) -> tuple[Tensor, int]:
    """Rows as the model takes them, and the place of a column that has a value in each."""
    coding = coding_of(trained)
    place = place_of(coding, target)
    x = as_x(coding.unsettled(levels_of(cells_of(trained, data))))
    if target in coding.gaps:
        x[:, coding.gaps.index(target)] = 0  # it has a value, which is asked for
    return x, place


def prediction(trained: Trained, data: Any, target: str, *, seed: int = 0) -> pa.Table:
    """What :func:`predict` says, as a table: the likeliest value of each row and its probability;
    of a column of categories also the probability of each.

    Args:
        trained: a model of a table.
        data: rows with the other columns.
        target: name of the column.
        seed: of the codes.
    """
    coding, p = coding_of(trained), predict(trained, data, target, seed=seed)
    best = p.argmax(1)
    made = {target: coding.values_of(target, best, seed), "probability": pa.array(p.max(1))}
    if not coding.ordered[target]:
        names = coding.values_of(target, np.arange(p.shape[1]), seed).to_pylist()
        made |= {f"p({target} = {n})": pa.array(p[:, i]) for i, n in enumerate(names)}
    return pa.table(made)


def cell_scores(trained: Trained, data: Any, *, seed: int = 0) -> dict[str, Array]:
    """log p(cell | all other cells of its row) in nats, by the names of the columns, (rows,) each;
    NaN where a cell is missing. The lowest are what makes a row odd. It is a mean over 4 codes of
    q(z | the other cells), which are not weighed: quick, for many columns, where :func:`predict`
    is exact as codes grow many.

    Args:
        trained: a model of a table.
        data: a table of the same columns.
        seed: of the codes that are drawn for each row.
    """
    coding = coding_of(trained)
    x, found = as_x(levels_of(cells_of(trained, data))), {}
    for name in tracked(coding.schema.names, "looking at cells", len(coding.schema.names)):
        place = place_of(coding, name)
        level = x[:, place].nan_to_num().long()[:, None]
        levels = torch.cat([_given_others(trained, part, place) for part in parts(x, seed)])
        each = levels.gather(1, level)[:, 0]
        found[name] = torch.where(x[:, place].isnan(), torch.nan, each).double().numpy()
    return found


def inside_each(rows: Source) -> Array:
    """Of the numbers of some rows, log density in nats inside their levels, (rows, columns)."""
    assert rows.coding is not None
    assert rows.table is not None
    schema, own = rows.coding.schema, levels_of(rows)[:, len(rows.coding.gaps) :]
    each = [schema.only(name) for name in schema.names]
    found = [s.log_density_inside(rows.table, own[:, [i]]) for i, s in enumerate(each)]
    return np.stack(found, 1)


def cells_of(trained: Trained, data: Any) -> Source:
    """The levels of rows of other data; columns that are not there are missing."""
    coding_of(trained)
    if isinstance(data, Source):
        return data
    return replace(trained.config.opening, lenient=True).open(data)


@torch.no_grad()
def _filled(
    trained: Trained, x: Tensor, seed: int, title: str, columns: Iterable[int] | None = None
) -> Array:
    """Rows whose missing cells are drawn given all others, in all or in some columns, (N, D)
    levels; -1 where one is not drawn."""
    model, filled = trained.model.eval(), []
    for part in parts(x, seed, title):
        with seeded(seed, "cells", part.number):
            z = _codes(trained, part.x)
            filled.append(cells_at(model, z).filled(part.x, columns=columns))
    return torch.cat(filled).nan_to_num(-1).numpy().astype(np.int32)


def _codes(trained: Trained, x: Tensor) -> Tensor:
    """A code for each row from p(z | its cells that are there), by importance resampling among some
    draws of q(z | these cells); of rows without any, from p(z)."""
    model = trained.model
    if bool(x.isnan().all()):
        return Generator(len(x))("z", model.priors[0]())
    t = trace(model, Rows(x), samples=CANDIDATES)
    chosen = torch.distributions.Categorical(logits=t.log_ratio.T).sample()
    return t.latents["z"].value[chosen, torch.arange(len(x))]


@torch.no_grad()
def _given_others(trained: Trained, part: Part, place: int) -> Tensor:
    """log p(each level of a column | all other cells), (rows, levels)."""
    model = trained.model.eval()
    x = part.x.clone()
    x[:, place] = torch.nan
    with seeded(part.seed, "cells"):
        z = common_draws(model.posteriors[0](x), CANDIDATES)
    each = [cells_at(model, code).logits_given(x, place) for code in z]
    return torch.logsumexp(torch.stack(each), 0) - math.log(CANDIDATES)
